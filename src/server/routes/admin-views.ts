/** /admin/v1: what is looked at before somebody decides: figures over time, and what differs between two versions. */
import { z } from "@hono/zod-openapi";
import {
  backendStatesSchema,
  diffRequestSchema,
  figuresSchema,
  refusal,
  versionDiffSchema,
} from "../../protocol/index.js";
import { aliasOf } from "../../rollout/index.js";
import { wireBackends } from "../backends.js";
import { queryNumber } from "../query.js";
import type { App, HonoContext } from "../request-context.js";
import { addJsonRoute, addRoute } from "../route.js";
import { type Services, versionsOf } from "../services.js";
import { wireFigures } from "../versions/wire-figures.js";

/** What is kept: a day. */
const [defaultMinutes, mostMinutes] = [10, 24 * 60];

export function addAdminViews(app: App, services: Services): void {
  addRoute(
    app,
    {
      method: "get",
      path: "/admin/v1/backends",
      summary: "The engines of each model: their state and its reason, what runs there, and what waits.",
      answer: backendStatesSchema,
    },
    (c) => c.json(wireBackends(services.backends)),
  );
  addRoute(
    app,
    {
      method: "get",
      path: "/admin/v1/aliases/:alias/figures",
      summary: "What the answers of its versions were like over the last minutes, side by side, with 95 % intervals.",
      query: z.object({ minutes: z.string().optional() }),
      answer: figuresSchema,
    },
    (c) => {
      const { registry, figures } = versionsOf(services);
      const minutes = queryNumber(c, "minutes", defaultMinutes, 1, mostMinutes);
      return c.json(wireFigures(figures, aliasOf(registry.state, c.req.param("alias")), minutes));
    },
  );
  addRoute(
    app,
    {
      method: "get",
      path: "/admin/v1/diff",
      summary: "What differs between two versions by headers and configs; and by values, where these were read.",
      query: z.object({ a: z.string(), b: z.string() }),
      answer: versionDiffSchema,
    },
    async (c) => {
      const { diffs } = versionsOf(services);
      return c.json(await diffs.of(queryName(c, "a"), queryName(c, "b")));
    },
  );
  addJsonRoute(
    app,
    {
      path: "/admin/v1/diff",
      summary: "Begin to compare every value of two versions; ask again how far it is.",
      request: diffRequestSchema,
      answer: versionDiffSchema,
    },
    async (c, { a, b }) => {
      const { diffs } = versionsOf(services);
      return c.json(await diffs.read(a, b));
    },
  );
}

function queryName(c: HonoContext, name: string): string {
  const tag = c.req.query(name) ?? "";
  if (tag !== "") return tag;
  throw refusal(name, `${name}: expected a version`);
}

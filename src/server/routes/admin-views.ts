/** /admin/v1: what is looked at before somebody decides: figures over time, and what differs between two versions. */
import { z } from "@hono/zod-openapi";
import {
  backendStatesSchema,
  diffRequestSchema,
  examinationRequestSchema,
  examinationSchema,
  figuresSchema,
  guardReplayRequestSchema,
  guardReplaySchema,
  refusal,
  versionDiffSchema,
} from "../../protocol/index.js";
import { aliasOf, versionOf } from "../../rollout/index.js";
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
  addExaminations(app, services);
  addGuardReplay(app, services);
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

function addExaminations(app: App, services: Services): void {
  const { examinations } = services;
  const wanted = async (tag: string) => {
    const { registry } = versionsOf(services);
    const { digest } = versionOf(registry.state, tag);
    return { id: tag, key: digest, folder: await registry.folderOf(tag) };
  };
  const path = "/admin/v1/versions/:version/examination";
  addRoute(
    app,
    { method: "get", path, summary: "Every value of a version, where these were read.", answer: examinationSchema },
    async (c) => c.json(examinations.of(await wanted(c.req.param("version")))),
  );
  addJsonRoute(
    app,
    {
      path,
      summary: "Begin to read every value of a version; ask again how far it is.",
      request: examinationRequestSchema,
      answer: examinationSchema,
    },
    async (c) => c.json(examinations.read(await wanted(c.req.param("version")))),
  );
}

const dayMs = 24 * 3_600_000;

function addGuardReplay(app: App, { guards }: Services): void {
  addJsonRoute(
    app,
    {
      path: "/admin/v1/guards/replay",
      summary: "What one more rule of the policy would have done to what the audit log holds.",
      request: guardReplayRequestSchema,
      answer: guardReplaySchema,
    },
    async (c, { rule, days }) => {
      const since = new Date(Date.now() - days * dayMs);
      const found = await guards.replay(rule, since, c.get("context").signal);
      return c.json({
        object: "ocellus.guard_replay",
        since: since.toISOString(),
        ...{ num_lines: found.numLines, num_checks: found.numChecks, num_reached: found.numReached },
        ...{ changes: [...found.changes], examples: [...found.examples], is_cut: found.isCut },
      });
    },
  );
}

function queryName(c: HonoContext, name: string): string {
  const tag = c.req.query(name) ?? "";
  if (tag !== "") return tag;
  throw refusal(name, `${name}: expected a version`);
}

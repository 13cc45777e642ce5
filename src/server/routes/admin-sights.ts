/** /admin/v1: what is looked at before somebody decides: figures over time, and what differs between two versions. */
import { diffRequestSchema, refusal } from "../../protocol/index.js";
import { aliasOf } from "../../rollout/index.js";
import { readRequest } from "../body.js";
import { queryNumber } from "../query.js";
import type { App, HonoContext } from "../request-context.js";
import { type Services, versionsOf } from "../services.js";
import { wireFigures } from "../versions/wire-figures.js";

/** What is kept: a day. */
const [defaultMinutes, mostMinutes] = [10, 24 * 60];

export function addAdminSights(app: App, services: Services): void {
  app.get("/admin/v1/aliases/:alias/figures", (c) => {
    const { registry, figures } = versionsOf(services);
    const minutes = queryNumber(c, "minutes", defaultMinutes, 1, mostMinutes);
    return c.json(wireFigures(figures, aliasOf(registry.state, c.req.param("alias")), minutes));
  });
  app.get("/admin/v1/diff", async (c) => {
    const { diffs } = versionsOf(services);
    return c.json(await diffs.of(queryName(c, "a"), queryName(c, "b")));
  });
  app.post("/admin/v1/diff", async (c) => {
    const { diffs } = versionsOf(services);
    const { a, b } = await readRequest(c, diffRequestSchema);
    return c.json(await diffs.read(a, b));
  });
}

function queryName(c: HonoContext, name: string): string {
  const tag = c.req.query(name) ?? "";
  if (tag !== "") return tag;
  throw refusal(name, `${name}: expected a version`);
}

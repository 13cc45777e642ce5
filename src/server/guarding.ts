/** Tells the guards, and the picture threads, who asks for what; and every response, whatever its route, what the guards have said. */

import { onBehalfOf } from "../core/runtime/index.js";
import { asking, type GuardReport } from "../guardrails/index.js";
import type { App } from "./request-context.js";

export function addGuarding(app: App): void {
  app.use("/v1/*", async (c, next) => {
    const { id: request, caller, guardReports: reports, queueOwner } = c.get("context");
    await onBehalfOf(queueOwner, () => asking({ key: caller.owner, route: c.req.path, request, reports }, next));
    if (reports.length > 0) c.header("x-ocellus-guards", reports.map(headerPart).join(", "));
  });
}

/** `words@3f2a…;input=allow`: of a stream, what is known when it begins. */
function headerPart({ name, version, stage, verdict, failed }: GuardReport): string {
  return `${name}@${version};${stage}=${verdict}${failed === undefined ? "" : ";failed"}`;
}

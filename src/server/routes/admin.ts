/** /admin/v1: what `ocellus rollout deploy`, `canary`, `rollback`… do, over HTTP, for a server with a registry. */
import type { z } from "zod";
import { OcellusError } from "../../core/base/index.js";
import {
  canaryRequestSchema,
  deployRequestSchema,
  pauseRequestSchema,
  promoteRequestSchema,
  refusal,
  rollbackRequestSchema,
  shadowRequestSchema,
  type WireAnsweredRequest,
  type WireHistory,
} from "../../protocol/index.js";
import {
  aliasOf,
  changeShare,
  deploy,
  endShadow,
  ifAsSeen,
  ifItConcerns,
  pause,
  promote,
  type RegistryCommand,
  resume,
  rollBack,
  startShadow,
  tryWith,
} from "../../rollout/index.js";
import { readRequest } from "../body.js";
import { queryNumber } from "../query.js";
import type { App } from "../request-context.js";
import { type Services, versionsOf } from "../services.js";
import { wireAlias, wireEntry, wireMirrored, wireState } from "../versions/wire.js";
import { addAdminSights } from "./admin-sights.js";

const root = "/admin/v1";
/** Of one page of history. */
const [defaultLimit, mostListed] = [100, 1000];

/** Commands that load a version beside what is served. */
const besides: ReadonlySet<string> = new Set(["canary", "shadow"]);

export function addAdmin(app: App, services: Services): void {
  app.get(`${root}/state`, (c) => c.json(wireState(versionsOf(services))));
  app.get(`${root}/history`, async (c) => {
    const { registry } = versionsOf(services);
    const limit = queryNumber(c, "limit", defaultLimit, 1, mostListed);
    const before = queryNumber(c, "before", Number.MAX_SAFE_INTEGER, 1, Number.MAX_SAFE_INTEGER);
    const earlier = (await registry.history()).filter(({ seq }) => seq < before).reverse();
    const data = earlier.slice(0, limit).map(wireEntry);
    return c.json({ object: "list", data, has_more: earlier.length > limit } satisfies WireHistory);
  });
  app.get(`${root}/requests/:id`, async (c) => {
    const id = c.req.param("id");
    const found = await versionsOf(services).registry.answers.find(id);
    if (!found)
      throw new OcellusError("not_found", `no answer to the request ${id} is known; they are kept for thirty days`);
    const { requestId, at, model, tag, role, reason } = found;
    const answered = {
      object: "ocellus.answered_request",
      id: requestId,
      at: new Date(at).toISOString(),
      version: tag,
    } as const;
    const mirrored = (await versionsOf(services).registry.answers.findMirrored(requestId)).map(wireMirrored);
    const others = mirrored.length > 0 && { mirrored };
    return c.json({ ...answered, model, role, reason, ...others } satisfies WireAnsweredRequest);
  });
  addAdminSights(app, services);
  addCommands(app, services);
}

function addCommands(app: App, services: Services): void {
  const add = <S extends z.ZodObject>(
    name: string,
    schema: S,
    toCommand: (alias: string, request: z.output<S>) => RegistryCommand,
  ) =>
    app.post(`${root}/aliases/:alias/${name}`, async (c) => {
      const versions = versionsOf(services);
      const { alias } = c.req.param() as { alias: string };
      const request = await readRequest(c, schema);
      const command = toCommand(alias, request);
      if (besides.has(name) && typeof request.version === "string")
        await versions.fleet.checkRoom(alias, request.version);
      const state = await versions.registry.run(c.get("exchange").caller.owner, command);
      return c.json(wireAlias(aliasOf(state, alias), versions));
    });
  add("deploy", deployRequestSchema, (alias, { version, seen = {} }) => ifAsSeen(alias, seen, deploy(alias, version)));
  add("canary", canaryRequestSchema, (alias, { version, is_running: isRunning, seen = {}, step_seconds, ...plan }) => {
    if (!isRunning) return ifAsSeen(alias, seen, tryWith(alias, version, { ...plan, stepSeconds: step_seconds }));
    if (plan.share === undefined) throw refusal("share", "share: expected the new one of the canary that runs");
    return ifAsSeen(alias, seen, changeShare(alias, version, plan.share));
  });
  add("promote", promoteRequestSchema, (alias, { version, reason }) =>
    ifItConcerns(version, promote(alias, { ...(reason !== undefined && { reason }) })),
  );
  add("rollback", rollbackRequestSchema, (alias, { version, reason }) =>
    ifItConcerns(version, rollBack(alias, { ...(reason !== undefined && { reason }) })),
  );
  add("pause", pauseRequestSchema, (alias, { seen = {} }) => ifAsSeen(alias, seen, pause(alias)));
  add("resume", pauseRequestSchema, (alias, { seen = {} }) => ifAsSeen(alias, seen, resume(alias)));
  add("shadow", shadowRequestSchema, (alias, { version, share, off, seen = {} }) => {
    if ((version === undefined) === (off === undefined))
      throw refusal("version", "version: expected one, or off: true");
    return ifAsSeen(alias, seen, version === undefined ? endShadow(alias) : startShadow(alias, version, share));
  });
}

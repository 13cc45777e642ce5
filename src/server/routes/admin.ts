/** /admin/v1: what `ocellus rollout deploy`, `canary`, `rollback`… do, over HTTP, for a server with a registry. */
import { z } from "@hono/zod-openapi";
import { OcellusError } from "../../core/base/index.js";
import {
  adminStateSchema,
  aliasStateSchema,
  answeredRequestSchema,
  canaryRequestSchema,
  deployRequestSchema,
  historySchema,
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
import { queryNumber } from "../query.js";
import type { App } from "../request-context.js";
import { addJsonRoute, addRoute } from "../route.js";
import { type Services, versionsOf } from "../services.js";
import { wireAlias, wireEntry, wireMirrored, wireState } from "../versions/wire.js";
import { addAdminViews } from "./admin-views.js";

const root = "/admin/v1";
/** Of one page of history. */
const [defaultLimit, mostListed] = [100, 1000];

/** Commands that load a version beside what is served. */
const besides: ReadonlySet<string> = new Set(["canary", "shadow"]);

export function addAdmin(app: App, services: Services): void {
  addRoute(
    app,
    {
      method: "get",
      path: `${root}/state`,
      summary: "Versions and aliases, canaries with the figures of their analysis, and what this server has loaded.",
      answer: adminStateSchema,
    },
    (c) => c.json(wireState(versionsOf(services))),
  );
  addRoute(
    app,
    {
      method: "get",
      path: `${root}/history`,
      summary: "What happened to versions and aliases, and why; the newest first.",
      query: z.object({ before: z.string().optional(), limit: z.string().optional() }),
      answer: historySchema,
    },
    async (c) => {
      const { registry } = versionsOf(services);
      const limit = queryNumber(c, "limit", defaultLimit, 1, mostListed);
      const before = queryNumber(c, "before", Number.MAX_SAFE_INTEGER, 1, Number.MAX_SAFE_INTEGER);
      const earlier = (await registry.history()).filter(({ seq }) => seq < before).reverse();
      const data = earlier.slice(0, limit).map(wireEntry);
      return c.json({ object: "list", data, has_more: earlier.length > limit } satisfies WireHistory);
    },
  );
  addRoute(
    app,
    {
      method: "get",
      path: `${root}/requests/:id`,
      summary: "Which version answered a request, and why.",
      answer: answeredRequestSchema,
    },
    async (c) => {
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
    },
  );
  addAdminViews(app, services);
  addCommands(app, services);
}

function addCommands(app: App, services: Services): void {
  const add = <S extends z.ZodObject>(
    name: string,
    summary: string,
    request: S,
    toCommand: (alias: string, request: z.output<S>) => RegistryCommand,
  ) => {
    const path = `${root}/aliases/:alias/${name}` as const;
    addJsonRoute(app, { path, summary, request, answer: aliasStateSchema }, async (c, request) => {
      const versions = versionsOf(services);
      const alias = c.req.param("alias");
      const command = toCommand(alias, request);
      if (besides.has(name) && typeof request.version === "string")
        await versions.deployments.checkMemory(alias, request.version);
      const state = await versions.registry.run(c.get("context").caller.owner, command);
      return c.json(wireAlias(aliasOf(state, alias), versions));
    });
  };
  add("deploy", "Let an alias serve a version to everybody.", deployRequestSchema, (alias, { version, seen = {} }) =>
    ifAsSeen(alias, seen, deploy(alias, version)),
  );
  add(
    "canary",
    "Try a version with a share of the users; or change the share of the one that is tried.",
    canaryRequestSchema,
    (alias, { version, is_running: isRunning, seen = {}, step_seconds, ...plan }) => {
      if (!isRunning) return ifAsSeen(alias, seen, tryWith(alias, version, { ...plan, stepSeconds: step_seconds }));
      if (plan.share === undefined) throw refusal("share", "share: expected the new one of the canary that runs");
      return ifAsSeen(alias, seen, changeShare(alias, version, plan.share));
    },
  );
  add("promote", "Let the canary serve everybody.", promoteRequestSchema, (alias, { version, reason }) =>
    ifItConcerns(version, promote(alias, { ...(reason !== undefined && { reason }) })),
  );
  add(
    "rollback",
    "End the canary; without one, return to the version before.",
    rollbackRequestSchema,
    (alias, { version, reason }) => ifItConcerns(version, rollBack(alias, { ...(reason !== undefined && { reason }) })),
  );
  add("pause", "Let the canary analysis stand still; the split stays.", pauseRequestSchema, (alias, { seen = {} }) =>
    ifAsSeen(alias, seen, pause(alias)),
  );
  add("resume", "Let it go on.", pauseRequestSchema, (alias, { seen = {} }) => ifAsSeen(alias, seen, resume(alias)));
  add(
    "shadow",
    "Ask a version what an alias is asked, and compare the answers, which nobody is given; or end that.",
    shadowRequestSchema,
    (alias, { version, share, off, seen = {} }) => {
      if ((version === undefined) === (off === undefined))
        throw refusal("version", "version: expected one, or off: true");
      return ifAsSeen(alias, seen, version === undefined ? endShadow(alias) : startShadow(alias, version, share));
    },
  );
}

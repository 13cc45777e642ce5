/** The versions of a registry in a server: loaded, followed, analysed. */
import { join } from "node:path";
import type { Logger } from "pino";
import { cacheRoot } from "../../../core/fs/index.js";
import { type LanguageModel, packingPlan } from "../../../core/runtime/index.js";
import { isRemote } from "../../../engines/index.js";
import { type EvalCase, isCorrect, matchKindOf, messagesOf, readGoldenSet } from "../../../evals/index.js";
import { secretFrom } from "../../../guardrails/index.js";
import { estimateMemory, formatLabel } from "../../../inspect/index.js";
import {
  type CanaryMetric,
  canaryMetrics,
  type PendingRollbackChange,
  Registry,
  VerifiedFolders,
} from "../../../rollout/index.js";
import {
  type DeliveryOutcome,
  Deployments,
  type GoldenCase,
  GoldenRunner,
  MemoryBudget,
  type ModelPool,
  type Need,
  Rollouts,
  type Services,
  Shadows,
  useVersions,
  VersionDiffs,
  VersionFigures,
  type Versions,
  WebhookDispatcher,
} from "../../../server/index.js";
import { eventText, readKey } from "../rollout/registry.js";
import { prepareTrusted, type TrustOptions } from "./serve-trust.js";
import { planOptions, type ServeConfig } from "./settings.js";

export interface VersionFolders extends Pick<TrustOptions, "pack" | "reading" | "signal"> {
  /** Opens and warms one. */
  readonly load: (folder: string) => Promise<LanguageModel>;
}

/** @returns undefined when the server was given no registry */
export async function openVersions(
  config: ServeConfig,
  services: Services,
  pool: ModelPool,
  { load, ...folders }: VersionFolders,
): Promise<Versions | undefined> {
  const { registry: folder, databaseUrl, keepWarmMs, maxQueue, drainMs, memoryBytes: budgetBytes } = config;
  if (folder === undefined) return undefined;
  const { log, guards } = services;
  const golden = await readGolden(config.golden, log);
  const keys = await Promise.all(config.trustedKeys.map(readKey));
  const webhook = webhookOf(config);
  const registry = await Registry.open({
    folder,
    databaseUrl,
    ifMissing: "refuse",
    onPendingRollback: (change) => logHeld(log, change),
    admit: (written) => guards.checkUncut(written),
  });
  const verified = new VerifiedFolders(join(cacheRoot(), "verified"));
  /** By tag, the folder that was checked last. */
  const checked = new Map<string, string>();
  const deployments = new Deployments({
    ...{ registry, maxQueue, keepWarmMs, drainMs, log },
    memoryBudget: new MemoryBudget({
      budgetBytes,
      estimate: async (place) => (await estimateNeeds(place, config))[0]!.bytes,
      alternatives: (place) => estimateNeeds(place, config, true),
    }),
    prepare: async (tag, place) => {
      if (keys.length > 0)
        checked.set(tag, await prepareTrusted(tag, place, { ...folders, registry, keys, verified, log }));
      else await folders.pack(place, false);
    },
    load: (tag, place) => load(checked.get(tag) ?? place),
  });
  const required: CanaryMetric[] = golden.length > 0 ? ["error", "golden"] : ["error"];
  const figures = new VersionFigures();
  const rollouts = new Rollouts({
    ...{ registry, log, analysis: { required }, gate: { secret: gateSecret() } },
    onPair: (...pair) => figures.notePair(...pair),
  });
  const versions: Versions = { registry, deployments, rollouts, figures, diffs: new VersionDiffs(registry) };
  versions.shadows = shadowsOf(versions, services, config);
  useVersions(services, versions);
  pool.use(deployments);
  await deployments.start();
  if (golden.length > 0)
    versions.golden = new GoldenRunner({ cases: golden, deployments, rollouts, models: services.models, log });
  if (webhook) {
    const onDelivery = (outcome: DeliveryOutcome) => services.metrics.noteDelivery(outcome);
    const webhooks = new WebhookDispatcher({ ...webhook, registry, log, describe: eventText, onDelivery });
    await webhooks.start();
    versions.webhooks = webhooks;
  }
  if (deployments.aliases.length === 0)
    log.warn(`no alias yet; create one with \`ocellus rollout deploy prod VERSION --registry ${folder}\``);
  return versions;
}

const heldWords: Record<PendingRollbackChange["kind"], string> = {
  held: "rolled back in this server only: the journal cannot be written; retrying (a restart before that loses the rollback)",
  written: "the rollback is now in the journal",
  overruled: "the rollback was dropped: the alias was changed in the journal meanwhile, and that change is served",
  lost: "the rollback was never written and is lost",
};

function logHeld(log: Logger, { kind, alias, reason: err }: PendingRollbackChange): void {
  log[kind === "written" ? "info" : "error"]({ alias, ...(err !== undefined && { err }) }, heldWords[kind]);
}

/** @throws as `readGoldenSet`: a server without questions to compare by is not started */
async function readGolden(paths: readonly string[], log: Logger): Promise<GoldenCase[]> {
  const sets = await Promise.all(paths.map(readGoldenSet));
  for (const { path, digest, questions, numUnreviewed } of sets)
    log.info({ golden: path, digest, questions: questions.length, unreviewed: numUnreviewed }, "golden set loaded");
  const cases = sets.flatMap(({ questions }) => questions.map(goldenCase));
  const { minimum } = canaryMetrics.golden;
  if (sets.length > 0 && cases.length < minimum)
    log.warn(
      { questions: cases.length, minimum },
      "golden sets are too small: no canary moves on with so few questions",
    );
  return cases;
}

function goldenCase(found: EvalCase): GoldenCase {
  return {
    kind: matchKindOf(found),
    messages: messagesOf(found),
    isGood: (text) => isCorrect(text, found),
  };
}

function shadowsOf({ registry, deployments, rollouts }: Versions, services: Services, limits: ServeConfig): Shadows {
  const { models, pixels, lifecycle, metrics, log } = services;
  const { draining } = lifecycle;
  return new Shadows({
    ...{ registry, deployments, rollouts, limits, pixels, draining, log },
    models,
    meters: metrics.registry,
  });
}

/** Of a version as this server would load it, all its sequences busy, its prefix cache full. */
export async function estimateNeeds(folder: string, config: ServeConfig, everyFormat = false): Promise<Need[]> {
  if (await isRemote(folder)) return [{ format: "remote", bytes: 0 }];
  const { maxSequences: numSequences, maxLength, prefixCacheBytes, kvCacheDtype } = config;
  const plan = await packingPlan(folder, { weights: config.weights[0]!, ...planOptions(config) });
  const keys = kvCacheDtype === "int8" ? ({ kvCacheDtype } as const) : {};
  const sizes = { numSequences, ...(maxLength && { mostTokens: maxLength }), ...keys };
  const { formats, processBytes } = await estimateMemory(folder, { plan, everyFormat, ...sizes });
  return formats.map((format) => ({
    format: formatLabel(format),
    bytes: format.totalBytes - processBytes + prefixCacheBytes, // this process is there already
  }));
}

/** Undefined where none is set: then gates hold, and say so. @throws `invalid_config` for one that is too short */
function gateSecret(): string | undefined {
  const variable = "OCELLUS_WEBHOOK_SECRET";
  return process.env[variable] === undefined ? undefined : secretFrom(variable, "gates of canaries");
}

/** @throws `invalid_config` without its secret: before minutes of loading */
function webhookOf({ webhookUrl: url }: ServeConfig): { url: string; secret: string } | undefined {
  return url === undefined ? undefined : { url, secret: secretFrom("OCELLUS_WEBHOOK_SECRET", "the webhook") };
}

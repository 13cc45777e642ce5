/** The versions of a registry in a server: loaded, followed, judged. */
import { OcellusError } from "../base/index.js";
import { secretFrom } from "../guard/index.js";
import { estimateMemory, formatLabel } from "../inspect/index.js";
import { parsePlan } from "../pack/index.js";
import { checkSignature, type Measure, Registry, versionOf } from "../registry/index.js";
import { image } from "../runtime/index.js";
import {
  type ChatModel,
  Courier,
  type DeliveryOutcome,
  Fleet,
  type GoldenCase,
  GoldenRunner,
  type Need,
  Rollouts,
  Room,
  type Services,
  VersionDiffs,
  VersionFigures,
  type Versions,
} from "../server/index.js";
import type { ServeConfig } from "./config.js";
import { isCorrect } from "./eval-score.js";
import { type EvalCase, readEvalFiles } from "./eval-set.js";
import { eventText, readKey } from "./registry.js";

export interface VersionFolders {
  /** Opens and warms one. */
  readonly load: (folder: string) => Promise<ChatModel>;
  /** Packs a checkpoint, so that it only has to be opened. */
  readonly pack: (folder: string) => Promise<void>;
}

/** @returns undefined when the server was given no registry */
export async function openVersions(
  config: ServeConfig,
  services: Services,
  { load, pack }: VersionFolders,
): Promise<Versions | undefined> {
  const { registry: folder, databaseUrl, keepWarmMs, maxQueue, drainMs, memoryBytes: budgetBytes } = config;
  if (folder === undefined) return undefined;
  const { log, guards } = services;
  const trusted = await Promise.all(config.trustedKeys.map(readKey));
  const webhook = webhookOf(config);
  const registry = await Registry.open({ folder, databaseUrl });
  const fleet = new Fleet({
    ...{ registry, maxQueue, keepWarmMs, drainMs, log, guards },
    room: new Room({
      budgetBytes,
      estimate: async (place) => (await estimateNeeds(place, config))[0]!.bytes,
      alternatives: (place) => estimateNeeds(place, config, true),
    }),
    prepare: async (tag, place) => {
      if (trusted.length > 0) checkSigned(registry, tag, trusted);
      await pack(place);
    },
    load: (_tag, place) => load(place),
  });
  const required: Measure[] = config.golden.length > 0 ? ["error", "golden"] : ["error"];
  const figures = new VersionFigures();
  const rollouts = new Rollouts({ registry, log, judge: { required }, onPair: (...pair) => figures.notePair(...pair) });
  const versions: Versions = { registry, fleet, rollouts, figures, diffs: new VersionDiffs(registry) };
  services.versions = versions;
  services.models.useFleet(fleet);
  await fleet.start();
  if (config.golden.length > 0) {
    const cases = (await readEvalFiles(config.golden)).map(goldenCase);
    versions.golden = new GoldenRunner(cases, fleet, versions.rollouts, log);
  }
  if (webhook) {
    const onDelivery = (outcome: DeliveryOutcome) => services.metrics.noteDelivery(outcome);
    const courier = new Courier({ ...webhook, registry, log, describe: eventText, onDelivery });
    await courier.start();
    versions.courier = courier;
  }
  if (fleet.aliases.length === 0)
    log.warn(`no alias is served yet; \`ocellus deploy prod VERSION --registry ${folder}\` makes one`);
  return versions;
}

/** Of a version as this server would load it, all its sequences busy, its kept beginnings of prompts full. */
export async function estimateNeeds(folder: string, config: ServeConfig, everyFormat = false): Promise<Need[]> {
  const { blockSize, vision, table, maxSequences: numSequences, maxLength, prefixBytes } = config;
  const plan = parsePlan(config.weights[0]!, { blockSize, vision, table });
  const sizes = { numSequences, ...(maxLength && { mostTokens: maxLength }) };
  const { formats, processBytes } = await estimateMemory(folder, { plan, everyFormat, ...sizes });
  return formats.map((format) => ({
    format: formatLabel(format),
    bytes: format.totalBytes - processBytes + prefixBytes, // this process is there already
  }));
}

/** @throws `invalid_config` without its secret: before minutes of loading */
function webhookOf({ webhookUrl: url }: ServeConfig): { url: string; secret: string } | undefined {
  return url === undefined ? undefined : { url, secret: secretFrom("OCELLUS_WEBHOOK_SECRET", "the webhook") };
}

function goldenCase({ image: picture, question, ...expected }: EvalCase): GoldenCase {
  const content = [image(picture), question];
  return { messages: [{ role: "user", content }], isGood: (text) => isCorrect(text, expected) };
}

function checkSigned(registry: Registry, tag: string, trusted: readonly string[]): void {
  const problem = checkSignature(versionOf(registry.state, tag).manifest, trusted);
  if (problem !== undefined) throw new OcellusError("unauthorized", problem);
}

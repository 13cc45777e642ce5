/** The versions of a registry in a server: loaded, followed, judged. */
import { OcellusError } from "../base/index.js";
import { checkSignature, Registry, versionOf } from "../registry/index.js";
import { type ChatModel, Fleet, Rollouts, type Services, type Versions } from "../server/index.js";
import type { ServeConfig } from "./config.js";
import { readKey } from "./registry.js";

/** @returns undefined when the server was given no registry */
export async function openVersions(
  config: ServeConfig,
  services: Services,
  load: (folder: string) => Promise<ChatModel>,
): Promise<Versions | undefined> {
  const { registry: folder, databaseUrl, keepWarmMs, maxQueue } = config;
  if (folder === undefined) return undefined;
  const { log } = services;
  const trusted = await Promise.all(config.trustedKeys.map(readKey));
  const registry = await Registry.open({ folder, databaseUrl });
  const fleet = new Fleet({
    ...{ registry, maxQueue, keepWarmMs, log },
    load: async (tag, place) => {
      if (trusted.length > 0) checkSigned(registry, tag, trusted);
      return load(place);
    },
  });
  const versions = { registry, fleet, rollouts: new Rollouts({ registry, log }) };
  services.versions = versions;
  services.models.useFleet(fleet);
  await fleet.start();
  if (fleet.aliases.length === 0)
    log.warn(`no alias is served yet; \`ocellus deploy prod VERSION --registry ${folder}\` makes one`);
  return versions;
}

function checkSigned(registry: Registry, tag: string, trusted: readonly string[]): void {
  const problem = checkSignature(versionOf(registry.state, tag).manifest, trusted);
  if (problem !== undefined) throw new OcellusError("unauthorized", problem);
}

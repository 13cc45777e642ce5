/** A version's folder → the model that an engine elsewhere runs for it. */
import { OcellusError } from "../core/base/index.js";
import { EngineClient } from "./client.js";
import { engineFile, readDescription } from "./description.js";
import { PinnedEngine } from "./pinned.js";
import { RemoteModel, type RemoteParts } from "./remote-model.js";

/** Whether a folder holds the description of an engine, and no weights. */
export async function isRemote(folder: string): Promise<boolean> {
  return (await readDescription(folder)) !== undefined;
}

/** @throws `invalid_file`, `invalid_config` (its key), `unavailable` when the engine is away, or is not what was published */
export async function openRemote(
  folder: string,
  parts: Pick<RemoteParts, "decode" | "limits">,
  signal?: AbortSignal,
): Promise<RemoteModel> {
  const description = await readDescription(folder);
  if (!description)
    throw new OcellusError("not_found", `${folder}: expected ${engineFile}`, { details: { path: folder } });
  const { kind, url, model, apiKeyEnv, limits, maxSequences } = description;
  const client = new EngineClient({
    ...{ kind, url, model, maxConnections: maxConnectionsFor(maxSequences) },
    ...(apiKeyEnv !== undefined && { apiKeyEnv }),
    ...(limits && { limits: withoutAbsent(limits) }),
  });
  const engine = new PinnedEngine(client, description.reported);
  try {
    await engine.confirm(signal);
  } catch (error) {
    await engine.close();
    throw error;
  }
  return new RemoteModel({ ...parts, description, engine });
}

/** One for each request that the admission queue lets in, and some for what is asked beside answers. */
function maxConnectionsFor(maxSequences: number): number {
  return 2 * maxSequences + 8;
}

function withoutAbsent<T extends object>(limits: T): { [Name in keyof T]: NonNullable<T[Name]> } {
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined)) as never;
}

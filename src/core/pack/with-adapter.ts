/** A checkpoint of a family that we run, with a LoRA adapter merged into it. */
import { OcellusError } from "../base/index.js";
import {
  type Adapter,
  type AdapterTarget,
  adaptedCheckpoint,
  type Checkpoint,
  targetsIn,
} from "../checkpoint/index.js";
import { familyOf } from "../models/index.js";
import { openWeights } from "./open-weights.js";
import { isPacked } from "./packed.js";

/** @throws `unsupported` for a quantised checkpoint or an unknown family, `invalid_file` for an adapter of another model. */
export async function withAdapter(checkpoint: Checkpoint, adapter: Adapter): Promise<Checkpoint> {
  if (await isPacked(checkpoint)) return checkpoint; // which is refused where it is read
  return adaptedCheckpoint(checkpoint, adapter, await spellingOf(checkpoint));
}

/** What the adapter moves, by the names of the checkpoint. @throws as `withAdapter`. */
export async function adapterTargets(
  checkpoint: Checkpoint,
  adapter: Adapter,
): Promise<ReadonlyMap<string, AdapterTarget>> {
  return targetsIn(checkpoint, adapter, await spellingOf(checkpoint));
}

async function spellingOf(checkpoint: Checkpoint): Promise<(name: string) => string> {
  const config = await checkpoint.readJson("config.json");
  const { stored } = await openWeights(checkpoint, config);
  if (!stored) return familyOf(config).canonicalName;
  throw new OcellusError(
    "unsupported",
    `${checkpoint.path} is quantised (${stored.method}): an adapter is merged into the checkpoint that it was made from`,
    { details: { path: checkpoint.path, found: stored.method } },
  );
}

/** A checkpoint of a family that we run, with a LoRA adapter merged into it. */
import { OcellusError, shorten } from "../base/index.js";
import {
  type Adapter,
  type AdapterTarget,
  adaptedCheckpoint,
  type Checkpoint,
  targetsIn,
} from "../checkpoint/index.js";
import { type AnyFamily, familyOf } from "../models/index.js";
import { isPacked } from "./open-packed.js";
import { openWeights } from "./open-weights.js";
import { wantedTensors } from "./unread.js";

/**
 * @throws `unsupported` for a quantised checkpoint, an unknown family or a target that no graph reads; `invalid_file` for an
 * adapter of another model.
 */
export async function withAdapter(checkpoint: Checkpoint, adapter: Adapter): Promise<Checkpoint> {
  if (await isPacked(checkpoint)) return checkpoint; // which is refused where it is read
  const { family, config } = await plainModel(checkpoint);
  const adapted = adaptedCheckpoint(checkpoint, adapter, family.canonicalName);
  expectRead(adapter, family, config); // last: a target of another model has its own words
  return adapted;
}

/** What the adapter moves, by the names of the checkpoint. @throws as `withAdapter`. */
export async function adapterTargets(
  checkpoint: Checkpoint,
  adapter: Adapter,
): Promise<ReadonlyMap<string, AdapterTarget>> {
  return targetsIn(checkpoint, adapter, (await plainModel(checkpoint)).family.canonicalName);
}

/** A target that stands aside, such as a stored head beside a table that it is tied to, would be left out without a word. */
function expectRead(adapter: Adapter, family: AnyFamily, configJson: unknown): void {
  const wanted = wantedTensors(family, family.parseConfig(configJson));
  const unread = adapter.targets.find(({ path }) => !wanted.has(family.canonicalName(path)));
  if (!unread) return;
  throw new OcellusError(
    "unsupported",
    `the adapter moves ${shorten(unread.path)}, which ${family.modelType} as its config.json describes it does not read, though the checkpoint holds it: a head that is tied to the embedding, or a part that stands aside; train the adapter without it`,
    { details: { target: unread.path } },
  );
}

async function plainModel(checkpoint: Checkpoint): Promise<{ family: AnyFamily; config: unknown }> {
  const config = await checkpoint.readJson("config.json");
  const { stored } = await openWeights(checkpoint, config);
  if (!stored) return { family: familyOf(config), config };
  throw new OcellusError(
    "unsupported",
    `${checkpoint.path} is quantised (${stored.method}): an adapter is merged into the checkpoint that it was made from`,
    { details: { path: checkpoint.path, found: stored.method } },
  );
}

/**
 * Which tensor of one checkpoint is which of the other. By name first; what is left over is paired where two names are
 * spellings of one: the family's own variants, and the words that libraries wrap around a model.
 */
import type { Checkpoint } from "../core/checkpoint/index.js";
import { type AnyFamily, families } from "../core/models/index.js";
import type { TensorInfo } from "../core/tensor/index.js";

export type Pair = readonly [TensorInfo, TensorInfo];

export interface Pairing {
  /** In the order of the first checkpoint. */
  readonly both: readonly Pair[];
  readonly added: readonly TensorInfo[];
  readonly removed: readonly TensorInfo[];
}

/** Reads headers and configs. */
export async function pairTensors(a: Checkpoint, b: Checkpoint): Promise<Pairing> {
  const removed = infos(a).filter(({ name }) => !b.info(name));
  const added = infos(b).filter(({ name }) => !a.info(name));
  const [left, right] = [bySpelling(removed, await spellingOf(a)), bySpelling(added, await spellingOf(b))];
  const partners = new Map<string, TensorInfo>();
  for (const [spelling, { name }] of left) {
    const other = right.get(spelling);
    if (other) partners.set(name, other);
  }
  const taken = new Set([...partners.values()].map(({ name }) => name));
  return {
    both: infos(a).flatMap((info): Pair[] => {
      const other = b.info(info.name) ?? partners.get(info.name);
      return other ? [[info, other]] : [];
    }),
    added: added.filter(({ name }) => !taken.has(name)),
    removed: removed.filter(({ name }) => !partners.has(name)),
  };
}

function infos(checkpoint: Checkpoint): TensorInfo[] {
  return [...checkpoint.names()].map((name) => checkpoint.info(name)!);
}

/** A spelling that several names share tells nothing and is left out. */
function bySpelling(tensors: readonly TensorInfo[], spell: (name: string) => string): Map<string, TensorInfo> {
  const found = new Map<string, TensorInfo>();
  const shared = new Set<string>();
  for (const info of tensors) {
    const spelling = spell(info.name);
    if (found.has(spelling)) shared.add(spelling);
    found.set(spelling, info);
  }
  for (const spelling of shared) found.delete(spelling);
  return found;
}

/** `model.language_model.layers` is `language_model.model.layers`; PEFT and torch wrap with the other two. */
const wrappers = /(^|\.)(?:(?:model|module|base_model)\.)+/g;

/** The family that the config names, whether or not the rest of it is right. */
export async function familyIn(checkpoint: Checkpoint): Promise<AnyFamily | undefined> {
  const config = await checkpoint.readJson("config.json").catch(() => undefined); // a wrong config is told elsewhere
  const modelType = (config as { model_type?: unknown } | null | undefined)?.model_type;
  return families.find((each) => each.modelType === modelType);
}

async function spellingOf(checkpoint: Checkpoint): Promise<(name: string) => string> {
  const family = await familyIn(checkpoint);
  return (name) => (family?.canonicalName(name) ?? name).replace(wrappers, "$1");
}

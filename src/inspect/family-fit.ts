/**
 * Whether a checkpoint holds what its family wants: the family's graphs are built over a catalog that accepts everything
 * and remembers it, so the wanted names and shapes are those that packing will ask for, and nothing is listed twice.
 */
import { nearestNames } from "../core/base/index.js";
import type { AnyFamily } from "../core/models/index.js";
import { type UnreadReason, unreadReason } from "../core/pack/index.js";
import { byteLength, type Shape, sameShape, type TensorInfo } from "../core/tensor/index.js";

export interface FamilyFit {
  readonly numWanted: number;
  readonly missing: readonly { readonly name: string; readonly shape: Shape; readonly nearest?: string }[];
  readonly misshapen: readonly { readonly name: string; readonly expected: Shape; readonly found: Shape }[];
  /** Present, and read by no graph. */
  readonly unused: readonly {
    readonly name: string;
    readonly shape: Shape;
    readonly sizeBytes: number;
    readonly reason: UnreadReason;
    readonly nearest?: string;
  }[];
  /** One tensor under two spellings; packing refuses it. */
  readonly twice: readonly { readonly name: string; readonly spellings: readonly [string, string] }[];
}

/** Names get a nearest match as long as that costs no time: a whole model of wrong names is seen from the first few. */
const maxNearest = 16;

export function familyFit(
  tensors: readonly TensorInfo[],
  family: AnyFamily,
  wanted: ReadonlyMap<string, Shape>,
): FamilyFit {
  const { held, twice } = byCanonicalName(tensors, family.canonicalName);
  const missing = [...wanted].filter(([name]) => !held.has(name));
  const unused = [...held].filter(([name]) => !wanted.has(name));
  const unusedNames = unused.map(([, info]) => info.name);
  const missingNames = missing.map(([name]) => name);
  return {
    numWanted: wanted.size,
    missing: missing.map(([name, shape], i) => ({ name, shape, ...nearest(name, unusedNames, i) })),
    misshapen: [...wanted].flatMap(([name, expected]) => {
      const found = held.get(name);
      return found && !sameShape(found.shape, expected) ? [{ name: found.name, expected, found: found.shape }] : [];
    }),
    unused: unused.map(([canonical, { name, dtype, shape }], i) => {
      const reason = unreadReason(canonical, family, (name) => wanted.has(name));
      const hint = reason === "unknown" ? nearest(canonical, missingNames, i) : {};
      return { name, shape, sizeBytes: byteLength(dtype, shape), reason, ...hint };
    }),
    twice,
  };
}

function byCanonicalName(tensors: readonly TensorInfo[], canonicalName: (name: string) => string) {
  const held = new Map<string, TensorInfo>();
  const twice: { name: string; spellings: [string, string] }[] = [];
  for (const info of tensors) {
    const name = canonicalName(info.name);
    const other = held.get(name);
    if (other) twice.push({ name, spellings: [other.name, info.name] });
    else held.set(name, info);
  }
  return { held, twice };
}

/** Half of the name may differ; beyond, a "nearest" name is noise. */
function nearest(name: string, names: readonly string[], index: number): { nearest?: string } {
  const found = index < maxNearest ? nearestNames(name, names, 1)[0] : undefined;
  return found === undefined ? {} : { nearest: found };
}

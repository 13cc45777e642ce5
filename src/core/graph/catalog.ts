/** What a graph builder must know of the weights it names: that they exist in the right shape, and how they are stored. */
import { nearestHint, nearestNames, OcellusError } from "../base/index.js";
import { expectShape, type Shape, type TensorInfo, type TensorSource, type WeightFormat } from "../tensor/index.js";

export interface WeightCatalog {
  /** @throws `invalid_file` when there is no such tensor of that shape. */
  expect(name: string, shape: Shape): void;
  format(name: string): WeightFormat;
}

/** The tensors of a checkpoint: a missing one is reported with the nearest names, a misshapen one with both shapes. */
export function checkpointCatalog(
  source: Pick<TensorSource, "names" | "info">,
  format: (name: string) => WeightFormat,
): WeightCatalog {
  const expect = (name: string, shape: Shape): void => {
    const info = source.info(name);
    if (!info) throw missing(name, shape, [...source.names()]);
    expectShape(info, shape);
  };
  return { expect, format };
}

function missing(name: string, shape: Shape, names: readonly string[]): OcellusError {
  return new OcellusError(
    "invalid_file",
    `the checkpoint has no tensor ${name} of shape [${shape.join(", ")}]${nearestHint(name, names)}; ` +
      "is a shard missing, or is config.json from another model?",
    { details: { tensor: name, expected: shape, nearest: nearestNames(name, names) } },
  );
}

/** Accepts everything and remembers it: building a graph over it lists the tensors that a config calls for. */
export function recordingCatalog(format: (name: string, columns: number | undefined) => WeightFormat): WeightCatalog & {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
} {
  const tensors = new Map<string, TensorInfo>();
  const formatOfNamed = (name: string) => format(name, tensors.get(name)?.shape[1]);
  return {
    tensors,
    format: formatOfNamed,
    expect: (name, shape) => void tensors.set(name, { name, dtype: "bf16", shape }),
  };
}

/**
 * What is inside a loaded model: its checkpoint, which has the parameters by their published names, and what packing made
 * of it, which is what is in memory. Read from headers, once for each model; no path of this machine is told.
 */
import { OcellusError } from "../core/base/index.js";
import {
  type CheckpointDescription,
  type DescribedTensor,
  describeCheckpoint,
  estimateMemory,
  type MemoryEstimate,
} from "../inspect/index.js";
import type { DescribedPart, ModelDescription } from "../protocol/index.js";
import type { Served } from "./served.js";

const known = new WeakMap<Served, Promise<ModelDescription>>();

/** @throws `unavailable` when the checkpoint can no longer be read. */
export function describeModel(served: Served): Promise<ModelDescription> {
  let description = known.get(served);
  if (!description) {
    description = readDescription(served);
    known.set(served, description);
    description.catch(() => known.delete(served)); // it may be there again the next time
  }
  return description;
}

/** The folder that was packed. @throws `unsupported` where an engine elsewhere has it. */
export function checkpointOf({ id, checkpoint, model }: Served): string {
  if (checkpoint !== undefined && model.info.path !== undefined) return checkpoint;
  throw new OcellusError("unsupported", `an engine elsewhere runs the model ${id}: its weights are not here`, {
    details: { param: "model" },
  });
}

async function readDescription(served: Served): Promise<ModelDescription> {
  const checkpoint = checkpointOf(served);
  const { id, model } = served;
  const path = model.info.path!;
  try {
    const [stored, loaded, memory] = await Promise.all([
      describeCheckpoint(checkpoint),
      describeCheckpoint(path),
      estimateMemory(checkpoint),
    ]);
    return {
      object: "ocellus.model_description",
      id,
      num_parameters: stored.numDistinctParameters,
      num_tensors: stored.numTensors,
      parts: describedParts(stored, loaded),
      answers: [...stored.answers],
      memory: memoryOf(memory),
    };
  } catch (cause) {
    if (!(cause instanceof OcellusError)) throw cause;
    throw new OcellusError("unavailable", `the files of the model ${id} cannot be read any more`, { cause });
  }
}

function describedParts(stored: CheckpointDescription, loaded: CheckpointDescription): DescribedPart[] {
  return stored.parts.map(({ part, title, numParameters, numLayers, sizeBytes, dtypes }) => {
    const packed = loaded.parts.find((each) => each.part === part);
    return {
      part,
      title,
      num_parameters: numParameters,
      num_layers: numLayers,
      stored: { bytes: sizeBytes, dtypes: [...dtypes] },
      // A head that is the embedding table is stored by some, and packed by none.
      loaded: { bytes: packed?.sizeBytes ?? 0, dtypes: packed ? packedFormats(loaded, part) : [] },
      tensors: groupedTensors(stored.tensors.filter((tensor) => tensor.part === part)),
    };
  });
}

/** Packed blocks are bytes and scales under a name that says their format: `…q_proj.weight.int4`. */
function packedFormats({ tensors }: CheckpointDescription, part: DescribedPart["part"]): string[] {
  const own = tensors.filter((tensor) => tensor.part === part);
  const formats = own.map(({ name, dtype }) => /\.(int4|int8|nf4)(\.|$)/.exec(name)?.[1] ?? dtype);
  return [...new Set(formats)];
}

function groupedTensors(tensors: readonly DescribedTensor[]): DescribedPart["tensors"] {
  const groups = new Map<string, DescribedPart["tensors"][number]>();
  for (const tensor of tensors) {
    const name = tensor.name.replace(/\.\d+(?=\.)/g, ".*");
    const key = `${name} ${tensor.dtype} ${tensor.shape}`;
    const count = (groups.get(key)?.count ?? 0) + 1;
    groups.set(key, { name, shape: [...tensor.shape], dtype: tensor.dtype, count });
  }
  return [...groups.values()];
}

function memoryOf({ formats, decoder }: MemoryEstimate): ModelDescription["memory"] {
  return {
    formats: formats.map(({ weights, blockSize, weightsBytes }) => ({
      weights,
      block_size: blockSize,
      bytes: weightsBytes,
    })),
    ...(decoder && { kv_bytes_per_thousand_tokens: decoder.cacheBytesPerThousandTokens }),
  };
}

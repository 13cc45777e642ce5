/** A checkpoint seen through its family's spelling of tensor names. */
import { OcellusError } from "../base/index.js";
import type { AnyFamily } from "../models/index.js";
import type { Tensor, TensorInfo, TensorSource } from "../tensor/index.js";

/** The tensors of `source` under canonical names. @throws `invalid_file` when two spellings of one tensor are present. */
export function canonicalSource(source: TensorSource, family: AnyFamily): TensorSource {
  const originals = new Map<string, string>();
  for (const original of source.names()) {
    const name = family.canonicalName(original);
    const other = originals.get(name);
    if (other !== undefined) {
      throw new OcellusError(
        "invalid_file",
        `the checkpoint holds ${name} twice, as ${other} and as ${original}; remove one`,
        {
          details: { tensor: name, spellings: [other, original] },
        },
      );
    }
    originals.set(name, original);
  }
  const original = (name: string) => originals.get(name) ?? name;
  return {
    names: () => originals.keys(),
    info: (name): TensorInfo | undefined => {
      const info = source.info(original(name));
      return info && { ...info, name };
    },
    read: async (name): Promise<Tensor> => ({ ...(await source.read(original(name))), name }),
    readRange: (name, ...range) => source.readRange(original(name), ...range),
  };
}

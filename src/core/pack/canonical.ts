/** A checkpoint seen through its family's spelling of tensor names. */
import { OcellusError } from "../base/index.js";
import type { AnyFamily } from "../models/index.js";
import type { WeightsSource } from "../quantize/index.js";
import type { Tensor, TensorInfo } from "../tensor/index.js";

/** The tensors of `source` under canonical names. @throws `invalid_file` when two spellings of one tensor are present. */
export function canonicalSource(source: WeightsSource, family: AnyFamily): WeightsSource {
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
  const { stored } = source;
  return {
    names: () => originals.keys(),
    info: (name): TensorInfo | undefined => {
      const info = source.info(original(name));
      return info && { ...info, name };
    },
    read: async (name): Promise<Tensor> => ({ ...(await source.read(original(name))), name }),
    readRange: (name, ...range) => source.readRange(original(name), ...range),
    ...(stored && {
      stored: {
        method: stored.method,
        names: stored.names.map(family.canonicalName),
        exactFormat: (name) => stored.exactFormat(original(name)),
        read: (name) => stored.read(original(name)),
      },
    }),
  };
}

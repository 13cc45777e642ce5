/** What a decoder's cache of keys and values holds (docs/memory.md). */
import type { Device } from "../backend/index.js";
import { OcellusError } from "../base/index.js";
import { isRecurrent, type KvCacheDtype, type KvScales } from "../graph/index.js";
import { type PackedModel, readKvScales } from "../pack/index.js";

export const kvCacheDtypes = ["auto", "float32", "int8"] as const satisfies readonly ("auto" | KvCacheDtype)[];

export interface KvCacheChoice {
  /**
   * "int8": keys and values in a byte each, a quarter of the memory of "float32", with scales that `ocellus pack --kv-cache-dtype int8`
   * has measured; on the CPU, of layers without states. Default "auto", which is "float32".
   */
  readonly kvCacheDtype?: (typeof kvCacheDtypes)[number] | undefined;
}

/**
 * The scales of an int8 cache; none for one of float32.
 * @throws `invalid_request` for another value; `unsupported` (device, layers with states); `not_found` (no scales), `invalid_file`
 */
export async function kvScalesFor(
  packed: PackedModel,
  device: Device,
  { kvCacheDtype = "auto" }: KvCacheChoice,
): Promise<KvScales | undefined> {
  const option = "kvCacheDtype";
  if (!kvCacheDtypes.includes(kvCacheDtype))
    throw new OcellusError(
      "invalid_request",
      `${option}: expected one of ${kvCacheDtypes.join(", ")}, found ${JSON.stringify(kvCacheDtype)}`,
      { details: { option, expected: kvCacheDtypes, found: kvCacheDtype } },
    );
  if (kvCacheDtype !== "int8") return undefined;
  if (isRecurrent(packed.family.states(packed.config)))
    throw new OcellusError(
      "unsupported",
      `${option}: layers of ${packed.path} keep states, which have no int8 form; use float32`,
      {
        details: { option, found: kvCacheDtype, modelType: packed.manifest.model_type },
      },
    );
  if (device !== "cpu")
    throw new OcellusError("unsupported", `${option}: int8 has no kernel on ${device}; use float32, or --device cpu`, {
      details: { option, found: kvCacheDtype, device },
    });
  return readKvScales(packed);
}

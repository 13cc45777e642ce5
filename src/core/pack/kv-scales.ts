/**
 * kv_scales.json of a packed model: what int8 keys and values are multiplied by, a scale for each channel of each layer. It is made
 * for a packed model that is there already (calibrate/kv-scales.ts), and read where a cache of int8 is asked for.
 */
import { z } from "zod";
import { OcellusError } from "../base/index.js";
import { joinPath, writeFileAtomically } from "../fs/index.js";
import type { KvScales, StateSpec } from "../graph/index.js";
import { packedFiles } from "./manifest.js";
import type { PackedModel } from "./packed.js";

/** Raised whenever the same set gives other scales. */
const kvScalesVersion = 2;

/** Four digits: an error of a scale that small is far below the half step that rounding costs. */
const digits = 4;

const fileSchema = z.object({
  version: z.int(),
  /** SHA-256 of what was read while keys and values were measured. */
  calibration: z.string(),
  scales: z.record(z.string(), z.array(z.number().positive())),
});

type Packed = Pick<PackedModel, "path" | "files" | "family" | "config">;

/** Whether they are there, measured on that set in the way that we measure. */
export async function hasKvScales({ files }: Packed, calibration: string): Promise<boolean> {
  const found = fileSchema.safeParse(await files.readJson(packedFiles.kvScales));
  return found.success && found.data.version === kvScalesVersion && found.data.calibration === calibration;
}

/** @throws `io` */
export async function writeKvScales({ path }: Packed, calibration: string, scales: KvScales): Promise<void> {
  const rounded = [...scales].map(([name, own]) => [
    name,
    Array.from(own, (scale) => Number(scale.toPrecision(digits))),
  ]);
  const json = { version: kvScalesVersion, calibration, scales: Object.fromEntries(rounded) };
  await writeFileAtomically(joinPath(path, packedFiles.kvScales), `${JSON.stringify(json)}\n`);
}

/** @throws `not_found` where there are none, `invalid_file` for a damaged file or one of other layers. */
export async function readKvScales(packed: Packed): Promise<KvScales> {
  const { path, files, family, config } = packed;
  const json = await files.readJson(packedFiles.kvScales);
  const file = joinPath(path, packedFiles.kvScales);
  if (json === undefined)
    throw new OcellusError(
      "not_found",
      `${path} has no scales for int8 keys and values; make them with \`ocellus pack CHECKPOINT --kv-cache-dtype int8\``,
      { details: { path: file, option: "kvCacheDtype" } },
    );
  const { data } = fileSchema.safeParse(json);
  const widths = channelsOf(family.states(config));
  const isWhole =
    data?.version === kvScalesVersion && widths.every(([name, width]) => data.scales[name]?.length === width);
  if (!isWhole)
    throw new OcellusError(
      "invalid_file",
      `${file} is damaged or from another Ocellus version; make it again with \`ocellus pack CHECKPOINT --kv-cache-dtype int8\``,
      { details: { path: file, option: "kvCacheDtype" } },
    );
  return new Map(widths.map(([name]) => [name, Float32Array.from(data!.scales[name]!)]));
}

/** Of each buffer of a cache, by its name in the scales. */
function channelsOf(layers: readonly StateSpec[]): (readonly [name: string, channels: number])[] {
  return layers.flatMap((layer, n) =>
    layer.kind === "kv"
      ? (["key", "value"] as const).map((part) => [`${n}.${part}`, layer.kvHeads * layer.headDim] as const)
      : [],
  );
}

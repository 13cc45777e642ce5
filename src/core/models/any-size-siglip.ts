/**
 * SigLIP's image tower over images of any size: patches take the nearest places of a square table, and views of one shape make
 * a batch. Of MiniCPM-V and Idefics2. [transformers modeling_siglip.py, modeling_idefics2.py]
 */
import type { GraphBuilder, Value } from "../graph/index.js";
import type { PixelValues } from "../image/spec/index.js";
import * as nn from "../nn/index.js";
import { bucketedPlaces } from "./bucketed-places.js";
import type { HostInput } from "./family.js";
import { type TowerConfig, towerBlocks } from "./towers.js";

export interface AnySizeConfig extends TowerConfig {
  readonly hidden_size: number;
  readonly image_size: number;
  readonly patch_size: number;
}

/** The dimension of a view's patches in a graph. */
export const numPatches = "num_patches";

/** Places on a side of the table. */
function placesPerSide({ image_size: side, patch_size: patch }: AnySizeConfig): number {
  return Math.floor(side / patch);
}

/** pixel_values [num_images, num_patches, 3·patch²], views of one shape in raster order → [num_images, num_patches, D], normed */
export function anySizeSiglip(builder: GraphBuilder, path: string, config: AnySizeConfig): Value {
  const { hidden_size: D, patch_size: p } = config;
  const scope = builder.root.at(path);
  const embeddings = scope.at("embeddings");
  const pixels = builder.input("pixel_values", "f32", ["num_images", numPatches, 3 * p * p]);
  const names = { weight: "weight", bias: "bias" };
  const patches = nn.patchEmbedding(embeddings.at("patch_embedding"), pixels, [D, 3, p, p], names);
  const table = embeddings.weight("position_embedding.weight", [placesPerSide(config) ** 2, D]);
  const places = embeddings.op("Gather", [table, builder.input("place_ids", "i64", [numPatches])]);
  const encoded = towerBlocks(scope.at("encoder"), embeddings.op("Add", [patches, places]), config);
  return nn.layerNorm(scope, "post_layernorm", encoded, config.layer_norm_eps);
}

/** What its graph is fed of a batch of views. */
export function anySizeInputs(
  { data, shape, grid }: PixelValues,
  config: AnySizeConfig,
  ...share: Parameters<typeof bucketedPlaces> extends [unknown, unknown, ...infer S] ? S : never
): Record<"pixel_values" | "place_ids", HostInput> {
  const count = grid.rows * grid.columns;
  const places = bucketedPlaces(grid, placesPerSide(config), ...share);
  return {
    pixel_values: { dtype: "f32", shape: [shape[0] / count, count, shape[1]], data },
    place_ids: { dtype: "i64", shape: [count], data: places },
  };
}

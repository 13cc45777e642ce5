/**
 * What CLIP's and SigLIP's towers share: blocks with biases everywhere, names, and a text's rows of words and positions.
 * Source: transformers modeling_clip.py, modeling_siglip.py.
 */
import type { GraphBuilder, Scope, Value } from "../graph/index.js";
import type { PixelValues } from "../image/spec/index.js";
import * as nn from "../nn/index.js";
import type { HostInput } from "./family.js";

export interface TowerConfig {
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly intermediate_size: number;
  readonly hidden_act: nn.Activation;
  readonly layer_norm_eps: number;
}

export interface TextTowerConfig extends TowerConfig {
  readonly hidden_size: number;
  readonly vocab_size: number;
  readonly max_position_embeddings: number;
}

/** What a vision graph of a fixed size is fed. */
export function pixelInputs(_: unknown, { data, shape }: PixelValues): Record<string, HostInput> {
  return { pixel_values: { dtype: "f32", shape, data } };
}

/** The blocks below `scope`. x [1, sequence, D] → the same. @param visible "before": each token sees itself and those before it */
export function towerBlocks(scope: Scope, x: Value, config: TowerConfig, visible?: "before"): Value {
  const { num_attention_heads: numHeads, intermediate_size: width, hidden_act: activation } = config;
  const qkv = ["q_proj", "k_proj", "v_proj"] as const;
  const block: nn.EncoderBlock = {
    norms: ["layer_norm1", "layer_norm2"],
    epsilon: config.layer_norm_eps,
    attention: { at: "self_attn", qkv, out: "self_attn.out_proj", numHeads, bias: true, ...(visible && { visible }) },
    mlp: { at: "mlp", up: "fc1", down: "fc2", activation, width, bias: true },
  };
  let rows = x;
  for (let n = 0; n < config.num_hidden_layers; n++) rows = nn.encoderBlock(scope.at("layers").at(n), rows, block);
  return rows;
}

/**
 * input_ids and position_ids [sequence] of one text, pooled_index [1] → the pooled row [1, D] behind blocks and norm. The
 * norm is row by row, so it may follow the choice.
 */
export function pooledText(builder: GraphBuilder, config: TextTowerConfig, visible?: "before"): Value {
  const { hidden_size: D, layer_norm_eps: epsilon } = config;
  const tower = builder.root.at("text_model");
  const embeddings = tower.at("embeddings");
  const rowsOf = (name: string, count: number, input: string) =>
    embeddings.op("Gather", [embeddings.weight(name, [count, D]), builder.input(input, "i64", ["sequence"])]);
  const words = rowsOf("token_embedding.weight", config.vocab_size, "input_ids");
  const positions = rowsOf("position_embedding.weight", config.max_position_embeddings, "position_ids");
  const x = embeddings.reshape(embeddings.op("Add", [words, positions]), [1, -1, D]);
  const encoded = towerBlocks(tower.at("encoder"), x, config, visible);
  const pooledIndex = builder.input("pooled_index", "i64", [1]);
  const row = tower.op("Gather", [tower.reshape(encoded, [-1, D]), pooledIndex]);
  return nn.layerNorm(tower, "final_layer_norm", row, epsilon);
}

/**
 * What CLIP's and SigLIP's towers share, and the vision encoders made from SigLIP's (SigLIP 2, Idefics2, MiniCPM-V): blocks with
 * biases everywhere, names, and a text's rows of words and positions.
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

/** The attention of all blocks. */
export function towerAttention({ num_attention_heads: numHeads }: Pick<TowerConfig, "num_attention_heads">) {
  return {
    at: "self_attn",
    qkv: ["q_proj", "k_proj", "v_proj"],
    out: "self_attn.out_proj",
    numHeads,
    bias: true,
  } as const;
}

export interface TowerOptions {
  /** "before": each token sees itself and those before it. */
  readonly visible?: "before";
  /** Of q and k. */
  readonly rotary?: nn.Rotary;
  /** What follows block `n`. Default nothing. */
  readonly behind?: (n: number, rows: Value) => Value;
}

/** The blocks below `scope`. x [batch, sequence, D] → the same */
export function towerBlocks(scope: Scope, x: Value, config: TowerConfig, options: TowerOptions = {}): Value {
  const { intermediate_size: width, hidden_act: activation } = config;
  const { visible, rotary, behind = (_, rows) => rows } = options;
  const block: nn.EncoderBlock = {
    norms: ["layer_norm1", "layer_norm2"],
    epsilon: config.layer_norm_eps,
    attention: { ...towerAttention(config), ...(visible && { visible }), ...(rotary && { rotary }) },
    mlp: { at: "mlp", up: "fc1", down: "fc2", activation, width, bias: true },
  };
  let rows = x;
  for (let n = 0; n < config.num_hidden_layers; n++)
    rows = behind(n, nn.encoderBlock(scope.at("layers").at(n), rows, block));
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
  const encoded = towerBlocks(tower.at("encoder"), x, config, visible ? { visible } : {});
  const pooledIndex = builder.input("pooled_index", "i64", [1]);
  const row = tower.op("Gather", [tower.reshape(encoded, [-1, D]), pooledIndex]);
  return nn.layerNorm(tower, "final_layer_norm", row, epsilon);
}

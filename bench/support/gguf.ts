/**
 * A random Qwen3 decoder as a GGUF file, for llama.cpp beside us. Layout: ggml's docs/gguf.md, version 3; tensor names:
 * llama.cpp's architecture "qwen3". Matrices of the layers are Q4_0, the two tables of the vocabulary Q8_0, as our int4 has them.
 */

import { randomBytes } from "node:crypto";
import { closeSync, openSync, renameSync, writeSync } from "node:fs";
import type { DecoderConfig } from "../../src/core/models/decoder-config.js";
import { toFloat16Bits } from "../../src/core/tensor/index.js";

/** ggml_type: bytes of a block and the values in it. */
const types = { f32: [0, 4, 1], q4_0: [2, 18, 32], q8_0: [8, 34, 32] } as const;

interface GgufTensor {
  readonly name: string;
  readonly type: keyof typeof types;
  /** As ggml counts: columns first. */
  readonly shape: readonly number[];
}

/** Where the data section and every tensor in it begin. */
const alignment = 32;
const aligned = (bytes: number) => Math.ceil(bytes / alignment) * alignment;

export function writeRandomGguf(path: string, config: DecoderConfig): void {
  const tensors = tensorsOf(config);
  const file = openSync(`${path}.part`, "w");
  try {
    const header = encodeHeader(config, tensors);
    writeSync(file, Buffer.concat([header, Buffer.alloc(aligned(header.length) - header.length)]));
    for (const tensor of tensors) {
      const data = randomData(tensor);
      writeSync(file, data);
      writeSync(file, Buffer.alloc(aligned(data.length) - data.length));
    }
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.part`, path);
}

function tensorsOf(config: DecoderConfig): GgufTensor[] {
  const { hidden_size: hidden, intermediate_size: wide, vocab_size: vocab, head_dim: headDim } = config;
  const [q, kv] = [config.num_attention_heads * headDim, config.num_key_value_heads * headDim];
  const layer: GgufTensor[] = [
    { name: "attn_norm", type: "f32", shape: [hidden] },
    { name: "attn_q", type: "q4_0", shape: [hidden, q] },
    { name: "attn_k", type: "q4_0", shape: [hidden, kv] },
    { name: "attn_v", type: "q4_0", shape: [hidden, kv] },
    { name: "attn_q_norm", type: "f32", shape: [headDim] },
    { name: "attn_k_norm", type: "f32", shape: [headDim] },
    { name: "attn_output", type: "q4_0", shape: [q, hidden] },
    { name: "ffn_norm", type: "f32", shape: [hidden] },
    { name: "ffn_gate", type: "q4_0", shape: [hidden, wide] },
    { name: "ffn_up", type: "q4_0", shape: [hidden, wide] },
    { name: "ffn_down", type: "q4_0", shape: [wide, hidden] },
  ];
  return [
    { name: "token_embd.weight", type: "q8_0", shape: [hidden, vocab] },
    ...Array.from({ length: config.num_hidden_layers }, (_, n) =>
      layer.map((tensor) => ({ ...tensor, name: `blk.${n}.${tensor.name}.weight` })),
    ).flat(),
    { name: "output_norm.weight", type: "f32", shape: [hidden] },
    { name: "output.weight", type: "q8_0", shape: [hidden, vocab] },
  ];
}

function sizeOf({ type, shape }: GgufTensor): number {
  const [, blockBytes, blockValues] = types[type];
  return (shape.reduce((a, b) => a * b) / blockValues) * blockBytes;
}

/** Norms of ones, blocks of random codes under one small scale. */
function randomData(tensor: GgufTensor): Buffer {
  const [, blockBytes] = types[tensor.type];
  if (tensor.type === "f32") return Buffer.from(new Float32Array(tensor.shape[0]!).fill(1).buffer);
  const data = randomBytes(sizeOf(tensor));
  const [scale] = toFloat16Bits(Float32Array.of(tensor.type === "q4_0" ? 0.005 : 0.0003)); // about 0.02 either way
  for (let at = 0; at < data.length; at += blockBytes) data.writeUInt16LE(scale!, at);
  return data;
}

// ---------------------------------------------------------------------------------------------------------- header

function encodeHeader(config: DecoderConfig, tensors: readonly GgufTensor[]): Buffer {
  const metadata = metadataOf(config);
  let offset = 0;
  const infos = tensors.flatMap((tensor) => {
    const info = [
      string(tensor.name),
      u32(tensor.shape.length),
      ...tensor.shape.map(u64),
      u32(types[tensor.type][0]),
      u64(offset),
    ];
    offset += aligned(sizeOf(tensor));
    return info;
  });
  return Buffer.concat([Buffer.from("GGUF"), u32(3), u64(tensors.length), u64(metadata.length), ...metadata, ...infos]);
}

function metadataOf(config: DecoderConfig): Buffer[] {
  const tokens = Array.from({ length: config.vocab_size }, (_, id) => (id < 256 ? byteToken(id) : `<${id}>`));
  const count = (key: string, value: number) => pair(key, valueTypes.u32, u32(value));
  const real = (key: string, value: number) => pair(key, valueTypes.f32, f32(value));
  return [
    pair("general.architecture", valueTypes.string, string("qwen3")),
    count("qwen3.block_count", config.num_hidden_layers),
    count("qwen3.context_length", config.max_position_embeddings),
    count("qwen3.embedding_length", config.hidden_size),
    count("qwen3.feed_forward_length", config.intermediate_size),
    count("qwen3.attention.head_count", config.num_attention_heads),
    count("qwen3.attention.head_count_kv", config.num_key_value_heads),
    count("qwen3.attention.key_length", config.head_dim),
    count("qwen3.attention.value_length", config.head_dim),
    real("qwen3.attention.layer_norm_rms_epsilon", config.rms_norm_eps),
    real("qwen3.rope.freq_base", 1e6),
    pair("tokenizer.ggml.model", valueTypes.string, string("gpt2")),
    pair("tokenizer.ggml.pre", valueTypes.string, string("qwen2")),
    pair("tokenizer.ggml.tokens", valueTypes.array, array(valueTypes.string, tokens.map(string))),
    pair(
      "tokenizer.ggml.token_type",
      valueTypes.array,
      array(
        valueTypes.i32,
        tokens.map(() => u32(1)),
      ),
    ),
    pair("tokenizer.ggml.merges", valueTypes.array, array(valueTypes.string, [string("a b")])),
    count("tokenizer.ggml.eos_token_id", config.vocab_size - 1),
  ];
}

/** Some character for each byte, as byte-level vocabularies need; which one is of no account here. */
const byteToken = (byte: number) => String.fromCodePoint(byte < 33 || (byte > 126 && byte < 161) ? 256 + byte : byte);

/** gguf_metadata_value_type */
const valueTypes = { u32: 4, i32: 5, f32: 6, string: 8, array: 9 } as const;

const pair = (key: string, type: number, value: Buffer) => Buffer.concat([string(key), u32(type), value]);
const array = (type: number, items: readonly Buffer[]) => Buffer.concat([u32(type), u64(items.length), ...items]);

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function f32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([u64(bytes.length), bytes]);
}

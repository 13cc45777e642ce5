/** Policies on disk, a picture and a word that they forbid, and models that tell what reached them. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { decodeImage, pixelDigest } from "../../src/core/image/node/index.js";
import type {
  ChatEvent,
  ChatOptions,
  LanguageModel,
  RerankerInput,
  RerankerModel,
  RerankOptions,
} from "../../src/core/runtime/index.js";
import type { EmbeddingModel } from "../../src/guardrails/index.js";
import { Guards } from "../../src/guardrails/index.js";
import { scriptedModel } from "./scripted-model.js";

/** A made-up word. */
export const forbiddenWord = "blorb";

/** A grey picture of 8 by 8; another level is another picture. */
export function image(level: number): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const [length, crc] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    crc.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, crc]);
  };
  const header = Buffer.from([0, 0, 0, 8, 0, 0, 0, 8, 8, 0, 0, 0, 0]);
  const rows = Buffer.concat(Array.from({ length: 8 }, () => Buffer.from([0, ...new Array<number>(8).fill(level)])));
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function crc32(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

export const dataUrl = (bytes: Uint8Array) => `data:image/png;base64,${Buffer.from(bytes).toString("base64")}`;
export const forbiddenImage = image(66);

export const digestOf = async (bytes: Uint8Array | string) => pixelDigest(await decodeImage(bytes));

/** Writes a policy into a folder; gives its path. */
export function writePolicy(folder: string, policy: unknown, words: readonly string[] = [forbiddenWord]): string {
  writeFileSync(join(folder, "words.txt"), words.map((word) => `${word}\n`).join(""));
  const path = join(folder, "policy.json");
  writeFileSync(path, JSON.stringify(policy, null, 2));
  return path;
}

/** Forbids the word at both doors, and the picture. */
export async function strictPolicy(images: Readonly<Record<string, string>> = {}) {
  return {
    guards: {
      words: { type: "words", lists: ["words.txt"] },
      known: { type: "known-images", images: { [await digestOf(forbiddenImage)]: "violence", ...images } },
    },
  };
}

export async function openGuards(folder: string, policy: unknown): Promise<Guards> {
  return Guards.open(writePolicy(folder, policy));
}

/** A model that says `pieces`, and writes down what it was asked. */
export interface Witness extends Omit<LanguageModel, "modelView" | "generate"> {
  generate: LanguageModel["generate"];
  pieces: readonly string[];
  modelView?: NonNullable<LanguageModel["modelView"]>;
  /** Everything that came through the door: words as they are, pictures in base64. */
  readonly seen: string[];
}

export function witness(): Witness {
  const seen: string[] = [];
  const note = (asked: unknown) =>
    seen.push(JSON.stringify(asked, (_, value) => (value instanceof Uint8Array ? dataUrl(value) : value)));
  const { info, stats, tokenizer } = scriptedModel();
  const model = {
    ...{ info, stats, tokenizer, seen, pieces: ["a quiet answer"] as readonly string[] },
    prepare: async (messages: unknown, options: ChatOptions = {}) => {
      note(messages);
      note(options.tools ?? []);
      note(options.templateVariables ?? {});
      return { ...prompt, options };
    },
    prepareText: async (text: unknown, options: ChatOptions = {}) => {
      note(text);
      return { ...prompt, options };
    },
    async *generate(): AsyncGenerator<ChatEvent> {
      for (const [i, text] of model.pieces.entries())
        yield { type: "text", text, tokens: [{ tokenId: i, logprob: -1 }] };
      yield end;
    },
    answerAttention: async (messages: unknown, answer: string) => {
      note(messages);
      note(answer);
      return { numLayers: 1, tokens: [] };
    },
    pixelBytes: async () => 0,
    close: async () => {},
  };
  return model;
}

export function embeddingWitness(): EmbeddingModel & { readonly seen: string[] } {
  const seen: string[] = [];
  const note = (asked: unknown) => {
    seen.push(asked instanceof Uint8Array ? dataUrl(asked) : String(asked));
    return Promise.resolve(Float32Array.of(1, 0));
  };
  return {
    ...{
      seen,
      info: { path: "", modelType: "clip", weights: "fp32", digest: "e", device: "cpu", maxLength: 77, notes: [] },
    },
    vectorVersion: "v",
    embedImage: note,
    embedText: note,
    embedCounted: async (text) => ({ direction: await note(text), scale: 1, bias: undefined, numTokens: 1 }),
    embed: async ({ text, image: shown, instruction }) => {
      for (const part of [text, shown, instruction]) await note(part);
      return { direction: Float32Array.of(1, 0), scale: 1, bias: undefined, numTokens: 1 };
    },
    close: async () => {},
  };
}

/** Judges all documents alike, and writes down what it was shown. */
export function rerankingWitness(): RerankerModel & { readonly seen: string[] } {
  const seen: string[] = [];
  const note = (asked: unknown) => seen.push(asked instanceof Uint8Array ? dataUrl(asked) : String(asked));
  const model = {
    seen,
    info: { path: "", modelType: "qwen3_vl", weights: "fp32", digest: "r", device: "cpu", maxLength: 77, notes: [] },
    modelView: (shown: unknown) => shown,
    rank: async () => [],
    async scoreCounted(query: RerankerInput, documents: readonly RerankerInput[], options: RerankOptions = {}) {
      for (const { text, image: shown } of [query, ...documents]) [text, shown, options.instruction].forEach(note);
      return { scores: documents.map(() => 0.5), numTokens: documents.length };
    },
    close: async () => {},
  };
  return model as unknown as RerankerModel & { readonly seen: string[] };
}

const prompt = {
  started: 0,
  promptTokens: 1,
  images: [],
  visionMs: 0,
};
const end: ChatEvent = {
  type: "end",
  finishReason: "stop",
  usage: { promptTokens: 1, cachedTokens: 0, completionTokens: 1 },
  timings: { visionMs: 0, imagesCached: 0, firstTokenMs: 0, totalMs: 0, tokensPerSecond: 0 },
  images: [],
};

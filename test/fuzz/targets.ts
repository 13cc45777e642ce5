/** What is fuzzed: valid inputs of each reader, how they are damaged, and how they are read. Only OcellusError may come out. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import sharp from "sharp";
import { parseFileJson } from "../../src/core/base/file-json.js";
import { OcellusError } from "../../src/core/base/index.js";
import { openCheckpoint, writeSafetensors } from "../../src/core/checkpoint/index.js";
import { parseShardIndex, shardIndexLimits } from "../../src/core/checkpoint/shard-index.js";
import { pickleOf } from "../../src/core/checkpoint/torch.testkit.js";
import { entryData, listZip, readStoredEntry, readZipDirectory } from "../../src/core/checkpoint/zip.js";
import { zipOf } from "../../src/core/checkpoint/zip.testkit.js";
import type { ByteSource } from "../../src/core/fs/file.js";
import { recordingCatalog } from "../../src/core/graph/index.js";
import { decodeImage } from "../../src/core/image/node/index.js";
import { familyOf } from "../../src/core/models/index.js";
import { buildGraphs } from "../../src/core/pack/index.js";
import { byteLength, type DType } from "../../src/core/tensor/index.js";
import { createTokenizer } from "../../src/core/tokenizer/index.js";
import { auditPickle, newAuditBudget } from "../../src/inspect/pickle-audit/audit-pickle.js";
import { auditSource } from "../../src/inspect/pickle-audit/audit-source.js";
import { mutateBytes, mutateJson } from "./mutate.js";
import type { Random } from "./random.js";

export interface Target {
  /** Valid inputs; made once, in a folder for temporary files. */
  seeds(folder: string): Promise<Uint8Array[]>;
  mutate(seed: Uint8Array, random: Random, seeds: readonly Uint8Array[]): Uint8Array;
  /** Reads an input to its end. */
  run(input: Uint8Array, folder: string): Promise<unknown>;
}

const repository = resolve(import.meta.dirname, "../..");
const fixture = (path: string) => readFileSync(join(repository, path));
const utf8 = (bytes: Uint8Array) => Buffer.from(bytes).toString("utf8");
const words = (...texts: string[]) => texts.map((text) => Buffer.from(text, "latin1"));

function sourceOf(bytes: Uint8Array): ByteSource {
  const read = async (offset: number, length: number) => {
    if (offset < 0 || offset + length > bytes.length) throw new OcellusError("invalid_file", "it is cut short");
    return Uint8Array.prototype.slice.call(bytes, offset, offset + length);
  };
  return { path: "input", size: bytes.length, read };
}

const binary =
  (...dictionary: string[]): Target["mutate"] =>
  (seed, random, seeds) =>
    mutateBytes(seed, random, seeds, words(...dictionary));

/** Mostly as a tree, at times as bytes. */
const text: Target["mutate"] = (seed, random, seeds) => {
  if (random.below(4) === 0)
    return mutateBytes(seed, random, seeds, words("{", "}", "[", "]", ",", ":", '"', "\\u0000", "1e999"));
  return Buffer.from(mutateJson(utf8(seed), random));
};

async function readAll(path: string): Promise<void> {
  const checkpoint = await openCheckpoint(path);
  try {
    for (const name of checkpoint.names()) await checkpoint.read(name);
  } finally {
    await checkpoint.close();
  }
}

const runFile = (name: string) => async (input: Uint8Array, folder: string) => {
  writeFileSync(join(folder, name), input);
  await readAll(join(folder, name));
};

// ------------------------------------------------------------------------------------------------------------ weights

const safetensors: Target = {
  async seeds(folder) {
    const path = join(folder, "seed.safetensors");
    const tensor = (name: string, dtype: DType, shape: number[]) => ({
      name,
      dtype,
      shape,
      bytes: new Uint8Array(byteLength(dtype, shape)),
    });
    const sets = [
      [tensor("a.weight", "f32", [2, 3]), tensor("b", "bf16", [4]), tensor("c", "bool", [])],
      [tensor("w", "i64", [0, 3]), tensor("v", "f8_e4m3", [2, 1, 2])],
      [],
    ];
    const made: Uint8Array[] = [];
    for (const set of sets) {
      await writeSafetensors(path, set, { format: "pt" });
      made.push(readFileSync(path));
    }
    return made;
  },
  mutate(seed, random, seeds) {
    if (random.below(2) === 0)
      return mutateBytes(
        seed,
        random,
        seeds,
        words("{", "}", '"dtype":"F32"', '"shape":[1]', '"data_offsets":[0,4]', "__metadata__"),
      );
    const bytes = Buffer.from(seed);
    const end = 8 + Number(bytes.readBigUInt64LE());
    const header = Buffer.from(mutateJson(utf8(bytes.subarray(8, end)), random));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    return Buffer.concat([length, header, bytes.subarray(end)]);
  },
  run: runFile("input.safetensors"),
};

const torchFixtures = ["state.bin", "nested.bin", "evil.bin", "legacy.bin"];
const torchSeeds = async () => torchFixtures.map((name) => fixture(`src/core/checkpoint/fixtures/${name}`));
const pickleWords = [
  "\x80\x02",
  "cos\nsystem\n",
  "ctorch\nFloatStorage\n",
  "q\x00",
  "h\x00",
  "t",
  "R",
  "(",
  "}",
  "]",
  "Q",
  "\x93",
  "\x94",
  ".",
];
const zipWords = [
  "PK\x01\x02",
  "PK\x03\x04",
  "PK\x05\x06",
  "PK\x06\x06",
  "PK\x06\x07",
  "\x01\x00\x18\x00",
  "data.pkl",
  "\xff\xff\xff\xff",
];

const torch: Target = { seeds: torchSeeds, mutate: binary(...pickleWords, ...zipWords), run: runFile("input.bin") };

const pickleAudit: Target = {
  async seeds() {
    const rows = JSON.parse(utf8(fixture("src/core/checkpoint/fixtures/pickles.json"))) as { pickle: string }[];
    return [
      ...rows.map(({ pickle }) => Buffer.from(pickle, "base64")),
      pickleOf("cos\nsystem\n(U\x02lstR"),
      ...(await torchSeeds()),
    ];
  },
  mutate: binary(...pickleWords, ...zipWords),
  async run(input) {
    const source = sourceOf(input);
    await auditPickle(source, "input");
    const findings = { pickles: [], problems: new Set<string>(), budget: newAuditBudget(), signal: undefined };
    await auditSource(source, findings);
  },
};

const zip: Target = {
  async seeds() {
    const parts = [
      ["a/data.pkl", "pickle"],
      ["a/data/0", "0123456789"],
      ["a/version", "3\n"],
    ] as const;
    return [zipOf(parts), zipOf(parts, { zip64: true }), zipOf(parts, { comment: "a comment" }), zipOf([])];
  },
  mutate: binary(...zipWords),
  async run(input) {
    const source = sourceOf(input);
    for (const entry of (await listZip(source)).entries) await entryData(source, entry).catch(expectOurs);
    for (const entry of (await readZipDirectory(source)).values()) await readStoredEntry(source, entry, 1000);
  },
};

function expectOurs(error: unknown): void {
  if (!(error instanceof OcellusError)) throw error;
}

// --------------------------------------------------------------------------------------------------------------- JSON

const shardIndex: Target = {
  async seeds() {
    const weight_map = {
      "a.weight": "model-00001-of-00002.safetensors",
      "b.weight": "model-00002-of-00002.safetensors",
    };
    return [{ metadata: { total_size: 8 }, weight_map }, { weight_map: { w: "x.bin" } }].map((json) =>
      Buffer.from(JSON.stringify(json)),
    );
  },
  mutate: text,
  run: async (input) => parseShardIndex(parsed(input, shardIndexLimits), "index.json"),
};

/** What `readJson` does after reading: its own errors name the file, which we leave out. */
function parsed(input: Uint8Array, limits = { maxDepth: 64, uniqueKeys: false }): unknown {
  try {
    return parseFileJson(utf8(input), limits);
  } catch (cause) {
    throw new OcellusError("invalid_config", `not JSON: ${(cause as Error).message}`, { cause });
  }
}

const golden = (file: string) =>
  readdirSync(join(repository, "test/golden"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(`/${file}`))
    .map((name) => fixture(join("test/golden", name)));

const config: Target = {
  seeds: async () => [...golden("config.json"), fixture("checkpoints/ocellus-tiny/config.json")],
  mutate: text,
  async run(input) {
    const json = parsed(input);
    const family = familyOf(json);
    const understood = family.parseConfig(json);
    if (family.kind === "language") {
      const start = { start: 0, count: 3, positions: family.positions(understood, [1, 2, 3], []) };
      family.rotary(understood, start);
      family.image?.imageProcessor(understood, undefined);
      if (family.states(understood).length > 8) return; // graphs of a thousand layers are correct, and slow to build
    } else family.imageProcessor(understood, undefined);
    const catalog = recordingCatalog(() => ({ kind: "f32" }));
    const graphs = Object.values(buildGraphs(family, understood, catalog));
    const values = graphs.flatMap((graph) => [...graph.inputs, ...graph.nodes.flatMap((node) => node.outputs)]);
    for (const { shape } of [...catalog.tensors.values(), ...values])
      if (shape.some((n) => typeof n === "number" && !(Number.isSafeInteger(n) && n >= 0)))
        throw new Error(`a graph was built with the shape [${shape}]`);
  },
};

const tokenizer: Target = {
  seeds: async () => [...golden("tokenizer.json"), fixture("checkpoints/ocellus-tiny/tokenizer.json")],
  mutate: text,
  async run(input) {
    const made = createTokenizer(parsed(input), undefined);
    const ids = made.encode("A red dress, 2 pictures: 红色\n");
    made.decode([...ids.slice(0, 40), 0, 1, 5]);
  },
};

// ------------------------------------------------------------------------------------------------------------ pictures

const image: Target = {
  async seeds() {
    const picture = sharp({ create: { width: 7, height: 5, channels: 3, background: "#c02040" } });
    const encoded = await Promise.all(
      (["png", "jpeg", "webp", "gif", "tiff"] as const).map((format) => picture.clone().toFormat(format).toBuffer()),
    );
    return [...encoded, bmp(24), bmp(8)];
  },
  mutate: binary("RIFF", "WEBP", "IHDR", "IDAT", "\xff\xd8", "\xff\xc0", "GIF89a", "II*\0", "BM", "\xff\xff\xff\x7f"),
  run: (input) => decodeImage(input, { maxPixels: 1e6 }),
};

/** 4×2 pixels. */
function bmp(bits: number): Buffer {
  const paletteBytes = bits === 8 ? 1024 : 0;
  const header = Buffer.alloc(54 + paletteBytes, 0x40);
  header.fill(0, 0, 54);
  header.write("BM", 0, "latin1");
  header.writeUInt32LE(54 + paletteBytes, 10);
  header.writeUInt32LE(40, 14);
  header.writeInt32LE(4, 18);
  header.writeInt32LE(2, 22);
  header.writeUInt16LE(1, 26);
  header.writeUInt16LE(bits, 28);
  return Buffer.concat([header, Buffer.alloc((bits / 8) * 8, 3)]);
}

export const targets: Readonly<Record<string, Target>> = {
  safetensors,
  torch,
  "pickle-audit": pickleAudit,
  "shard-index": shardIndex,
  config,
  tokenizer,
  zip,
  image,
};

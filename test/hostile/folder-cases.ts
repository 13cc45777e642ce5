/** Folders whose files do not belong together, lead elsewhere, or are something else than their names say. */
import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { deflateRawSync, gzipSync } from "node:zlib";
import { pickleOf } from "../../src/core/checkpoint/torch.testkit.js";
import { fileCase, type HostileCase, latin1, sparseCase } from "./cases.js";
import { torchFile } from "./pickle-cases.js";
import { safetensorsOf } from "./safetensors-cases.js";

/** A file that is on every machine which runs this. */
const elsewhere = process.execPath;
const indexName = "model.safetensors.index.json";
const shardOf = (...names: string[]) =>
  safetensorsOf(Object.fromEntries(names.map((name) => [name, { dtype: "U8", shape: [0], data_offsets: [0, 0] }])));

type Files = Readonly<Record<string, Uint8Array | string>>;

function folderCase(name: string, files: () => Files, reason: string, more?: (folder: string) => void): HostileCase {
  const write = (folder: string) => {
    for (const [file, contents] of Object.entries(files())) writeFileSync(join(folder, file), contents);
    more?.(folder);
  };
  return { name, reason, write };
}

const indexed = (
  name: string,
  index: () => unknown,
  reason: string,
  files: Files = { "1.safetensors": shardOf("w") },
) => folderCase(name, () => ({ [indexName]: text(index()), ...files }), reason);
const text = (json: unknown) => (typeof json === "string" ? json : JSON.stringify(json));
const plain = "a shard must be a plain file name in the same folder";

const shardNames = [
  "../evil.safetensors",
  "/etc/passwd",
  "a/b.safetensors",
  "a\\b.safetensors",
  "C:x",
  "..",
  ".",
  "",
  "a\0b",
  "n".repeat(300),
];
const indexes: HostileCase[] = [
  ...shardNames.map((shard) =>
    indexed(`a shard called ${JSON.stringify(shard.slice(0, 20))}`, () => ({ weight_map: { w: shard } }), plain),
  ),
  ...[1, null, ["1.safetensors"], { file: "1.safetensors" }, true].map((shard) =>
    indexed(`a shard that is ${JSON.stringify(shard)}`, () => ({ weight_map: { w: shard } }), plain),
  ),
  ...[undefined, null, [], "1.safetensors", 7].map((map) =>
    indexed(`a weight map that is ${JSON.stringify(map) ?? "missing"}`, () => ({ weight_map: map }), "expected {"),
  ),
  ...[null, [], 7, "text"].map((index) =>
    indexed(`an index that is ${JSON.stringify(index)}`, () => JSON.stringify(index), "expected {"),
  ),
  indexed("a weight map of nothing", () => ({ weight_map: {} }), "weight_map is empty"),
  indexed("an index that is no JSON", () => "{", "is not JSON"),
  indexed("an index in UTF-16", () => Buffer.from("{}", "utf16le").toString("latin1"), "is not JSON"),
  indexed("an index that nests a million deep", () => `{"weight_map":${"[".repeat(1e6)}`, "nests deeper than 8"),
  indexed("a tensor listed twice", () => '{"weight_map":{"w":"1.safetensors","w":"2.safetensors"}}', 'names "w" twice'),
  indexed("two weight maps", () => '{"weight_map":{"w":"1.safetensors"},"weight_map":{}}', "twice"),
  indexed(
    "2,000 shards",
    () => ({ weight_map: Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`w${i}`, `${i}.safetensors`])) }),
    "names 2000 shards, the limit is 1024",
  ),
  indexed(
    "600,000 tensors",
    () => `{"weight_map":{${Array.from({ length: 6e5 }, (_, i) => `"${i}":"1"`).join()}}}`,
    "more than 500000 keys",
  ),
  indexed(
    "300,000 long names of which none is there",
    () =>
      `{"weight_map":{${Array.from({ length: 1e5 }, (_, i) => `"${"n".repeat(100)}${i}":"1.safetensors"`).join()}}}`,
    "which does not hold it",
  ),
  indexed("a shard that is missing", () => ({ weight_map: { w: "2.safetensors" } }), "shard 2.safetensors is missing"),
  indexed(
    "a tensor that is not in its shard",
    () => ({ weight_map: { v: "1.safetensors" } }),
    "which does not hold it (nearest: w)",
  ),
  indexed(
    "a tensor __proto__ that is nowhere",
    () => '{"weight_map":{"__proto__":"1.safetensors"}}',
    "which does not hold it",
  ),
  indexed(
    "a tensor in two shards",
    () => ({ weight_map: { w: "1.safetensors", v: "2.safetensors" } }),
    "and in 2.safetensors as well",
    { "1.safetensors": shardOf("w"), "2.safetensors": shardOf("w", "v") },
  ),
  indexed("a shard that is a pickle", () => ({ weight_map: { w: "1.safetensors" } }), "a Python pickle", {
    "1.safetensors": pickleOf("cos\nsystem\n"),
  }),
  {
    ...sparseCase("an index of a gigabyte of spaces", indexName, latin1("{}"), 2 ** 30, "the limit is 16777216"),
    open: ".",
  },
];

const link = (name: string, target: string) => (folder: string) => symlinkSync(target, join(folder, name));
const oneShard = () => ({ [indexName]: text({ weight_map: { w: "1.safetensors" } }) });
const outside = "outside its folder";
const links: HostileCase[] = [
  folderCase("a shard linked to a file elsewhere", oneShard, outside, link("1.safetensors", elsewhere)),
  folderCase("a shard linked to a file above", oneShard, outside, (folder) => {
    writeFileSync(`${folder}.safetensors`, shardOf("w"));
    symlinkSync(`../${basename(folder)}.safetensors`, join(folder, "1.safetensors"));
  }),
  folderCase("a shard linked through a link", oneShard, outside, (folder) => {
    symlinkSync(dirname(elsewhere), join(folder, "inner"));
    symlinkSync(join("inner", basename(elsewhere)), join(folder, "1.safetensors"));
  }),
  folderCase("a shard linked to a device", oneShard, outside, link("1.safetensors", "/dev/zero")),
  folderCase("a shard linked to itself", oneShard, "too many symbolic links", link("1.safetensors", "1.safetensors")),
  folderCase("a shard linked to nothing", oneShard, "shard 1.safetensors is missing", link("1.safetensors", "nothing")),
  folderCase("weights linked to a file elsewhere", () => ({}), outside, link("model.safetensors", elsewhere)),
  folderCase("PyTorch weights linked to a file elsewhere", () => ({}), outside, link("pytorch_model.bin", elsewhere)),
  folderCase("an index linked to a file elsewhere", () => ({}), outside, link(indexName, elsewhere)),
  folderCase(
    "a config linked to a file elsewhere",
    () => ({ "model.safetensors": shardOf("w") }),
    outside,
    link("config.json", elsewhere),
  ),
  folderCase(
    "a config linked to endless zeros",
    () => ({ "model.safetensors": shardOf("w") }),
    outside,
    link("config.json", "/dev/zero"),
  ),
  folderCase(
    "a template linked to a file elsewhere",
    () => ({ "model.safetensors": shardOf("w") }),
    outside,
    link("chat_template.jinja", elsewhere),
  ),
  folderCase("a shard that is a folder", oneShard, "is no regular file", (folder) =>
    mkdirSync(join(folder, "1.safetensors")),
  ),
  folderCase(
    "a shard that is a pipe",
    oneShard,
    "is no regular file",
    (folder) => void execFileSync("mkfifo", [join(folder, "1.safetensors")]),
  ),
  folderCase(
    "a config that is a pipe",
    () => ({ "model.safetensors": shardOf("w") }),
    "is no regular file",
    (folder) => void execFileSync("mkfifo", [join(folder, "config.json")]),
  ),
  folderCase("a folder of nothing", () => ({}), "holds no weights"),
  folderCase(
    "several weights files without an index",
    () => ({ "a.safetensors": shardOf("w"), "b.safetensors": shardOf("w") }),
    "several weights files and no index",
  ),
  folderCase(
    "2,000 weights files of long names",
    () => Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`${"n".repeat(200)}${i}.safetensors`, ""])),
    "several weights files and no index",
  ),
];

const strangers: readonly (readonly [string, () => Uint8Array | string, string])[] = [
  ["a GGUF file", () => `GGUF\x03\0\0\0${"\0".repeat(64)}`, "a GGUF file"],
  ["an ONNX graph", () => latin1(`\x08\x0a\x12\x07pytorch${"\0".repeat(64)}`), "perhaps an ONNX graph"],
  ["an HTML page", () => "<!DOCTYPE html><html><body>404</body></html>", "an HTML or XML page"],
  ["a Git LFS pointer", () => "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer"],
  ["a gzip archive", () => gzipSync("x".repeat(100)), "a gzip archive"],
  ["a 7z archive", () => latin1(`7z\xbc\xaf\x27\x1c\0\x04${"\0".repeat(64)}`), "a 7z archive"],
  ["an HDF5 file", () => latin1(`\x89HDF\r\n\x1a\n${"\0".repeat(64)}`), "an HDF5 (Keras) file"],
  ["a NumPy array", () => latin1(`\x93NUMPY\x01\0${"\0".repeat(64)}`), "a NumPy array"],
  ["nothing", () => "", ""],
  ["a megabyte of zeros", () => Buffer.alloc(2 ** 20), ""],
  ["a megabyte of ones", () => Buffer.alloc(2 ** 20, 0xff), ""],
  [
    "a megabyte of deflated text",
    () => deflateRawSync(Buffer.from(Array.from({ length: 2 ** 20 }, (_, i) => (i * i) & 255))),
    "",
  ],
];
const disguises: HostileCase[] = [
  ...strangers.flatMap(([what, contents, reason]) => [
    fileCase(`${what} called .safetensors`, "model.safetensors", contents, reason || "safetensors"),
    fileCase(`${what} called .bin`, "pytorch_model.bin", contents, reason || "is not a PyTorch (zip) file"),
  ]),
  fileCase(
    "a PyTorch file called .safetensors",
    "model.safetensors",
    () => torchFile(pickleOf("}")),
    "rename it to .bin",
  ),
  {
    ...fileCase(
      "a pickle called .safetensors",
      "model.safetensors",
      () => pickleOf("cos\nsystem\n)R"),
      "a Python pickle",
    ),
    isDangerous: true,
  },
  fileCase("safetensors called .bin", "pytorch_model.bin", () => shardOf("w"), "a safetensors file: rename it"),
];

export const folderCases: readonly HostileCase[] = [...indexes, ...links, ...disguises];

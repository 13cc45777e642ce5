/** Safetensors files that lie: about their header, their shapes, their offsets and their names. */
import { fileCase, type HostileCase, latin1, sparseCase } from "./cases.js";

const file = "model.safetensors";

/** Header length, header, data; the length may lie. */
export function safetensorsOf(header: unknown, dataBytes = 0, length?: bigint): Buffer {
  const json =
    header instanceof Uint8Array ? header : Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(length ?? BigInt(json.length));
  return Buffer.concat([start, json, Buffer.alloc(dataBytes)]);
}

const entry = (offsets: unknown, shape: unknown = [2], dtype: unknown = "F32") => ({
  dtype,
  shape,
  data_offsets: offsets,
});
const ofHeader = (name: string, header: () => unknown, dataBytes: number, reason: string) =>
  fileCase(name, file, () => safetensorsOf(header(), dataBytes), reason);
const ofEntry = (name: string, value: unknown, reason: string, dataBytes = 8) =>
  ofHeader(name, () => ({ a: value }), dataBytes, reason);

const shapeIs = "expected {dtype, shape, data_offsets}";
const tooLarge = "is larger than any file";

const lengths: HostileCase[] = [
  fileCase("a header of 2^63 bytes", file, () => safetensorsOf("{}", 0, 2n ** 63n), "claims 9223372036854775808 bytes"),
  fileCase("a header of 2^64-1 bytes", file, () => safetensorsOf("{}", 0, 2n ** 64n - 1n), "the limit is 16777216"),
  fileCase("a header of 2^53+1 bytes", file, () => safetensorsOf("{}", 0, 2n ** 53n + 1n), "the limit is 16777216"),
  fileCase(
    "a header one byte longer than the file",
    file,
    () => safetensorsOf("{}", 0, 3n),
    "claims 3 bytes, the file has 10",
  ),
  fileCase("a header of no bytes", file, () => safetensorsOf("", 8), "the header does not start with {"),
  fileCase("a file of seven bytes", file, () => Buffer.alloc(7), "expected at least 8 bytes, found 7"),
  fileCase(
    "a file of eight bytes",
    file,
    () => Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]),
    "claims 1 bytes, the file has 8",
  ),
  sparseCase(
    "a header of 100 MB and a byte",
    file,
    safetensorsOf("{", 0, 100_000_001n),
    100_000_009,
    "the limit is 16777216",
  ),
  sparseCase(
    "a header of zeros behind its brace",
    file,
    safetensorsOf("{", 0, 16_000_000n),
    16_000_008,
    "not UTF-8 JSON",
  ),
  sparseCase("a terabyte without a header", file, Buffer.alloc(8), 2 ** 40, "the header does not start with {"),
];

const json: HostileCase[] = [
  ofHeader("a header of five million open lists", () => `{"a":${"[".repeat(5_000_000)}`, 0, "nests deeper than 3"),
  ofHeader(
    "a header of four million empty objects",
    () => `{"a":[${"{},".repeat(4e6)}{}]}`,
    0,
    "more than 3200000 values",
  ),
  ofHeader(
    "a header of a million keys",
    () => `{${Array.from({ length: 1e6 }, (_, i) => `"${i}":0`).join()}}`,
    0,
    "more than 500000 keys",
  ),
  ofHeader(
    "a header of 250,000 tensors that are none",
    () => `{${Array.from({ length: 250_000 }, (_, i) => `"${i}":0`).join()}}`,
    0,
    shapeIs,
  ),
  ofHeader("a name of 15 MB", () => ({ ["n".repeat(15e6)]: 0 }), 0, shapeIs),
  ofHeader("a string of 15 MB where a tensor was expected", () => ({ a: "s".repeat(15e6) }), 0, shapeIs),
  ofHeader("two million strings", () => `{"a":[${'"",'.repeat(2e6)}""]}`, 0, shapeIs),
  ofHeader("a header cut in the middle", () => '{"a":{"dtype":"F32"', 0, "not UTF-8 JSON"),
  ofHeader("text behind the header's last brace", () => '{} {"a":1}', 0, "not UTF-8 JSON"),
  ofHeader("single quotes", () => "{'a':1}", 0, "not UTF-8 JSON"),
  ofHeader("a comma too many", () => '{"a":1,}', 0, "not UTF-8 JSON"),
  ofHeader("zero bytes for padding", () => "{}\0\0\0\0", 0, "not UTF-8 JSON"),
  ofHeader("a name that is not UTF-8", () => latin1('{"\xff\xfe":0}'), 0, "not UTF-8 JSON"),
  ofHeader("a surrogate half in UTF-8", () => latin1('{"\xed\xa0\x80":0}'), 0, "not UTF-8 JSON"),
  ofHeader("a header in UTF-16", () => Buffer.from('{"a":0}', "utf16le"), 0, "not UTF-8 JSON"),
  ofHeader("a byte order mark", () => "\uFEFF{}", 0, "the header does not start with {"),
  ofHeader("a list for a header", () => "[]", 0, "the header does not start with {"),
];

const entries: HostileCase[] = [
  ofEntry("null for a tensor", null, shapeIs),
  ofEntry("a list for a tensor", [], shapeIs),
  ofEntry("a number for a tensor", 1, shapeIs),
  ofEntry("a tensor without offsets", { dtype: "F32", shape: [2] }, shapeIs),
  ofEntry("a tensor with three offsets", entry([0, 8, 8]), shapeIs),
  ofEntry("offsets as text", entry(["0", "8"]), shapeIs),
  ofEntry("negative offsets", entry([-8, 0]), shapeIs),
  ofEntry("offsets beyond 2^53", entry([0, 2 ** 60]), shapeIs),
  ofEntry("offsets of 1e308", entry([0, 1e308]), shapeIs),
  ofEntry("fractions for offsets", entry([0.5, 8.5]), shapeIs),
  ofEntry("offsets in reverse", entry([8, 0]), "takes 8 bytes, its offsets span -8"),
  ofEntry("offsets past the file's end", entry([0, 800], [200]), "the tensors end at byte"),
  ofEntry("an object for a shape", entry([0, 8], { 0: 2, length: 1 }), shapeIs),
  ofEntry("a shape with a fraction", entry([0, 8], [1.5]), shapeIs),
  ofEntry("a shape of 1e308", entry([0, 8], [1e308]), shapeIs),
  ofEntry("a negative size", entry([0, 8], [-2]), shapeIs),
  ofEntry("two negative sizes, whose product fits", entry([0, 8], [-1, -2]), shapeIs),
  ofEntry("a size as text", entry([0, 8], ["2"]), shapeIs),
  ofEntry("null for a size", entry([0, 8], [null]), shapeIs),
  ofEntry("a shape of 65 dimensions", entry([0, 4], new Array(65).fill(1)), shapeIs, 4),
  ofEntry("a million dimensions", entry([0, 4], new Array(1e6).fill(1)), shapeIs, 4),
  ofEntry("a shape beyond 2^53", entry([0, 8], [2 ** 27, 2 ** 27]), tooLarge),
  ofEntry("a shape beyond 2^64, which wraps to 0", entry([0, 0], [2 ** 32, 2 ** 32]), tooLarge, 0),
  ofEntry("a shape beyond every number", entry([0, 8], new Array(64).fill(2 ** 52)), tooLarge),
  ofEntry("a shape that only a zero keeps small", entry([0, 0], [0, 2 ** 52, 2 ** 52]), tooLarge, 0),
  ofEntry("a shape larger than its bytes", entry([0, 8], [3]), "takes 12 bytes, its offsets span 8"),
  ...["", "f32", "F4", "I4", "F6_E2M3", "C64", "__proto__", "constructor", "toString", "D".repeat(1e6)].map((dtype) =>
    ofEntry(
      `the dtype ${JSON.stringify(dtype.slice(0, 20))}, which is not known`,
      entry([0, 8], [2], dtype),
      "supported: F64, F32",
    ),
  ),
  ofEntry("a number for a dtype", entry([0, 8], [2], 7), shapeIs),
];

const twice = '{"dtype":"U8","shape":[0],"data_offsets":[0,0]}';
const layouts: HostileCase[] = [
  ofHeader(
    "a hole between tensors",
    () => ({ a: entry([0, 8]), b: entry([12, 20]) }),
    20,
    "there is a hole before tensor b",
  ),
  ofHeader("a hole before the first tensor", () => ({ a: entry([4, 12]) }), 12, "there is a hole before tensor a"),
  ofHeader(
    "tensors that overlap",
    () => ({ a: entry([0, 8]), b: entry([4, 12]) }),
    12,
    "another tensor overlaps tensor b",
  ),
  ofHeader("two tensors in one place", () => ({ a: entry([0, 8]), b: entry([0, 8]) }), 8, "another tensor overlaps"),
  ofHeader("bytes behind the last tensor", () => ({ a: entry([0, 8]) }), 9, "the tensors end at byte"),
  ofHeader("a megabyte with no tensor", () => ({}), 2 ** 20, "the tensors end at byte 10"),
  ofHeader("a name that stands twice", () => `{"a":${twice},"a":${twice}}`, 0, 'names "a" twice'),
  ofHeader("a name that stands twice by escapes", () => `{"a":${twice},"\\u0061":${twice}}`, 0, 'names "a" twice'),
  ofHeader("a dtype that stands twice", () => '{"a":{"dtype":"U8","dtype":"I8"}}', 0, 'names "dtype" twice'),
  ofHeader("metadata that stand twice", () => '{"__metadata__":{},"__metadata__":{}}', 0, "twice"),
  ofHeader("a tensor __proto__ that is none", () => '{"__proto__":{"shape":[2]}}', 0, shapeIs),
  ofHeader("a shape inherited through __proto__", () => '{"a":{"__proto__":{"dtype":"U8"}}}', 0, shapeIs),
  ofHeader("the name constructor twice", () => `{"constructor":${twice},"constructor":${twice}}`, 0, "twice"),
  ofHeader("metadata that are a list", () => ({ __metadata__: ["a"] }), 0, "must map strings to strings"),
  ofHeader("metadata that nest", () => ({ __metadata__: { a: { b: "c" } } }), 0, "must map strings to strings"),
  ofHeader("null for metadata", () => ({ __metadata__: null }), 0, "must map strings to strings"),
  ofHeader("terminal commands in a name", () => ({ "\u001b[2J\u001b]0;owned\u0007\n\r\u202E": 0 }), 0, "\\u{1b}[2J"),
];

const whole = safetensorsOf({ a: entry([0, 8]), b: entry([8, 12], [1]) }, 12);
const header = whole.length - 12;
const cuts: HostileCase[] = [
  ...[0, 1, 4, 8, 9, header - 1, header, header + 1, header + 8, whole.length - 1].map((at) =>
    fileCase(
      `a file cut after ${at} of ${whole.length} bytes`,
      file,
      () => whole.subarray(0, at),
      "is not a whole safetensors file",
    ),
  ),
];

export const safetensorsCases: readonly HostileCase[] = [...lengths, ...json, ...entries, ...layouts, ...cuts];

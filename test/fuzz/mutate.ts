/** Ways to damage a valid input: bytes changed at random, and JSON changed where it stays JSON. */
import type { Random } from "./random.js";

const edges = [0, 1, 2, 7, 8, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

type ByteMutation = (
  bytes: Buffer,
  random: Random,
  others: readonly Uint8Array[],
  words: readonly Uint8Array[],
) => Buffer;

const byteMutations: readonly ByteMutation[] = [
  (bytes, random) => {
    bytes[random.below(bytes.length)] = random.below(256);
    return bytes;
  },
  (bytes, random) => {
    bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
    return bytes;
  },
  (bytes, random) => {
    const width = random.pick([1, 2, 4]);
    if (bytes.length >= width)
      bytes.writeUIntLE(random.pick(edges) % 256 ** width, random.below(bytes.length - width + 1), width);
    return bytes;
  },
  (bytes, random) => {
    if (bytes.length >= 8)
      bytes.writeBigUInt64LE(
        random.pick([0n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]),
        random.below(bytes.length - 7),
      );
    return bytes;
  },
  (bytes, random, _, words) => inserted(bytes, random, random.pick(words)),
  (bytes, random, others) => inserted(bytes, random, slice(random.pick(others), random)),
  (bytes, random) => inserted(bytes, random, slice(bytes, random)),
  (bytes, random) => {
    const at = random.below(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random.below(16))]);
  },
  (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
];

/** Up to six changes of a copy; `others` lend pieces, `words` mean something to the format. */
export function mutateBytes(
  whole: Uint8Array,
  random: Random,
  others: readonly Uint8Array[],
  words: readonly Uint8Array[],
): Uint8Array {
  let bytes: Buffer = Buffer.from(whole);
  for (let n = 1 + random.below(6); n > 0 && bytes.length > 0; n--)
    bytes = random.pick(byteMutations)(bytes, random, others, words);
  return bytes;
}

function slice(bytes: Uint8Array, random: Random): Uint8Array {
  const start = random.below(bytes.length + 1);
  return bytes.subarray(start, start + random.below(64));
}

function inserted(bytes: Buffer, random: Random, piece: Uint8Array): Buffer {
  const at = random.below(bytes.length + 1);
  const end = random.below(2) === 0 ? at : at + piece.length; // put in, or put over
  return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(end)]);
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const keys = [
  "__proto__",
  "constructor",
  "toString",
  "length",
  "",
  "type",
  "dtype",
  "shape",
  "weight_map",
  "id",
  "content",
];
const values: readonly Json[] = [
  ...[null, true, false, 0, -0, -1, 1, 1.5, 2 ** 31, 2 ** 32, 2 ** 53, 1e308, 5e-324, 15, 16, 17, 1024, 2 ** 20],
  ...["", "0", "__proto__", "../x", "\u0000", "\ud800", "\u001b[2J", "中", "x".repeat(300), "(a+)+$", "[", "\\p{L}+"],
  ...[[], {}, [[]], [0, 0], [-1], { type: "ByteLevel" }, { type: "Split", pattern: { Regex: "(" } }],
];

/** Up to four changes of keys and values, anywhere in the text's tree; text that is no JSON comes back as it is. */
export function mutateJson(text: string, random: Random): string {
  let json: Json;
  try {
    json = JSON.parse(text) as Json;
  } catch {
    return text;
  }
  for (let n = 1 + random.below(4); n > 0; n--) json = changed(json, random);
  return JSON.stringify(json);
}

/** Walks down at random, and changes something where it stops. */
function changed(json: Json, random: Random): Json {
  if (typeof json !== "object" || json === null || random.below(8) === 0) return value(json, random);
  const names = Object.keys(json);
  if (names.length === 0) return value(json, random);
  const holder = json as { [key: string]: Json };
  const name = random.pick(names);
  switch (random.below(12)) {
    case 0:
      if (Array.isArray(json)) json.splice(Number(name), 1);
      else delete holder[name];
      return json;
    case 1:
      if (Array.isArray(json)) json.push(structuredClone(json[Number(name)]!));
      else define(holder, random.pick(keys), holder[name]!);
      return json;
    case 2:
      define(holder, random.pick(names), structuredClone(holder[name]!));
      return json;
    default:
      define(holder, name, changed(holder[name]!, random));
      return json;
  }
}

function value(json: Json, random: Random): Json {
  if (typeof json === "number" && random.below(2) === 0) return json + random.pick([-1, 1, 0.5, -json, json, 2 ** 20]);
  return structuredClone(random.pick(values));
}

/** An own property, whatever its name. */
function define(object: { [key: string]: Json }, name: string, value: Json): void {
  Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
}

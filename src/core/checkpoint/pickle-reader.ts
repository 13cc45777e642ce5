/**
 * The instructions of a pickle, protocols 0 to 5: which there are, what follows each, and reading them one by one. What
 * they do is the business of unpickle.ts, which builds tensors, and audit-pickle.ts, which only watches.
 * [CPython Lib/pickletools.py, Modules/_pickle.c]
 */
import { OcellusError } from "../base/index.js";

/** What follows the opcode: a number; a payload behind its length; one line of text or two; nothing. */
type ArgumentKind =
  | "u1"
  | "u2"
  | "u4"
  | "u8"
  | "i4"
  | "f8"
  | "bytes1"
  | "bytes4"
  | "bytes8"
  | "line"
  | "two lines"
  | "";

const table = [
  ...(["MARK (", "STOP .", "POP 0", "POP_MARK 1", "DUP 2", "MEMOIZE \x94"] as const),
  ...(["NONE N", "NEWTRUE \x88", "NEWFALSE \x89", "BININT J i4", "BININT1 K u1", "BININT2 M u2"] as const),
  ...([
    "INT I line",
    "LONG L line",
    "LONG1 \x8a bytes1",
    "LONG4 \x8b bytes4",
    "FLOAT F line",
    "BINFLOAT G f8",
  ] as const),
  ...(["STRING S line", "BINSTRING T bytes4", "SHORT_BINSTRING U bytes1"] as const),
  ...(["UNICODE V line", "BINUNICODE X bytes4", "SHORT_BINUNICODE \x8c bytes1", "BINUNICODE8 \x8d bytes8"] as const),
  ...(["BINBYTES B bytes4", "SHORT_BINBYTES C bytes1", "BINBYTES8 \x8e bytes8", "BYTEARRAY8 \x96 bytes8"] as const),
  ...(["NEXT_BUFFER \x97", "READONLY_BUFFER \x98"] as const),
  ...(["EMPTY_TUPLE )", "TUPLE t", "TUPLE1 \x85", "TUPLE2 \x86", "TUPLE3 \x87"] as const),
  ...([
    "EMPTY_LIST ]",
    "LIST l",
    "APPEND a",
    "APPENDS e",
    "EMPTY_DICT }",
    "DICT d",
    "SETITEM s",
    "SETITEMS u",
  ] as const),
  ...(["EMPTY_SET \x8f", "ADDITEMS \x90", "FROZENSET \x91"] as const),
  ...(["GET g line", "BINGET h u1", "LONG_BINGET j u4", "PUT p line", "BINPUT q u1", "LONG_BINPUT r u4"] as const),
  ...(["GLOBAL c two lines", "STACK_GLOBAL \x93", "EXT1 \x82 u1", "EXT2 \x83 u2", "EXT4 \x84 i4"] as const),
  ...(["REDUCE R", "BUILD b", "INST i two lines", "OBJ o", "NEWOBJ \x81", "NEWOBJ_EX \x92"] as const),
  ...(["PROTO \x80 u1", "FRAME \x95 u8", "PERSID P line", "BINPERSID Q"] as const),
];

type NameIn<Row> = Row extends `${infer Name} ${string}` ? Name : never;
export type OpcodeName = NameIn<(typeof table)[number]>;

interface Opcode {
  readonly name: OpcodeName;
  readonly argument: ArgumentKind;
  /** Bytes of the number, or of the payload's length: the digit its kind ends in. */
  readonly size: number;
  readonly hasPayload: boolean;
}

/** By code. */
const opcodes: (Opcode | undefined)[] = new Array(256).fill(undefined);
for (const row of table) {
  const [name, code, ...rest] = row.split(" ");
  const argument = rest.join(" ") as ArgumentKind;
  const [size, hasPayload] = [Number(/\d$/.exec(argument) ?? 0), argument.startsWith("bytes")];
  opcodes[code!.charCodeAt(0)] = { name: name as OpcodeName, argument, size, hasPayload };
}

export interface Instruction {
  readonly name: OpcodeName;
  /** Where its opcode stands. */
  readonly at: number;
  /** The argument that is a number, else 0. */
  readonly number: number;
  /** The argument that is a payload, or a line without its end; of two lines, both with the line end between them. */
  readonly bytes: Uint8Array;
  /** Of the payload, of which `bytes` may be the beginning only. */
  readonly length: number;
}

const noBytes = new Uint8Array(0);
const lineFeed = 0x0a;

/** Reads from a window of a pickle: `bytes` stand at `start` of the whole, and of a payload at most `maxPayload` bytes are kept. */
export class PickleReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #start: number;
  readonly #maxPayload: number;
  #at = 0;

  constructor(bytes: Uint8Array, start = 0, maxPayload = Number.POSITIVE_INFINITY) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#start = start;
    this.#maxPayload = maxPayload;
  }

  /** Where the next instruction stands; behind the window when a payload was longer than what is kept of it. */
  get position(): number {
    return this.#start + this.#at;
  }

  /** The next instruction, or undefined when the window ends before it does. @throws `invalid_file` where none begins. */
  next(): Instruction | undefined {
    const code = this.#bytes[this.#at];
    if (code === undefined) return undefined;
    const opcode = opcodes[code];
    if (!opcode) {
      const reason = `0x${code.toString(16)} at byte ${this.position} is no instruction of a pickle`;
      throw new OcellusError("invalid_file", reason, { details: { byte: code, at: this.position } });
    }
    const { name, argument, size } = opcode;
    if (argument === "line" || argument === "two lines") return this.#lines(name, argument === "line" ? 1 : 2);
    const at = this.position;
    const end = this.#at + 1 + size;
    if (end > this.#bytes.length) return undefined;
    const number = size === 0 ? 0 : this.#number(argument, this.#at + 1);
    if (opcode.hasPayload) return this.#payload(name, end, number);
    this.#at = end;
    return { name, at, number, bytes: noBytes, length: 0 };
  }

  #number(kind: ArgumentKind, at: number): number {
    const view = this.#view;
    switch (kind) {
      case "u1":
      case "bytes1":
        return view.getUint8(at);
      case "u2":
        return view.getUint16(at, true);
      case "u4":
      case "bytes4": // signed for BINSTRING and LONG4: what Python takes for negative is too long here
        return view.getUint32(at, true);
      case "i4":
        return view.getInt32(at, true);
      case "f8":
        return view.getFloat64(at, false);
      default:
        return Number(view.getBigUint64(at, true));
    }
  }

  #payload(name: OpcodeName, start: number, length: number): Instruction | undefined {
    const kept = start + Math.min(length, this.#maxPayload);
    if (kept > this.#bytes.length) return undefined;
    const at = this.position;
    this.#at = start + length;
    return { name, at, number: 0, bytes: this.#bytes.subarray(start, kept), length };
  }

  #lines(name: OpcodeName, count: number): Instruction | undefined {
    let end = this.#at;
    for (let i = 0; i < count; i++) {
      end = this.#bytes.indexOf(lineFeed, end + 1);
      if (end < 0) return undefined;
    }
    const at = this.position;
    const bytes = this.#bytes.subarray(this.#at + 1, end);
    this.#at = end + 1;
    return { name, at, number: 0, bytes, length: bytes.length };
  }
}

/** LONG1's little-endian two's complement, of up to 8 bytes. */
export function longOf(bytes: Uint8Array): number {
  let value = 0n;
  for (const [i, byte] of bytes.entries()) value |= BigInt(byte) << BigInt(8 * i);
  return Number(BigInt.asIntN(8 * bytes.length, value));
}

/**
 * An unpickler that can only build tensors. Names in the file select from the tables of pickle-objects.ts and are never
 * looked up anywhere else, so a hostile file can at most fail. Opcodes: those PyTorch's own weights-only unpickler
 * accepts, protocol 2. [torch/_weights_only_unpickler.py, CPython Lib/pickletools.py]
 *
 * Time and memory are bounded by the pickle's size, which the caller limits: an instruction does work in proportion to
 * the bytes that fed it, and the number of objects has a bound of its own, since one byte makes a dictionary.
 */
import { OcellusError } from "../base/index.js";
import {
  handlers,
  isAllowed,
  PickleGlobal,
  PickleStorage,
  type PickleValue,
  refused,
  refusedName,
  storageTypes,
} from "./pickle-objects.js";

/** A tensor takes about ten objects, and a shard of the largest checkpoints holds a few thousand tensors. */
const maxObjects = 2 ** 20;

const mark = Symbol("mark");
type StackItem = PickleValue | typeof mark;

/**
 * Runs the pickle and returns the object it builds; `path` is for messages.
 * @throws `invalid_file` naming what it asked for; `unsupported` for a dtype or a pickle protocol that we do not read.
 */
export function unpickle(bytes: Uint8Array, path: string): PickleValue {
  try {
    return new Unpickler(bytes).run();
  } catch (cause) {
    const code = cause instanceof OcellusError ? cause.code : "invalid_file"; // else a handler met wrong types
    const message = `${path}: the pickle is refused: ${(cause as Error).message}`;
    throw new OcellusError(code, message, { details: { path }, cause });
  }
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

class Unpickler {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #memo = new Map<number, PickleValue>();
  readonly #stack: StackItem[] = [];
  #at = 0;
  #numObjects = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  run(): PickleValue {
    for (;;) {
      const opcode = this.#byte();
      if (opcode === 0x2e) return this.#pop(); // STOP
      const operation = this.#operations[opcode];
      if (!operation)
        throw refused(`opcode 0x${opcode.toString(16)} at byte ${this.#at - 1} is not one that tensors need`);
      operation();
    }
  }

  readonly #operations: Readonly<Record<number, () => void>> = {
    128: () => this.#protocol(), // PROTO
    40: () => this.#stack.push(mark), // MARK
    78: () => this.#push(null), // NONE
    136: () => this.#push(true), // NEWTRUE
    137: () => this.#push(false), // NEWFALSE
    74: () => this.#push(this.#view.getInt32(this.#take(4), true)), // BININT
    75: () => this.#push(this.#byte()), // BININT1
    77: () => this.#push(this.#view.getUint16(this.#take(2), true)), // BININT2
    138: () => this.#push(this.#long()), // LONG1
    71: () => this.#push(this.#view.getFloat64(this.#take(8), false)), // BINFLOAT
    88: () => this.#push(this.#string(this.#view.getUint32(this.#take(4), true))), // BINUNICODE
    85: () => this.#push(this.#string(this.#byte())), // SHORT_BINSTRING
    125: () => this.#create(new Map()), // EMPTY_DICT
    93: () => this.#create([]), // EMPTY_LIST
    41: () => this.#create([]), // EMPTY_TUPLE
    116: () => this.#create(this.#popToMark()), // TUPLE
    133: () => this.#create(this.#popMany(1)), // TUPLE1
    134: () => this.#create(this.#popMany(2)), // TUPLE2
    135: () => this.#create(this.#popMany(3)), // TUPLE3
    97: () => this.#append([this.#pop()]), // APPEND
    101: () => this.#append(this.#popToMark()), // APPENDS
    115: () => this.#setItems(this.#popMany(2)), // SETITEM
    117: () => this.#setItems(this.#popToMark()), // SETITEMS
    104: () => this.#push(this.#recall(this.#byte())), // BINGET
    106: () => this.#push(this.#recall(this.#view.getUint32(this.#take(4), true))), // LONG_BINGET
    113: () => this.#memo.set(this.#byte(), this.#top()), // BINPUT
    114: () => this.#memo.set(this.#view.getUint32(this.#take(4), true), this.#top()), // LONG_BINPUT
    99: () => this.#create(this.#global()), // GLOBAL
    81: () => this.#create(this.#storage(this.#pop())), // BINPERSID
    82: () => this.#reduce(), // REDUCE
    129: () => this.#reduce(), // NEWOBJ: the same two operands
    98: () => void this.#pop(), // BUILD: attributes of an OrderedDict, which tensors do not need
  };

  #protocol(): void {
    const version = this.#byte();
    if (version !== 2)
      throw refused(
        `it is of protocol ${version}; save again with pickle_protocol=2, torch.save's default`,
        "unsupported",
      );
  }

  #take(count: number): number {
    const at = this.#at;
    if (at + count > this.#bytes.length) throw refused("it ends in the middle of an instruction");
    this.#at += count;
    return at;
  }

  #byte(): number {
    return this.#bytes[this.#take(1)]!;
  }

  #string(length: number): string {
    const at = this.#take(length);
    return utf8.decode(this.#bytes.subarray(at, at + length));
  }

  /** Little-endian two's complement of up to 8 bytes; no size or offset needs more. */
  #long(): number {
    const length = this.#byte();
    if (length > 8) throw refused(`a whole number of ${length} bytes`);
    let value = 0n;
    for (let i = 0; i < length; i++) value |= BigInt(this.#byte()) << BigInt(8 * i);
    return Number(BigInt.asIntN(8 * length, value));
  }

  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) throw refused("it ends in the middle of a name");
    return this.#string(end + 1 - this.#at).slice(0, -1);
  }

  #global(): PickleGlobal {
    const name = `${this.#line()}.${this.#line()}`;
    if (!isAllowed(name)) throw refusedName(name);
    return new PickleGlobal(name);
  }

  #storage(id: PickleValue): PickleStorage {
    const [kind, type, key] = Array.isArray(id) ? id : [];
    const known = type instanceof PickleGlobal && Object.hasOwn(storageTypes, type.name);
    if (kind !== "storage" || !known || typeof key !== "string")
      throw refused("a persistent id that is not a tensor storage");
    return new PickleStorage(key, storageTypes[type.name]);
  }

  #reduce(): void {
    const args = this.#pop();
    const callee = this.#pop();
    const handler =
      callee instanceof PickleGlobal && Object.hasOwn(handlers, callee.name) ? handlers[callee.name] : undefined;
    if (!handler || !Array.isArray(args)) throw refused("it calls something that is not a tensor constructor");
    this.#create(handler(args));
  }

  #recall(index: number): PickleValue {
    const value = this.#memo.get(index);
    if (value === undefined) throw refused(`memo ${index} was never set`);
    return value;
  }

  #append(items: PickleValue[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) throw refused("an append to something that is not a list");
    for (const item of items) list.push(item);
  }

  #setItems(pairs: PickleValue[]): void {
    const dict = this.#top();
    if (!(dict instanceof Map) || pairs.length % 2 !== 0)
      throw refused("items set on something that is not a dictionary");
    for (let i = 0; i < pairs.length; i += 2) dict.set(pairs[i]!, pairs[i + 1]!);
  }

  /** Pushes an object that this instruction has made. */
  #create(value: PickleValue): void {
    if (++this.#numObjects > maxObjects) throw refused(`it makes more than ${maxObjects} objects`);
    this.#push(value);
  }

  #push(value: PickleValue): void {
    this.#stack.push(value);
  }

  #pop(): PickleValue {
    const value = this.#stack.pop();
    if (value === undefined || value === mark) throw refused("its stack is empty");
    return value as PickleValue;
  }

  #top(): PickleValue {
    const value = this.#pop();
    this.#stack.push(value);
    return value;
  }

  #popMany(count: number): PickleValue[] {
    return Array.from({ length: count }, () => this.#pop()).reverse();
  }

  #popToMark(): PickleValue[] {
    const at = this.#stack.lastIndexOf(mark);
    if (at < 0) throw refused("a mark is missing");
    return this.#stack.splice(at).slice(1) as PickleValue[];
  }
}

/**
 * An unpickler that can only build tensors. Names in the file select from a fixed table of handlers here and are never
 * looked up anywhere else, so a hostile file can at most fail. Opcodes: those PyTorch's own weights-only unpickler
 * accepts, protocol 2. [torch/_weights_only_unpickler.py, CPython Lib/pickletools.py]
 *
 * Memory is bounded by the pickle's own size, which the caller limits: every object costs at least one byte of it.
 */
import { OcellusError } from "../base/index.js";
import type { DType } from "../tensor/index.js";

/** A name the pickle asks for; only some mean anything to a handler. */
export class PickleGlobal {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** A storage: raw elements in the archive entry `data/<key>`. */
export class PickleStorage {
  readonly key: string;
  readonly dtype: DType | undefined;
  constructor(key: string, dtype: DType | undefined) {
    this.key = key;
    this.dtype = dtype;
  }
}

/** A view of a storage; offset and strides count elements. */
export class PickleTensor {
  readonly storage: PickleStorage;
  readonly dtype: DType;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  constructor(
    storage: PickleStorage,
    dtype: DType,
    offset: number,
    shape: readonly number[],
    strides: readonly number[],
  ) {
    this.storage = storage;
    this.dtype = dtype;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

export type PickleValue =
  | null
  | boolean
  | number
  | string
  | PickleGlobal
  | PickleStorage
  | PickleTensor
  | PickleValue[]
  | Map<PickleValue, PickleValue>;

/** `undefined`: the storage is untyped, the tensor says its dtype. */
const storageTypes: Readonly<Record<string, DType | undefined>> = {
  "torch.FloatStorage": "f32",
  "torch.DoubleStorage": "f64",
  "torch.HalfStorage": "f16",
  "torch.BFloat16Storage": "bf16",
  "torch.LongStorage": "i64",
  "torch.IntStorage": "i32",
  "torch.ShortStorage": "i16",
  "torch.CharStorage": "i8",
  "torch.ByteStorage": "u8",
  "torch.BoolStorage": "bool",
  "torch.storage.UntypedStorage": undefined,
};

const dtypesByName: Readonly<Record<string, DType>> = {
  "torch.float32": "f32",
  "torch.float64": "f64",
  "torch.float16": "f16",
  "torch.bfloat16": "bf16",
  "torch.float8_e4m3fn": "f8_e4m3",
  "torch.float8_e5m2": "f8_e5m2",
  "torch.int64": "i64",
  "torch.int32": "i32",
  "torch.int16": "i16",
  "torch.int8": "i8",
  "torch.uint8": "u8",
  "torch.bool": "bool",
};

type Handler = (args: PickleValue[]) => PickleValue;

/** What may be called, and what we do instead of calling it. */
const handlers: Readonly<Record<string, Handler>> = {
  "collections.OrderedDict": ([pairs]) =>
    new Map(((pairs as PickleValue[]) ?? []).map((pair) => pair as [PickleValue, PickleValue])),
  "torch._utils._rebuild_tensor_v2": (args) => rebuildTensor(args, undefined),
  "torch._utils._rebuild_tensor_v3": (args) => rebuildTensor(args, args[6]),
  "torch._utils._rebuild_parameter": ([tensor]) => tensor as PickleTensor,
  "torch.nn.parameter.Parameter": ([tensor]) => tensor as PickleTensor,
  "torch.Size": ([sizes]) => sizes as PickleValue[],
  "torch.device": ([name]) => name as string,
};

/** Names that may stand in a file without being called. */
function isAllowed(name: string): boolean {
  return [handlers, storageTypes, dtypesByName].some((table) => Object.hasOwn(table, name));
}

function rebuildTensor(
  [storage, offset, shape, strides]: PickleValue[],
  dtypeName: PickleValue | undefined,
): PickleTensor {
  const named =
    dtypeName instanceof PickleGlobal && Object.hasOwn(dtypesByName, dtypeName.name)
      ? dtypesByName[dtypeName.name]
      : undefined;
  if (!(storage instanceof PickleStorage) || !isCounts([offset]) || !isCounts(shape) || !isCounts(strides)) {
    throw refused("a tensor is built from something that is not a storage with sizes");
  }
  const dtype = named ?? storage.dtype;
  if (!dtype || shape.length !== strides.length || shape.length > 64)
    throw refused("a tensor's dtype, shape and strides do not fit");
  return new PickleTensor(storage, dtype, offset as number, shape, strides);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && (n as number) >= 0);
}

function refused(reason: string): OcellusError {
  return new OcellusError("invalid_file", `the pickle is refused: ${reason}`);
}

const mark = Symbol("mark");
type StackItem = PickleValue | typeof mark;

/** Runs the pickle and returns the object it builds. @throws `invalid_file`, naming what it asked for. */
export function unpickle(bytes: Uint8Array): PickleValue {
  try {
    return new Unpickler(bytes).run();
  } catch (error) {
    throw error instanceof OcellusError ? error : refused((error as Error).message); // a handler met wrong types
  }
}

class Unpickler {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #memo = new Map<number, PickleValue>();
  readonly #stack: StackItem[] = [];
  #at = 0;

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
    128: () => this.#take(1), // PROTO
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
    125: () => this.#push(new Map()), // EMPTY_DICT
    93: () => this.#push([]), // EMPTY_LIST
    41: () => this.#push([]), // EMPTY_TUPLE
    116: () => this.#push(this.#popToMark()), // TUPLE
    133: () => this.#push(this.#popMany(1)), // TUPLE1
    134: () => this.#push(this.#popMany(2)), // TUPLE2
    135: () => this.#push(this.#popMany(3)), // TUPLE3
    97: () => this.#append([this.#pop()]), // APPEND
    101: () => this.#append(this.#popToMark()), // APPENDS
    115: () => this.#setItems(this.#popMany(2)), // SETITEM
    117: () => this.#setItems(this.#popToMark()), // SETITEMS
    104: () => this.#push(this.#recall(this.#byte())), // BINGET
    106: () => this.#push(this.#recall(this.#view.getUint32(this.#take(4), true))), // LONG_BINGET
    113: () => this.#memo.set(this.#byte(), this.#top()), // BINPUT
    114: () => this.#memo.set(this.#view.getUint32(this.#take(4), true), this.#top()), // LONG_BINPUT
    99: () => this.#push(this.#global()), // GLOBAL
    81: () => this.#push(this.#storage(this.#pop())), // BINPERSID
    82: () => this.#reduce(), // REDUCE
    129: () => this.#reduce(), // NEWOBJ: the same two operands
    98: () => void this.#pop(), // BUILD: attributes of an OrderedDict, which tensors do not need
  };

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
    return new TextDecoder().decode(this.#bytes.subarray(at, at + length));
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
    if (!isAllowed(name))
      throw refused(`it asks for ${name.slice(0, 200)}; only tensors may be loaded, and nothing was run`);
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
    this.#push(handler(args));
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

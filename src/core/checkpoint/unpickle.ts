/**
 * An unpickler that can only build tensors. Names in the file select from the tables of pickle-objects.ts and are never
 * looked up anywhere else, so a hostile file can at most fail. Instructions: those PyTorch's own weights-only unpickler
 * accepts, protocol 2. [torch/_weights_only_unpickler.py, CPython Lib/pickletools.py]
 *
 * Time and memory are bounded by the pickle's size, which the caller limits, and by the number of values, since one byte
 * makes a dictionary.
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
import { type Instruction, longOf, type OpcodeName, PickleReader } from "./pickle-reader.js";

/** 17,000 tensors of 30 values; a shard of the largest checkpoints holds a few thousand. */
const maxValues = 2 ** 19;
/** What a dictionary counts for: one byte of the file makes one, and it takes 200 bytes. */
const valuesPerDictionary = 4;

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
    const { code, details } = cause instanceof OcellusError ? cause : badTypes;
    const message = `${path}: the pickle is refused: ${(cause as Error).message}`;
    throw new OcellusError(code, message, { details: { path, ...details }, cause });
  }
}

/** A handler met values that are not of the types it takes. */
const badTypes = { code: "invalid_file", details: {} } as const;

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

class Unpickler {
  readonly #reader: PickleReader;
  readonly #memo = new Map<number, PickleValue>();
  readonly #stack: StackItem[] = [];
  #numValues = 0;

  constructor(bytes: Uint8Array) {
    this.#reader = new PickleReader(bytes);
  }

  run(): PickleValue {
    for (;;) {
      const instruction = this.#reader.next();
      if (!instruction) throw refused("it ends in the middle of an instruction", { at: this.#reader.position });
      if (instruction.name === "STOP") return this.#pop();
      const operation = this.#operations[instruction.name];
      if (!operation)
        throw refused(`${instruction.name} at byte ${instruction.at} is not what tensors need`, {
          instruction: instruction.name,
          at: instruction.at,
        });
      operation(instruction);
    }
  }

  readonly #pushNumber = ({ number }: Instruction) => this.#push(number);
  readonly #pushText = ({ bytes }: Instruction) => this.#push(utf8.decode(bytes));
  readonly #recall = ({ number }: Instruction) => this.#push(this.#recalled(number));
  readonly #memoise = ({ number }: Instruction) => {
    this.#memo.set(number, this.#top());
    if (this.#memo.size > maxValues) throw refused(`it remembers more than ${maxValues} values`, { limit: maxValues });
  };

  readonly #operations: Readonly<Partial<Record<OpcodeName, (instruction: Instruction) => void>>> = {
    PROTO: ({ number }) => this.#protocol(number),
    MARK: () => this.#push(mark),
    NONE: () => this.#push(null),
    NEWTRUE: () => this.#push(true),
    NEWFALSE: () => this.#push(false),
    BININT: this.#pushNumber,
    BININT1: this.#pushNumber,
    BININT2: this.#pushNumber,
    BINFLOAT: this.#pushNumber,
    LONG1: ({ bytes }) => this.#push(this.#long(bytes)),
    BINUNICODE: this.#pushText,
    SHORT_BINSTRING: this.#pushText,
    EMPTY_DICT: () => this.#push(new Map()),
    EMPTY_LIST: () => this.#push([]),
    EMPTY_TUPLE: () => this.#push([]),
    TUPLE: () => this.#push(this.#popToMark()),
    TUPLE1: () => this.#push(this.#popMany(1)),
    TUPLE2: () => this.#push(this.#popMany(2)),
    TUPLE3: () => this.#push(this.#popMany(3)),
    APPEND: () => this.#append([this.#pop()]),
    APPENDS: () => this.#append(this.#popToMark()),
    SETITEM: () => this.#setItems(this.#popMany(2)),
    SETITEMS: () => this.#setItems(this.#popToMark()),
    BINGET: this.#recall,
    LONG_BINGET: this.#recall,
    BINPUT: this.#memoise,
    LONG_BINPUT: this.#memoise,
    GLOBAL: ({ bytes }) => this.#push(this.#global(utf8.decode(bytes).replace("\n", "."))),
    BINPERSID: () => this.#push(this.#storage(this.#pop())),
    REDUCE: () => this.#reduce(),
    NEWOBJ: () => this.#reduce(), // the same two operands
    BUILD: () => void this.#pop(), // attributes of an OrderedDict, which tensors do not need
  };

  #protocol(version: number): void {
    if (version !== 2)
      throw refused(
        `it is of protocol ${version}; save again with pickle_protocol=2, torch.save's default`,
        { protocol: version, supported: [2] },
        "unsupported",
      );
  }

  /** No size or offset needs more than 8 bytes. */
  #long(bytes: Uint8Array): number {
    if (bytes.length > 8)
      throw refused(`a whole number of ${bytes.length} bytes`, { numBytes: bytes.length, limit: 8 });
    return longOf(bytes);
  }

  #global(name: string): PickleGlobal {
    if (!isAllowed(name)) throw refusedName(name);
    return new PickleGlobal(name);
  }

  #storage(id: PickleValue): PickleStorage {
    const [kind, type, key] = Array.isArray(id) ? id : [];
    const known = type instanceof PickleGlobal && Object.hasOwn(storageTypes, type.name);
    if (kind !== "storage" || !known || typeof key !== "string")
      throw refused("a persistent id that is not a tensor storage", { object: "persistent id" });
    return new PickleStorage(key, storageTypes[type.name]);
  }

  #reduce(): void {
    const args = this.#pop();
    const callee = this.#pop();
    const handler =
      callee instanceof PickleGlobal && Object.hasOwn(handlers, callee.name) ? handlers[callee.name] : undefined;
    if (!handler || !Array.isArray(args))
      throw refused("it calls something that is not a tensor constructor", { object: "callee" });
    this.#push(handler(args));
  }

  #recalled(index: number): PickleValue {
    const value = this.#memo.get(index);
    if (value === undefined) throw refused(`memo ${index} was never set`, { memo: index });
    return value;
  }

  #append(items: PickleValue[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) throw refused("an append to something that is not a list", { object: "list" });
    for (const item of items) list.push(item);
  }

  #setItems(pairs: PickleValue[]): void {
    const dict = this.#top();
    if (!(dict instanceof Map) || pairs.length % 2 !== 0)
      throw refused("items set on something that is not a dictionary", { object: "dictionary" });
    for (let i = 0; i < pairs.length; i += 2) dict.set(pairs[i]!, pairs[i + 1]!);
  }

  #push(value: StackItem): void {
    this.#numValues += value instanceof Map ? valuesPerDictionary : 1;
    if (this.#numValues > maxValues) throw refused(`it makes more than ${maxValues} values`, { limit: maxValues });
    this.#stack.push(value);
  }

  #pop(): PickleValue {
    const value = this.#stack.pop();
    if (value === undefined || value === mark) throw refused("its stack is empty", { object: "stack" });
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
    if (at < 0) throw refused("a mark is missing", { object: "mark" });
    return this.#stack.splice(at).slice(1) as PickleValue[];
  }
}

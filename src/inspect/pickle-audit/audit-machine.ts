/**
 * The stack machine of a pickle with nothing behind it: every instruction moves values as Python's would, and what Python
 * would import or call is written down. Follows CPython's rules for marks and empty stacks, so that both stop at the same
 * place. [CPython Modules/_pickle.c]
 */
import { OcellusError, printable, shorten } from "../../core/base/index.js";
import { type Instruction, longOf, type OpcodeName } from "../../core/checkpoint/index.js";
import type { Verdict } from "./audit-names.js";
import { AuditRecord, maxName } from "./audit-record.js";
import { maxText, Shown, show, unescapeUnicode, unquote, type Value } from "./audit-values.js";

/** Bytes that a pickle carries and that begin like a pickle themselves. */
export interface NestedPickle {
  readonly offset: number;
  readonly length: number;
}

/** Values alive at once: a state dict's stack holds a few thousand, its memo some ten a tensor. */
const maxStack = 2 ** 20;
const maxMemo = 2 ** 19;
/** What we keep of strings, lists and the like, in bytes; the rest is shown as an ellipsis. */
const maxKeptBytes = 64 * 2 ** 20;
const maxNested = 32;

/** In place of a name that no plain string gives. */
const madeWhileLoading = "<a name made while loading>";
const hiddenInText = "it holds a pickle written as a string, which was not looked into";

const unknown = new Shown("…");
const unknownResult = (verdict: Verdict) => new Shown("…", { verdict, origin: "result" });
const unknownResults: Readonly<Record<Verdict, Shown>> = {
  safe: unknownResult("safe"),
  suspicious: unknownResult("suspicious"),
  dangerous: unknownResult("dangerous"),
};
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const latin1 = new TextDecoder("latin1");

export class AuditMachine {
  readonly record = new AuditRecord();
  readonly nested: NestedPickle[] = [];
  protocol = 0;
  /** What it leaves, as one would write it. */
  lastValue = "";
  readonly #stack: Value[] = [];
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, Value>();
  #keptBytes = 0;
  #at = 0;

  /** Does what the instruction would do to the stack. @throws `invalid_file` where Python would stop. */
  step(instruction: Instruction): void {
    this.#at = instruction.at;
    this.#operations[instruction.name](instruction);
    if (this.#stack.length > maxStack) throw broken(`its stack holds more than ${maxStack} values`);
    if (this.#memo.size > maxMemo) throw broken(`it remembers more than ${maxMemo} values`);
  }

  readonly #number = ({ number }: Instruction) => this.#push(number);
  readonly #text = ({ bytes, length }: Instruction) => {
    if (bytes[0] === 0xc2 && looksPickled(bytes.subarray(1))) this.record.problems.add(hiddenInText);
    this.#pushText(length, () => utf8.decode(bytes));
  };
  readonly #long = ({ bytes, length }: Instruction) =>
    this.#push(length <= 8 ? longOf(bytes) : new Shown(`0x${hex(bytes)}${length > bytes.length ? "…" : ""}`));
  readonly #bytes = ({ at, name, bytes, length }: Instruction) => this.#pushBytes(name, at, bytes, length);
  readonly #line = ({ bytes }: Instruction) => this.#push(this.#kept(startOf(bytes)));
  readonly #get = ({ number }: Instruction) => this.#push(this.#remembered(number));
  readonly #put = ({ number }: Instruction) => void this.#memo.set(number, this.#top());
  readonly #extension = ({ number }: Instruction) => this.#import(`copyreg extension ${number}`);
  readonly #tuple = (count: number) => this.#group("()", this.#popMany(count));
  readonly #nothing = () => {};

  readonly #operations: Readonly<Record<OpcodeName, (instruction: Instruction) => void>> = {
    PROTO: ({ number }) => {
      this.protocol = Math.max(this.protocol, number);
    },
    FRAME: this.#nothing,
    STOP: () => {
      this.lastValue = show(this.#top());
    },
    MARK: () => void this.#marks.push(this.#stack.length),
    POP: () => this.#discard(),
    POP_MARK: () => void this.#popToMark(),
    DUP: () => this.#push(this.#top()),
    NONE: () => this.#push(null),
    NEWTRUE: () => this.#push(true),
    NEWFALSE: () => this.#push(false),
    INT: this.#line,
    BININT: this.#number,
    BININT1: this.#number,
    BININT2: this.#number,
    LONG: this.#line,
    LONG1: this.#long,
    LONG4: this.#long,
    FLOAT: this.#line,
    BINFLOAT: this.#number,
    STRING: ({ bytes, length }) => this.#pushText(length, () => unquote(latin1.decode(bytes))),
    BINSTRING: this.#bytes,
    SHORT_BINSTRING: this.#bytes,
    UNICODE: ({ bytes, length }) => this.#pushText(length, () => unescapeUnicode(latin1.decode(bytes))),
    BINUNICODE: this.#text,
    SHORT_BINUNICODE: this.#text,
    BINUNICODE8: this.#text,
    BINBYTES: this.#bytes,
    SHORT_BINBYTES: this.#bytes,
    BINBYTES8: this.#bytes,
    BYTEARRAY8: this.#bytes,
    NEXT_BUFFER: () => this.#push(this.#kept("<a buffer from outside>")),
    READONLY_BUFFER: this.#nothing,
    EMPTY_TUPLE: () => this.#group("()", []),
    TUPLE: () => this.#group("()", this.#popToMark()),
    TUPLE1: () => this.#tuple(1),
    TUPLE2: () => this.#tuple(2),
    TUPLE3: () => this.#tuple(3),
    EMPTY_LIST: () => this.#group("[]", []),
    LIST: () => this.#group("[]", this.#popToMark()),
    APPEND: ({ name }) => this.#extend(name, [this.#pop()]),
    APPENDS: ({ name }) => this.#extend(name, this.#popToMark()),
    EMPTY_DICT: () => this.#group("{}", []),
    DICT: () => this.#group("{}", this.#popToMark(), true),
    SETITEM: ({ name }) => this.#extend(name, this.#popMany(2)),
    SETITEMS: ({ name }) => this.#extend(name, this.#popToMark()),
    EMPTY_SET: () => this.#group("{}", []),
    ADDITEMS: ({ name }) => this.#extend(name, this.#popToMark()),
    FROZENSET: () => this.#group("{}", this.#popToMark()),
    GET: ({ bytes }) => this.#push(this.#remembered(index(bytes))),
    BINGET: this.#get,
    LONG_BINGET: this.#get,
    PUT: ({ bytes }) => void this.#memo.set(index(bytes), this.#top()),
    BINPUT: this.#put,
    LONG_BINPUT: this.#put,
    MEMOIZE: () => void this.#memo.set(this.#memo.size, this.#top()),
    GLOBAL: ({ bytes }) => this.#import(nameOf(bytes)),
    STACK_GLOBAL: () => this.#importFromStack(),
    EXT1: this.#extension,
    EXT2: this.#extension,
    EXT4: this.#extension,
    REDUCE: ({ name }) => this.#callTop(name, 1),
    NEWOBJ: ({ name }) => this.#callTop(name, 1),
    NEWOBJ_EX: ({ name }) => this.#callTop(name, 2),
    BUILD: ({ name }) => this.#build(name),
    INST: ({ name, bytes }) => this.#instance(name, nameOf(bytes)),
    OBJ: ({ name }) => this.#object(name),
    PERSID: ({ bytes }) => this.#persistent(JSON.stringify(startOf(bytes))),
    BINPERSID: () => this.#persistent(show(this.#pop())),
  };

  // ------------------------------------------------------------------------------------------------------ the stack

  #push(value: Value): void {
    this.#stack.push(value);
  }

  /** Nothing below the last mark may be taken. */
  #pop(): Value {
    this.#expect(1);
    return this.#stack.pop()!;
  }

  #expect(count: number): void {
    if (this.#stack.length - count < (this.#marks.at(-1) ?? 0)) throw broken("it takes from an empty stack");
  }

  #top(): Value {
    this.#expect(1);
    return this.#stack.at(-1)!;
  }

  #popMany(count: number): Value[] {
    this.#expect(count);
    return this.#stack.splice(this.#stack.length - count);
  }

  #popToMark(): Value[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw broken("a mark is missing");
    return this.#stack.splice(mark);
  }

  #discard(): void {
    if (this.#marks.at(-1) === this.#stack.length) this.#marks.pop();
    else this.#pop();
  }

  #remembered(position: number): Value {
    const value = this.#memo.get(position);
    if (value === undefined) throw broken(`memo ${position} was never set`);
    return value;
  }

  // ----------------------------------------------------------------------------------------------------- the values

  /** Counts what stays in memory; past the limit, values are no longer told apart. */
  #kept(shown: string | undefined, facts: ConstructorParameters<typeof Shown>[1] = {}): Shown {
    this.#keptBytes += 150 + (shown ?? facts.text ?? "").length; // an object with three fields, and its text
    if (this.#keptBytes <= maxKeptBytes) return new Shown(shown, facts);
    this.record.problems.add("it holds so many values that the later ones were not told apart");
    return unknown;
  }

  #pushText(length: number, decode: () => string): void {
    this.#push(length <= maxText ? this.#kept(undefined, { text: decode() }) : this.#kept(`<text of ${length} bytes>`));
  }

  #pushBytes(name: OpcodeName, at: number, bytes: Uint8Array, length: number): void {
    if (looksPickled(bytes) && this.nested.length < maxNested)
      this.nested.push({ offset: at + 1 + lengthBytes(name), length });
    if (name.endsWith("STRING")) this.#pushText(length, () => utf8.decode(bytes));
    else this.#push(this.#kept(`<${length} bytes>`));
  }

  #group(brackets: string, items: readonly Value[], arePairs = false): void {
    const group = this.#kept(brackets);
    if (group !== unknown) group.add(items, arePairs);
    this.#push(group);
  }

  /** Into plain data this is no call; into anything else it is one of a method. */
  #extend(how: OpcodeName, items: readonly Value[]): void {
    const target = this.#top();
    const isObject = target instanceof Shown && target.origin !== "data";
    if (isObject) this.record.call(how, target, () => tupleOf(items), this.#at);
    else if (target instanceof Shown && target !== unknown) target.add(items, how.startsWith("SETITEM"));
  }

  // ---------------------------------------------------------------------------------------------- imports and calls

  #import(name: string): void {
    this.#push(this.record.import(name, this.#at));
  }

  #importFromStack(): void {
    const [module, name] = this.#popMany(2).map((value) => (value instanceof Shown ? value.text : undefined));
    this.#import(module === undefined || name === undefined ? madeWhileLoading : `${module}.${name}`);
  }

  #callTop(how: OpcodeName, numArguments: number): void {
    const given = this.#popMany(numArguments);
    this.#callAndPush(how, this.#pop(), () => given.map(show).join(" "));
  }

  #instance(how: OpcodeName, name: string): void {
    const given = this.#popToMark();
    this.#callAndPush(how, this.record.import(name, this.#at), () => tupleOf(given));
  }

  #object(how: OpcodeName): void {
    const [callee, ...given] = this.#popToMark();
    if (callee === undefined) throw broken("it takes from an empty stack");
    this.#callAndPush(how, callee, () => tupleOf(given));
  }

  #build(how: OpcodeName): void {
    const state = this.#pop();
    const target = this.#top();
    const isImport = target instanceof Shown && target.origin === "import";
    if (isImport) this.record.problems.add(`it changes ${target.shown} itself, not an object made by it`);
    this.record.call(how, target, () => show(state), this.#at);
  }

  /** Past the limit of what is kept, the verdict at least is. */
  #callAndPush(how: OpcodeName, callee: Value, given: () => string): void {
    const { verdict } = this.record.call(how, callee, given, this.#at);
    const result = this.#kept(`<result of ${shorten(show(callee))}>`, { verdict, origin: "result" });
    this.#push(result === unknown ? unknownResults[verdict] : result);
  }

  /** Means what the loader says; PyTorch's are storages, whose bytes lie elsewhere. */
  #persistent(id: string): void {
    if (!id.startsWith('("storage", '))
      this.record.problems.add(`it asks its loader for an object by ${printable(id)}`);
    this.#push(this.#kept(`<object ${id}>`));
  }
}

function tupleOf(items: readonly Value[]): string {
  const group = new Shown("()");
  group.add(items);
  return group.shown;
}

function looksPickled(bytes: Uint8Array): boolean {
  return bytes[0] === 0x80 && bytes[1]! >= 2 && bytes[1]! <= 5;
}

function lengthBytes(name: OpcodeName): number {
  return name.startsWith("SHORT") ? 1 : name.endsWith("8") ? 8 : 4;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(0, 16)).reverse().toString("hex");
}

/** Of a line, which may have megabytes. */
function startOf(line: Uint8Array): string {
  return printable(shorten(latin1.decode(line.subarray(0, maxText))));
}

/** "module.name" of the two lines of an import; of long ones the beginning, which is long enough to be refused. */
function nameOf(lines: Uint8Array): string {
  return utf8.decode(lines.subarray(0, maxName + 1)).replace("\n", ".");
}

/** As C reads a number: up to a zero byte, with spaces around it and underscores within. */
function index(line: Uint8Array): number {
  const text = latin1.decode(line.subarray(0, maxText)).split("\0", 1)[0]!;
  if (/^\s*\+?\d+(_\d+)*\s*$/.test(text)) return Number(text.replaceAll("_", ""));
  throw broken(`memo ${startOf(line)} is no number`);
}

function broken(reason: string): OcellusError {
  return new OcellusError("invalid_file", reason);
}

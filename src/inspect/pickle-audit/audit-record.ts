/** The list an audit makes: what a pickle would import and call, and what is odd about it. */
import { printable, shorten } from "../../core/base/index.js";
import type { OpcodeName } from "../../core/checkpoint/index.js";
import { judgeName, type Verdict, worst } from "./audit-names.js";
import { maxText, Shown, show, type Value } from "./audit-values.js";

export interface PickleImport {
  /** Module and name, joined by a dot. */
  readonly name: string;
  readonly verdict: Verdict;
  /** The byte of the pickle where it is first imported. */
  readonly at: number;
  readonly count: number;
}

export interface PickleCall {
  /** The instruction: REDUCE, BUILD, INST, OBJ, NEWOBJ, NEWOBJ_EX, or the one that calls a method: APPENDS, SETITEMS … */
  readonly how: OpcodeName;
  readonly callee: string;
  readonly verdict: Verdict;
  /** As one would write them, shortened; of the first of several calls of a safe name. */
  readonly arguments: string;
  readonly at: number;
  readonly count: number;
}

/** Different imports and calls that are listed; a pickle of a model has some ten of each. */
const maxListed = 1000;
/** Different names that are judged one by one; the rest count as dangerous. */
const maxJudged = 20_000;
/** Two strings as long as we keep them, and their dot. */
export const maxName = 2 * maxText + 1;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

export class AuditRecord {
  readonly imports = new Map<string, Mutable<PickleImport>>();
  readonly calls = new Map<string, Mutable<PickleCall>>();
  readonly problems = new Set<string>();
  readonly #values = new Map<string, Shown>();
  #numImports = 0;
  /** The worst of all imports and calls, listed or not. */
  verdict: Verdict = "safe";

  /** The value that an import leaves on the stack. */
  import(name: string, at: number): Shown {
    const key = shorten(name, maxName);
    const known = this.imports.get(key);
    if (known) known.count++;
    return this.#values.get(key) ?? this.#newImport(key, at);
  }

  /** Longer names than `maxName` go in circles, and are dangerous like names without end. */
  #newImport(key: string, at: number): Shown {
    const isUsual = key.length <= maxName && ++this.#numImports <= maxJudged;
    const verdict = isUsual ? judgeName(key) : "dangerous";
    const name = printable(key);
    const value = new Shown(name, { verdict, origin: "import" });
    this.#note(verdict);
    if (!this.#isRoom(this.imports, "imports", verdict)) return value;
    this.imports.set(key, { name, verdict, at, count: 1 });
    this.#values.set(key, value);
    return value;
  }

  /** Calls of safe names are counted, and told apart no further: a state dict has one a tensor. */
  call(how: OpcodeName, target: Value, given: () => string, at: number): PickleCall {
    // Only what was imported can be called, or made by such a call: plain data here is a trick or damage.
    const isData = !(target instanceof Shown) || target.origin === "data";
    const verdict = isData ? "suspicious" : target.verdict;
    const callee = show(target);
    const key = verdict === "safe" ? `${how} ${callee}` : `${how} ${callee} ${given()}`;
    const known = this.calls.get(key);
    if (known) {
      known.count++;
      return known;
    }
    this.#note(verdict);
    const call = { how, callee: shorten(callee), verdict, arguments: printable(given()), at, count: 1 };
    if (this.#isRoom(this.calls, "calls", verdict)) this.calls.set(key, call);
    return call;
  }

  #note(verdict: Verdict): void {
    this.verdict = worst([this.verdict, verdict]);
  }

  /** Some room is kept for what is dangerous. */
  #isRoom(list: ReadonlyMap<string, unknown>, what: string, verdict: Verdict): boolean {
    if (list.size < (verdict === "dangerous" ? 2 * maxListed : maxListed)) return true;
    this.problems.add(`it has more than ${maxListed} different ${what}, of which the first are listed`);
    return false;
  }
}

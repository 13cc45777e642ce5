/**
 * Rollbacks that could not be written: a full disk or a lost database must not keep users on a bad version. They are in force in
 * this process alone, are written when that is possible again, and are forgotten when the process ends before. What others
 * have written about the alias meanwhile goes before them.
 */
import type { JournalEntry } from "./events.js";
import { type Alias, apply, type RegistryState } from "./state.js";

/** What becomes of one: held with the reason, written, overruled by what others wrote, or lost as the process ends. */
export interface PendingRollbackChange {
  readonly kind: "held" | "written" | "overruled" | "lost";
  readonly alias: string;
  readonly reason?: unknown;
}

export type UnwrittenEntry = Omit<JournalEntry, "seq">;

interface PendingRollback {
  /** As the journal has it. */
  readonly recorded: Alias;
  /** As it is in force here. */
  readonly alias: Alias;
  readonly entries: readonly UnwrittenEntry[];
}

export class PendingRollbacks {
  readonly #held = new Map<string, PendingRollback>();
  readonly #tell: (change: PendingRollbackChange) => void;

  constructor(tell: (change: PendingRollbackChange) => void) {
    this.#tell = tell;
  }

  get names(): string[] {
    return [...this.#held.keys()];
  }

  entriesOf(name: string): readonly UnwrittenEntry[] {
    return this.#held.get(name)?.entries ?? [];
  }

  /** @param recorded the state that the journal means @returns whether these are rollbacks of one alias, and held */
  hold(entries: readonly UnwrittenEntry[], recorded: RegistryState, reason: unknown): boolean {
    let state = this.over(recorded);
    const names = new Set<string>();
    for (const { at, actor, event } of entries) {
      if (event.kind !== "rolled_back") return false;
      names.add(event.alias);
      state = apply(state, { seq: state.seq + 1, at, actor, event });
    }
    const [name] = names;
    if (name === undefined || names.size > 1) return false;
    const before = this.#held.get(name);
    const base = before?.recorded ?? recorded.aliases.get(name)!;
    this.#held.set(name, {
      ...{ recorded: base, alias: state.aliases.get(name)! },
      entries: [...(before?.entries ?? []), ...entries],
    });
    this.#tell({ kind: "held", alias: name, reason });
    return true;
  }

  /**
   * The state with what is held; its number stays that of the last entry in the journal.
   * @param news the entries that have led to it since the last time
   */
  over(recorded: RegistryState, news: readonly JournalEntry[] = []): RegistryState {
    const aliases = new Map(recorded.aliases);
    for (const [name, held] of this.#held) {
      if (aliases.get(name) === held.recorded) aliases.set(name, held.alias);
      else this.#end(name, news.some((entry) => isSame(entry, held.entries.at(-1)!)) ? "written" : "overruled");
    }
    return this.#held.size === 0 ? recorded : { ...recorded, aliases };
  }

  close(): void {
    for (const name of this.names) this.#end(name, "lost");
  }

  #end(alias: string, kind: PendingRollbackChange["kind"]): void {
    this.#held.delete(alias);
    this.#tell({ kind, alias });
  }
}

function isSame(a: UnwrittenEntry, b: UnwrittenEntry): boolean {
  return a.at === b.at && a.actor === b.actor && JSON.stringify(a.event) === JSON.stringify(b.event);
}

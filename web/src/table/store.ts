/**
 * The table of this browser: its rows are asked on while the reader is in another room, and IndexedDB keeps plan, rows and pictures,
 * so that a reload loses at most the answers that were being written.
 */
import { useEffect, useSyncExternalStore } from "react";
import { completeChat } from "../api.js";
import { newId, type Problem } from "../conversation.js";
import { Database } from "../database.js";
import { readAsDataUrl, sendable } from "../pictures.js";
import type { Language } from "../preferences.js";
import { kindOf, problemOf } from "../problems.js";
import { arePictures, type FoundFile, maxRows } from "./files.js";
import { slotsOf } from "./pace.js";
import { cellsOf, tableRequest } from "./plan.js";
import { type Cell, corrected, type Plan, type Row } from "./row.js";
import { isOfServer, runRows } from "./runner.js";

export interface TableState {
  readonly plan: Plan;
  readonly rows: readonly Row[];
  readonly run: RunState;
  /** Files that were given and are no pictures, or are too many. */
  readonly numLeftOut: number;
  /** A disk that is full: these pictures are gone with the next reload. */
  readonly isUnkept: boolean;
  readonly isLoaded: boolean;
}

export interface RunState {
  readonly is: "idle" | "running" | "pausing";
  readonly startedMs: number;
  /** Answered since then. */
  readonly numDone: number;
  /** The server wants so long a pause; 0: none. */
  readonly waitMs: number;
  /** What ended the last run early. */
  readonly problem?: Problem;
}

export interface AskOptions {
  readonly model: string;
  readonly language: Language;
}

const plainPlan: Plan = { mode: "question", question: "", fields: [] };
const idle: RunState = { is: "idle", startedMs: 0, numDone: 0, waitMs: 0 };
const kept = new Database("ocellus-table", ["plan", "rows", "pictures"]);
/** What is wrong with a row's own picture. */
const [unkept, unreadable] = [new Error("no longer kept"), new Error("no picture")];

/** In the page's words, and what the server said. */
function whyOf(error: unknown): [problem: string, message?: string] {
  if (error === unkept) return ["gone"];
  if (error === unreadable) return ["unreadable"];
  if (error instanceof SyntaxError) return ["notJson"];
  const problem = problemOf(error);
  return [kindOf(problem), problem.message];
}

class PictureTable {
  #state: TableState = { plan: plainPlan, rows: [], run: idle, numLeftOut: 0, isUnkept: false, isLoaded: false };
  readonly #rows = new Map<string, Row>();
  /** Those that the disk does not have, or not yet. */
  readonly #files = new Map<string, Blob>();
  readonly #listeners = new Set<() => void>();
  #ending = new AbortController();
  #isTold = true;
  #loading: Promise<void> | undefined;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  readonly state = (): TableState => this.#state;

  load(): Promise<void> {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  async #load(): Promise<void> {
    const plan = await kept.run<{ plan: Plan } | undefined>("plan", "readonly", (store) => store.get("plan"));
    const rows = (await kept.run<Row[]>("rows", "readonly", (store) => store.getAll())) ?? [];
    for (const row of rows.sort((a, b) => a.place - b.place))
      this.#rows.set(row.id, row.state === "asking" ? { ...row, state: "waiting" } : row);
    this.#set({ isLoaded: true, ...(plan && { plan: plan.plan }) });
  }

  /** Pictures that are there already, by name, are not added again. */
  async add(files: readonly FoundFile[]): Promise<void> {
    await this.load();
    const known = new Set([...this.#rows.values()].map(({ name }) => name));
    const pictures = arePictures(files).filter(({ name }) => !known.has(name));
    const taken = pictures.slice(0, Math.max(0, maxRows - this.#rows.size));
    const first = Math.max(-1, ...[...this.#rows.values()].map(({ place }) => place)) + 1;
    const rows = taken.map(({ name, file }, i): Row => {
      const row: Row = { id: newId(), place: first + i, name, state: "waiting", cells: {} };
      this.#files.set(row.id, file);
      this.#rows.set(row.id, row);
      return row;
    });
    const numKnown = arePictures(files).length - pictures.length;
    this.#set({ numLeftOut: files.length - numKnown - taken.length });
    await this.#keep(rows);
    for (const { id } of rows) await this.#keepPicture(id);
  }

  async #keepPicture(id: string): Promise<void> {
    const blob = this.#files.get(id);
    if (!blob) return;
    const key = await kept.run("pictures", "readwrite", (store) => store.put({ id, blob }));
    if (key !== undefined) this.#files.delete(id);
    else if (!this.#state.isUnkept) this.#set({ isUnkept: true });
  }

  async picture(id: string): Promise<Blob | undefined> {
    const held = this.#files.get(id);
    return held ?? (await kept.run<{ blob: Blob }>("pictures", "readonly", (store) => store.get(id)))?.blob;
  }

  setPlan(plan: Plan): void {
    this.#set({ plan });
    void kept.run("plan", "readwrite", (store) => store.put({ id: "plan", plan }));
  }

  /** Asks about all rows that wait. */
  async start(options: AskOptions): Promise<void> {
    if (this.#state.run.is !== "idle") return;
    this.#ending = new AbortController();
    this.#set({ run: { ...idle, is: "running", startedMs: Date.now() } });
    const { plan } = this.#state; // as it is now, for all rows of this run
    const run = (part: Partial<RunState>) => this.#set({ run: { ...this.#state.run, ...part } });
    try {
      await runRows<Row>({
        numAtOnce: await slotsOf(options.model),
        next: () => this.#next(),
        putBack: ({ id }) => this.#change(id, { state: "waiting" }),
        ask: (row, signal) => this.#ask(row, plan, options, signal),
        onWait: (waitMs) => run({ waitMs }),
        signal: this.#ending.signal,
        isPaused: () => this.#state.run.is === "pausing",
      });
      run({ is: "idle", waitMs: 0 });
    } catch (error) {
      run({ is: "idle", waitMs: 0, problem: problemOf(error) });
    }
  }

  #next(): Row | undefined {
    const row = [...this.#rows.values()].find(({ state }) => state === "waiting");
    if (row) this.#change(row.id, { state: "asking" }, false);
    return row;
  }

  async #ask({ id }: Row, plan: Plan, { model, language }: AskOptions, signal: AbortSignal): Promise<void> {
    try {
      const url = await this.#dataUrl(id);
      const completion = await completeChat(tableRequest(plan, model, url, language), signal);
      const cells = cellsOf(plan, completion);
      if (!cells) this.#fail(id, "cutOff");
      else this.#answered(id, cells, completion.model);
    } catch (error) {
      if (signal.aborted || isOfServer(error)) throw error;
      this.#fail(id, ...whyOf(error));
    }
    const { run } = this.#state;
    this.#set({ run: { ...run, numDone: run.numDone + 1 } }, false);
  }

  async #dataUrl(id: string): Promise<string> {
    const file = await this.picture(id);
    if (!file) throw unkept;
    const sent = await sendable(file).catch(() => undefined);
    if (!sent) throw unreadable;
    return readAsDataUrl(sent.blob);
  }

  /** What a person has corrected stays. */
  #answered(id: string, cells: Readonly<Record<string, Cell>>, model: string): void {
    const old = this.#rows.get(id);
    if (!old) return;
    const own = Object.entries(old.cells).filter(([, cell]) => cell.isCorrected);
    const merged = own.map(([name, cell]) => [name, corrected(cells[name], cell.value)]);
    this.#change(id, { state: "done", cells: { ...cells, ...Object.fromEntries(merged) }, model });
  }

  #fail(id: string, problem: string, message?: string): void {
    this.#change(id, { state: "failed", problem, ...(message !== undefined && { message }) });
  }

  /** The rows that are being asked are still answered. */
  pause(): void {
    if (this.#state.run.is === "running") this.#set({ run: { ...this.#state.run, is: "pausing" } });
  }

  /** The rows that are being asked wait again. */
  stop(): void {
    this.#ending.abort();
  }

  /** Failed rows, or all that no person has checked, wait again. */
  askAgain(which: "failed" | "all"): void {
    const rows = [...this.#rows.values()].filter(
      (row) => row.state === "failed" || (which === "all" && row.state === "done" && !row.isChecked),
    );
    for (const row of rows) {
      const { problem: _, message: _said, ...rest } = row;
      this.#rows.set(row.id, { ...rest, state: "waiting" });
    }
    this.#set({});
    void this.#keep(rows.map(({ id }) => this.#rows.get(id)!));
  }

  correct(id: string, column: string, value: unknown): void {
    const { cells } = this.#rows.get(id)!;
    this.#change(id, { cells: { ...cells, [column]: corrected(cells[column], value) } });
    this.#set({});
  }

  check(id: string, isChecked: boolean): void {
    this.#change(id, { isChecked });
    this.#set({});
  }

  async clear(): Promise<void> {
    this.stop();
    this.#rows.clear();
    this.#files.clear();
    this.#set({ numLeftOut: 0, isUnkept: false });
    for (const store of ["rows", "pictures"] as const) await kept.run(store, "readwrite", (each) => each.clear());
  }

  #change(id: string, part: Partial<Row>, isKept = true): void {
    const old = this.#rows.get(id);
    if (!old) return; // the table was emptied meanwhile
    const row = { ...old, ...part };
    this.#rows.set(id, row);
    this.#set({}, false);
    if (isKept) void this.#keep([row]);
  }

  async #keep(rows: readonly Row[]): Promise<void> {
    if (rows.length === 0) return;
    await kept.run("rows", "readwrite", (store) => rows.map((row) => store.put(row)).at(-1)!);
  }

  /** @param isNow else with the next frame: many rows may change in one. */
  #set(part: Partial<Omit<TableState, "rows">>, isNow = true): void {
    this.#state = { ...this.#state, ...part };
    if (isNow) this.#tell();
    else if (this.#isTold) {
      this.#isTold = false;
      setTimeout(() => this.#isTold || this.#tell(), frameMs);
    }
  }

  #tell(): void {
    this.#isTold = true;
    this.#state = { ...this.#state, rows: [...this.#rows.values()] };
    for (const listener of this.#listeners) listener();
  }
}

/** Rows do not change as quickly as words: a page with thousands stays quick. */
const frameMs = 100;

export const table = new PictureTable();

export function useTable(): TableState {
  useEffect(() => void table.load(), []);
  return useSyncExternalStore(table.subscribe, table.state);
}

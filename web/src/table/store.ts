/**
 * The table of this browser: its rows are asked on while the reader is in another room, and IndexedDB keeps plan, rows and pictures,
 * so that a reload loses at most the answers that were being written. Tabs share it: each shows what the others change, and one of
 * them asks at a time.
 */
import { useEffect, useSyncExternalStore } from "react";
import { completeChat } from "../api.js";
import { newId, type Problem } from "../conversation.js";
import { Database } from "../database.js";
import { readAsDataUrl, sendable } from "../pictures.js";
import type { Language } from "../preferences.js";
import { kindOf, problemOf } from "../problems.js";
import { SharedRecords } from "../shared-records.js";
import { arePictures, type FoundFile, maxRows } from "./files.js";
import { askedElsewhere, asOnlyTab, onStartElsewhere } from "./one-tab.js";
import { slotsOf } from "./pace.js";
import { cellsOf, tableRequest } from "./plan.js";
import { type Cell, corrected, type Plan, type Row } from "./row.js";
import { isOfServer, runRows } from "./runner.js";

export interface TableState {
  readonly plan: Plan;
  readonly rows: readonly Row[];
  readonly run: RunState;
  /** Another tab asks about the rows now. */
  readonly isElsewhere: boolean;
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
const planId = "plan";
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
  #state: TableState = {
    ...{ plan: plainPlan, rows: [], run: idle },
    ...{ isElsewhere: false, numLeftOut: 0, isUnkept: false, isLoaded: false },
  };
  readonly #rows = new SharedRecords<Row>(kept, "rows", () => this.#set({}, false));
  readonly #plans = new SharedRecords<{ id: string; plan: Plan }>(kept, "plan", () => this.#set({}));
  /** Rows that this tab asks about: kept as waiting, for a tab may be closed. */
  readonly #asking = new Set<string>();
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
    await Promise.all([this.#rows.load(), this.#plans.load()]);
    if (!this.#plans.get(planId)) {
      this.#plans.add([{ id: planId, plan: plainPlan }]);
      void this.#plans.keep(planId);
    }
    this.#set({ isLoaded: true });
    onStartElsewhere(() => void this.#follow());
    void this.#follow();
  }

  /** Another tab that asks, until it has ended. */
  async #follow(): Promise<void> {
    if (this.#state.run.is !== "idle") return;
    await askedElsewhere((isElsewhere) => this.#set({ isElsewhere }));
  }

  /** Pictures that are there already, by name, are not added again. */
  async add(files: readonly FoundFile[]): Promise<void> {
    await this.load();
    const old = this.#rows.all();
    const known = new Set(old.map(({ name }) => name));
    const pictures = arePictures(files).filter(({ name }) => !known.has(name));
    const taken = pictures.slice(0, Math.max(0, maxRows - old.length));
    const first = old.reduce((last, { place }) => Math.max(last, place), -1) + 1;
    const rows = taken.map(({ name, file }, i): Row => {
      const row: Row = { id: newId(), place: first + i, name, state: "waiting", cells: {} };
      this.#files.set(row.id, file);
      return row;
    });
    this.#rows.add(rows);
    const numKnown = arePictures(files).length - pictures.length;
    this.#set({ numLeftOut: files.length - numKnown - taken.length });
    for (const { id } of rows) await this.#keep(id);
  }

  /** With its picture, so that other tabs can ask about it at once. */
  async #keep(id: string): Promise<void> {
    const blob = this.#files.get(id);
    if (!blob) return; // the table was emptied meanwhile
    if (await this.#rows.keep(id, { pictures: { id, blob } })) {
      this.#files.delete(id);
      return;
    }
    if (!this.#state.isUnkept) this.#set({ isUnkept: true });
    await this.#rows.keep(id); // for which a full disk may have room
  }

  async picture(id: string): Promise<Blob | undefined> {
    const held = this.#files.get(id);
    return held ?? (await kept.run<{ blob: Blob }>("pictures", "readonly", (store) => store.get(id)))?.blob;
  }

  /** @param change from the plan as it is: another tab may change it too */
  changePlan(change: (plan: Plan) => Plan): void {
    void this.#plans.update([planId], ({ id, plan }) => ({ id, plan: change(plan) }));
  }

  /** Asks about all rows that wait, unless another tab does. */
  async start(options: AskOptions): Promise<void> {
    if (this.#state.run.is !== "idle") return;
    const isStarted = await asOnlyTab(() => this.#run(options));
    if (!isStarted) await this.#follow();
  }

  async #run(options: AskOptions): Promise<void> {
    this.#ending = new AbortController();
    this.#set({ run: { ...idle, is: "running", startedMs: Date.now() } });
    const { plan } = this.#state; // as it is now, for all rows of this run
    const run = (part: Partial<RunState>) => this.#set({ run: { ...this.#state.run, ...part } });
    try {
      await runRows<Row>({
        numAtOnce: await slotsOf(options.model),
        next: () => this.#next(),
        putBack: ({ id }) => this.#ended(id),
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
    const row = this.#rows.all().find(({ id, state }) => state === "waiting" && !this.#asking.has(id));
    if (row) this.#asking.add(row.id);
    this.#set({}, false);
    return row;
  }

  #ended(id: string): void {
    this.#asking.delete(id);
    this.#set({}, false);
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
    this.#ended(id);
    this.#set({ run: { ...run, numDone: run.numDone + 1 } }, false);
  }

  async #dataUrl(id: string): Promise<string> {
    const file = await this.picture(id);
    if (!file) throw unkept;
    const sent = await sendable(file).catch(() => undefined);
    if (!sent) throw unreadable;
    return readAsDataUrl(sent.blob);
  }

  /** What a person has corrected stays, in whichever tab. */
  #answered(id: string, cells: Readonly<Record<string, Cell>>, model: string): void {
    this.#change([id], (row) => {
      const own = Object.entries(row.cells).filter(([, cell]) => cell.isCorrected);
      const merged = own.map(([name, cell]) => [name, corrected(cells[name], cell.value)]);
      return { ...row, state: "done", cells: { ...cells, ...Object.fromEntries(merged) }, model };
    });
  }

  #fail(id: string, problem: string, message?: string): void {
    this.#change([id], (row) => ({ ...row, state: "failed", problem, ...(message !== undefined && { message }) }));
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
    const isMeant = (row: Row) => row.state === "failed" || (which === "all" && row.state === "done" && !row.isChecked);
    const ids = this.#rows.all().flatMap((row) => (isMeant(row) ? [row.id] : []));
    this.#change(ids, (row) => {
      if (!isMeant(row)) return row;
      const { problem: _, message: _said, ...rest } = row;
      return { ...rest, state: "waiting" };
    });
  }

  correct(id: string, column: string, value: unknown): void {
    this.#change([id], (row) => ({ ...row, cells: { ...row.cells, [column]: corrected(row.cells[column], value) } }));
    this.#tell();
  }

  check(id: string, isChecked: boolean): void {
    this.#change([id], (row) => ({ ...row, isChecked }));
    this.#tell();
  }

  async clear(): Promise<void> {
    this.stop();
    this.#files.clear();
    this.#set({ numLeftOut: 0, isUnkept: false });
    await this.#rows.clear("pictures");
  }

  #change(ids: readonly string[], change: (row: Row) => Row): void {
    void this.#rows.update(ids, change);
  }

  /** @param isNow else with the next frame: many rows may change in one. */
  #set(part: Partial<Omit<TableState, "rows" | "plan">>, isNow = true): void {
    this.#state = { ...this.#state, ...part };
    if (isNow) this.#tell();
    else if (this.#isTold) {
      this.#isTold = false;
      setTimeout(() => this.#isTold || this.#tell(), frameMs);
    }
  }

  #tell(): void {
    this.#isTold = true;
    const rows = this.#rows.all().map((row) => (this.#asking.has(row.id) ? { ...row, state: "asking" as const } : row));
    rows.sort((a, b) => a.place - b.place || (a.id < b.id ? -1 : 1)); // two tabs may have added at the same time
    this.#state = { ...this.#state, rows, plan: this.#plans.get(planId)?.plan ?? plainPlan };
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

/**
 * What the users of one step were answered like, in a bounded table. Users fall into cells by a hash that has nothing to do with the
 * split: up to some hundred users nearly each has a cell of its own; beyond, a cell is a group of users, of both versions. A cell
 * counts once, however many answers it has: the split draws users and not answers.
 */
import { z } from "zod";
import type { Role } from "./metrics.js";

/** 100 kB of JSON for an analysis whose cells are all in use. */
const numCells = 1024;
/** Of a user's mark: ten bits are the cell, the rest tells two users of one cell from one. */
export const maxMark = 2 ** 30;

const count = z.number().int().min(0);
/** Cell, the mark of its only user (or -1: several), and of each version: answers, and how bad they were in sum. */
const rowSchema = z.tuple([count.max(numCells - 1), z.number().int(), count, z.number(), count, z.number()]);
export const cellsSchema = z.array(rowSchema).max(numCells);
export type CellRows = z.infer<typeof cellsSchema>;

export interface Cell {
  /** Of the user; -1 for several. */
  mark: number;
  readonly stable: Tally;
  readonly canary: Tally;
}

export interface Tally {
  count: number;
  sum: number;
}

/** Over all cells of one version: answers, and cells that have any. */
interface Total {
  answers: number;
  cells: number;
}

export interface Arm {
  readonly rates: readonly number[];
  readonly count: number;
}

export class UserCells {
  readonly #cells = new Map<number, Cell>();
  readonly #totals: Readonly<Record<Role, Total>> = {
    stable: { answers: 0, cells: 0 },
    canary: { answers: 0, cells: 0 },
  };

  constructor(rows: CellRows = []) {
    for (const [number, mark, numStable, sumStable, numCanary, sumCanary] of rows) {
      const cell = emptyCell(mark);
      this.#cells.set(number, cell);
      this.#put(cell, "stable", numStable, sumStable);
      this.#put(cell, "canary", numCanary, sumCanary);
    }
  }

  get rows(): CellRows {
    return [...this.#cells].map(([number, { mark, stable, canary }]) => [
      ...([number, mark, stable.count, stable.sum, canary.count, canary.sum] as const),
    ]);
  }

  /** By number: an order that knows nothing of versions. */
  get all(): readonly Cell[] {
    return [...this.#cells].sort(([a], [b]) => a - b).map(([, cell]) => cell);
  }

  /** @param mark of the user, an integer from 0 up to `maxMark` */
  add(role: Role, mark: number, badness: number): void {
    const number = mark % numCells;
    const cell = this.#cells.get(number) ?? emptyCell(mark);
    this.#cells.set(number, cell);
    if (cell.mark !== mark) cell.mark = -1;
    this.#put(cell, role, 1, badness);
  }

  #put(cell: Cell, role: Role, count: number, sum: number): void {
    const total = this.#totals[role];
    if (count > 0 && cell[role].count === 0) total.cells++;
    total.answers += count;
    cell[role].count += count;
    cell[role].sum += sum;
  }

  numAnswers(role: Role): number {
    return this.#totals[role].answers;
  }

  /** That have answers of this version: no more than there are users. */
  numCells(role: Role): number {
    return this.#totals[role].cells;
  }

  /** Of one version: the rate of each cell that has answers, and how many answers these were together. */
  arm(role: Role): Arm {
    const tallies = this.all.map((cell) => cell[role]).filter((tally) => tally.count > 0);
    return { rates: tallies.map(({ count, sum }) => sum / count), count: this.numAnswers(role) };
  }

  /** As many users as leave so many cells empty (linear counting): exact to some percent, up to some thousand. */
  numUsers(role: Role): number {
    const used = Math.min(this.numCells(role), numCells - 1);
    return Math.round(-numCells * Math.log1p(-used / numCells));
  }
}

function emptyCell(mark: number): Cell {
  return { mark, stable: { count: 0, sum: 0 }, canary: { count: 0, sum: 0 } };
}

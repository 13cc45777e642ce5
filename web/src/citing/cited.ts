/** A collection that questions are asked of, and the pages that an answer was given from. */
import type { Picture, Turn } from "../conversation.js";
import { replaceNumbers } from "./numbers.js";

export interface Source {
  /** Of this server, by its name. */
  readonly collection: string;
  /** Most pages that go with a question. */
  readonly pages: number;
}

/** A page of a collection as it was when an answer was given from it. */
export interface CitedPage {
  /** As it stood in the prompt and, in square brackets, stands in the answer. */
  readonly number: number;
  readonly source: string;
  /** Of a document, counted from one. */
  readonly page?: number | undefined;
  /** Whether the answer names its number. */
  readonly cited: boolean;
  /** The copy that the model was shown; absent: it could not be had, or is another page by now. */
  readonly picture?: Picture | undefined;
  readonly bytes?: number | undefined;
  /** What the collection knows of its words. */
  readonly text?: string | undefined;
}

export interface Cited {
  readonly collection: string;
  readonly pages: readonly CitedPage[];
}

/** The server takes 64; a prompt with more than these is longer than most models read. */
export const pageCounts = [1, 2, 3, 5, 8, 16] as const;
export const usualPages = 3;

/** Of the last question. */
export function sourceOf(turns: readonly Turn[]): Source | undefined {
  return turns.findLast((turn) => turn.role === "user")?.source;
}

/** `manuals/filter.pdf`, 3 → `filter.pdf, p. 3` */
export function titleOf({ source, page }: Pick<CitedPage, "source" | "page">): string {
  const name = source.split(/[/\\]/).at(-1) || source;
  return page === undefined ? name : `${name}, p. ${page}`;
}

/** With the number that the answer names it by. */
export function labelOf(page: CitedPage): string {
  return `${page.number}: ${titleOf(page)}`;
}

/** The numbers of an earlier answer mean other pages in a later one: there, its words name the pages themselves. */
export function withTitles(text: string, { pages }: Cited): string {
  const titles = new Map(pages.map((page) => [page.number, `[${titleOf(page)}]`]));
  return replaceNumbers(text, (number) => titles.get(number));
}

/** Of all turns: of questions, and of the pages that answers and their alternatives were given from. Each once. */
export function picturesIn(turns: readonly Turn[]): readonly Picture[] {
  const all = turns.flatMap((turn): readonly (Picture | undefined)[] => {
    if (turn.role === "user") return turn.pictures;
    return [turn, ...(turn.others ?? [])].flatMap(({ cited }) => (cited?.pages ?? []).map(({ picture }) => picture));
  });
  return [...new Map(all.flatMap((picture) => (picture ? [[picture.id, picture] as const] : []))).values()];
}

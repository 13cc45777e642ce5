/** When two answers are the same: as words, or as lists of items. */
import { trimEndOf } from "../core/base/index.js";

/** Case, white space and the final full stop or exclamation mark do not count. */
export function normaliseAnswer(text: string): string {
  return trimEndOf(text.trim().toLowerCase().replace(/\s+/g, " "), " .。!！");
}

/** `red, blue and green` and `红色、蓝色和绿色` have three. */
export function itemsOf(list: string): string[] {
  const items = list.split(/[,;\n\uff0c\uff1b\u3001&]|\band\b|和|以及/u).map(normaliseAnswer);
  return items.filter((item) => item !== "");
}

export function isSame(a: readonly string[], b: readonly string[]): boolean {
  const [items, others] = [new Set(a), new Set(b)];
  return items.size === others.size && [...items].every((item) => others.has(item));
}

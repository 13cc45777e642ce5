/** Numbers as they are written: groups of digits with a space, a dash or a dot between, and which groups may be one number. */

/** Neighbouring groups that may be one number, in the text that is looked at. */
export interface Candidate {
  readonly start: number;
  readonly end: number;
  readonly digits: string;
  /** How many digits each group has: "3-4-4". */
  readonly layout: string;
  /** Signs between the groups, the same everywhere; undefined where they differ. */
  readonly separator: string | undefined;
  /** A dash, a dot or the like joins it to further digits: a part of something longer. */
  readonly isTight: boolean;
  /** One of several numbers of four digits in a row: a table, perhaps. */
  readonly isInTable: boolean;
  readonly before: string;
  readonly after: string;
}

interface Group {
  readonly start: number;
  readonly end: number;
}

const maxDigits = 19;
/** A number that is written digit by digit; longer ones are groups of three and more. */
const maxGroups = 18;

/**
 * All that begin in `text`: of each group on, the first, the first two, … as long as they may belong together.
 * @param left what stands before the text; `next`: the character behind it
 */
export function candidatesIn(text: string, left: string, next: string): Candidate[] {
  const groups: Group[] = [];
  for (const { index, 0: digits } of text.matchAll(/\d+/g)) groups.push({ start: index, end: index + digits.length });
  return groups.flatMap((_, first) => candidatesFrom(groups, first, text, left, next));
}

function candidatesFrom(
  groups: readonly Group[],
  first: number,
  text: string,
  left: string,
  next: string,
): Candidate[] {
  const found: Candidate[] = [];
  const { start } = groups[first]!;
  const before = left + text.slice(0, start);
  const isTightBefore = isTightTo(groups[first - 1], groups[first], text) && !isListMark(groups, first, text, left);
  let [digits, layout] = ["", ""];
  let separator: string | undefined;
  for (let last = first; last < groups.length && last - first < maxGroups; last++) {
    const { start: from, end } = groups[last]!;
    if (last > first) {
      const sign = text.slice(groups[last - 1]!.end, from);
      if (!/^(?: |[ ]?[-._][ ]?)$/.test(sign)) break;
      separator = last === first + 1 || separator === sign ? sign : undefined;
    }
    digits += text.slice(from, end);
    layout += `${last > first ? "-" : ""}${end - from}`;
    if (digits.length > maxDigits) break;
    const isTight =
      isTightBefore || (separator !== "." && separator !== "-" && isTightTo(groups[last], groups[last + 1], text));
    const isInTable = layout.startsWith("4-4-4-4") && (isFour(groups[first - 1]) || isFour(groups[last + 1]));
    found.push({ start, end, digits, layout, separator, isTight, isInTable, before, after: text.slice(end) + next });
  }
  return found;
}

/** Whether a sign without spaces stands between two groups, and nothing else; a slash divides. */
function isTightTo(one: Group | undefined, other: Group | undefined, text: string): boolean {
  return one !== undefined && other !== undefined && /^[-._]$/.test(text.slice(one.end, other.start));
}

/** `1.` before the first number of a line. */
function isListMark(groups: readonly Group[], at: number, text: string, left: string): boolean {
  const mark = groups[at - 1];
  if (at !== 1 || !mark || mark.end - mark.start > 2 || text[mark.end] !== ".") return false;
  return mark.start === 0 && /(?:^|\n)$/.test(left);
}

function isFour(group: Group | undefined): boolean {
  return group !== undefined && group.end - group.start === 4;
}

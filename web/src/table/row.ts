/** A table of pictures as the page keeps it: what is asked, and a row for each picture with what was answered. */

export const fieldTypes = ["text", "number", "yesNo", "choice", "list"] as const;
export type FieldType = (typeof fieldTypes)[number];

export interface Field {
  readonly id: string;
  readonly name: string;
  readonly type: FieldType;
  /** As typed, between commas. */
  readonly choices: string;
  readonly required: boolean;
}

export interface Plan {
  readonly mode: "question" | "fields";
  /** With fields: what stands before them in the prompt. */
  readonly question: string;
  readonly fields: readonly Field[];
}

export interface Cell {
  readonly value: unknown;
  /** How sure the model was. Absent: not said. */
  readonly probability?: number;
  /** What else it nearly wrote, the likeliest first. */
  readonly others?: readonly unknown[];
  /** A person wrote the value. */
  readonly isCorrected?: boolean;
  /** Of a corrected one: what the model had answered. */
  readonly said?: unknown;
}

/** With a value of a person's; the model's own again where it is that. */
export function corrected(cell: Cell | undefined, value: unknown): Cell {
  const { isCorrected, said: earlier, ...rest } = cell ?? { value: undefined };
  const said = isCorrected ? earlier : rest.value;
  if (JSON.stringify(said) === JSON.stringify(value)) return { ...rest, value };
  return { ...rest, value, isCorrected: true, ...(said !== undefined && { said }) };
}

export interface Row {
  readonly id: string;
  /** In the order in which the pictures came. */
  readonly place: number;
  /** The file's path in its folder. */
  readonly name: string;
  readonly state: "waiting" | "asking" | "done" | "failed";
  /** Why it failed, by the name that the page's words have for it. */
  readonly problem?: string;
  /** What the server said of it. */
  readonly message?: string;
  readonly cells: Readonly<Record<string, Cell>>;
  /** A person has looked at the whole row. */
  readonly isChecked?: boolean;
  /** Which model answered. */
  readonly model?: string;
}

/** Fields below are for a person to look at (docs/fields.md). */
export const doubtBelow = 0.9;

/** Of the least sure cell that no person wrote; undefined: nothing is known. */
export function sureness({ cells, isChecked }: Row): number | undefined {
  if (isChecked) return 1;
  const said = Object.values(cells).flatMap((cell) =>
    cell.isCorrected ? [1] : cell.probability === undefined ? [] : [cell.probability],
  );
  return said.length > 0 ? Math.min(...said) : undefined;
}

export function isDoubtful(row: Row): boolean {
  return (sureness(row) ?? 1) < doubtBelow;
}

export function isCorrected({ cells }: Row): boolean {
  return Object.values(cells).some((cell) => cell.isCorrected);
}

export function cellText(value: unknown): string {
  if (value === undefined || value === null) return "";
  return Array.isArray(value) ? value.map(cellText).join(", ") : String(value);
}

export const rowFilters = ["all", "doubtful", "failed", "waiting", "corrected"] as const;
export type RowFilter = (typeof rowFilters)[number];

export interface View {
  readonly filter: RowFilter;
  readonly search: string;
  /** A column's name; `place` and `sureness` are the rows' own. */
  readonly sort: { readonly by: "place" | "name" | "sureness" | "column"; readonly column?: string };
  readonly isDown: boolean;
}

export const plainView: View = { filter: "all", search: "", sort: { by: "place" }, isDown: false };

export function shownRows(rows: readonly Row[], { filter, search, sort, isDown }: View): readonly Row[] {
  const wanted = search.trim().toLowerCase();
  const found = rows.filter((row) => passes(row, filter) && (wanted === "" || holds(row, wanted)));
  const keys = new Map(found.map((row) => [row.id, sortKey(row, sort)]));
  const sign = isDown ? -1 : 1;
  return found.sort((a, b) => inOrder(keys.get(a.id), keys.get(b.id), sign) || a.place - b.place);
}

export function passes(row: Row, filter: RowFilter): boolean {
  switch (filter) {
    case "all":
      return true;
    case "doubtful":
      return row.state === "done" && isDoubtful(row);
    case "failed":
      return row.state === "failed";
    case "waiting":
      return row.state === "waiting" || row.state === "asking";
    case "corrected":
      return isCorrected(row);
    default:
      return filter satisfies never;
  }
}

function holds({ name, cells }: Row, wanted: string): boolean {
  const texts = [name, ...Object.values(cells).map(({ value }) => cellText(value))];
  return texts.some((text) => text.toLowerCase().includes(wanted));
}

function sortKey(row: Row, sort: View["sort"]): string | number | undefined {
  if (sort.by === "place") return row.place;
  if (sort.by === "name") return row.name;
  if (sort.by === "sureness") return sureness(row);
  const value = row.cells[sort.column ?? ""]?.value;
  return typeof value === "number" ? value : value === undefined || value === null ? undefined : cellText(value);
}

const byWords = new Intl.Collator(undefined, { numeric: true });

/** Numbers before words; rows without a value come last either way. */
function inOrder(a: string | number | undefined, b: string | number | undefined, sign: number): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  if (typeof a === "number" && typeof b === "number") return sign * (a - b);
  if (typeof a !== typeof b) return sign * (typeof a === "number" ? -1 : 1);
  return sign * byWords.compare(String(a), String(b));
}

/** What an answer says of places: boxes and points in pixels of the picture that was sent, as shares of its sides. */
import type { Answer, Picture, Turn } from "./conversation.js";
import type { Place } from "./sight.js";

/** Below it a value is to be looked at by a person: as the server's own `zoom` has it. */
export const sureFrom = 0.9;

/** Of the answer's one picture; none where the server named none. */
export function placesOf({ id, stats }: Answer): readonly Place[] {
  const { boxes = [], fields = {}, images = [] } = stats ?? {};
  const [width, height] = images[0]?.sent_size ?? [];
  if (width === undefined || height === undefined) return [];
  return boxes.flatMap(({ label, field, box, point }, i): Place[] => {
    const corners = box ?? (point && [...point, ...point]);
    if (!corners) return [];
    const [left, top, right, bottom] = corners as [number, number, number, number];
    const sureness = field === undefined ? undefined : fields[field]?.probability;
    return [
      {
        id: `${id} ${field ?? i}`,
        label: label ?? (field === undefined ? String(i + 1) : nameOfField(field)),
        box: [left / width, top / height, right / width, bottom / height],
        isPoint: !box,
        isDoubtful: sureness !== undefined && sureness < sureFrom,
      },
    ];
  });
}

/** `/items/0/unit_price` → `items 1 unit price` */
export function nameOfField(pointer: string): string {
  const parts = pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  return parts.map((part) => (/^\d+$/.test(part) ? String(Number(part) + 1) : part.replaceAll("_", " "))).join(" ");
}

/** In the order of the prompt. */
export function picturesOf(turns: readonly Turn[]): readonly Picture[] {
  return turns.flatMap((turn) => (turn.role === "user" ? turn.pictures : []));
}

/** A leaf of a JSON answer. */
export interface Leaf {
  readonly pointer: string;
  readonly value: unknown;
}

/** More than these no one reads as a form. */
const maxLeaves = 500;

/** The values of a JSON answer in their order; undefined for what is no JSON. */
export function leavesOf(text: string): readonly Leaf[] | undefined {
  try {
    const found: Leaf[] = [];
    const waiting: Leaf[] = [{ pointer: "", value: JSON.parse(text) as unknown }];
    while (waiting.length > 0 && found.length < maxLeaves) {
      const { pointer, value } = waiting.pop()!;
      if (typeof value !== "object" || value === null) found.push({ pointer, value });
      else
        for (const [key, inner] of Object.entries(value).reverse())
          waiting.push({ pointer: `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`, value: inner });
    }
    return found;
  } catch {
    return undefined;
  }
}

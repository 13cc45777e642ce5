/**
 * Boxes and points as models write them in their answers. Each form is one that a family's authors publish (docs/places.md):
 *   JSON  {"bbox_2d": [x1, y1, x2, y2], "label": …}, {"point_2d": [x, y], …}      Qwen2.5-VL, Qwen3-VL, Qwen3.5
 *   (x1,y1),(x2,y2), in <|box_start|>…<|box_end|> or bare                         Qwen2-VL
 *   <ref>label</ref><box>[[x1, y1, x2, y2], …]</box>                              InternVL
 *   <ref>label</ref><box>x1 y1 x2 y2</box>, <point>x y</point>, <quad>…</quad>    MiniCPM-V
 * Anything else is text. Linear in the text, and nothing that a text holds makes it throw.
 */
import { type JsonLimits, parseJson } from "../base/index.js";

export interface WrittenPlace {
  /** [x, y] one after another: two corners of a box, the four of a quadrilateral, or one point. */
  readonly points: readonly (readonly [number, number])[];
  readonly kind: "box" | "point";
  readonly label?: string;
}

/** An answer of the longest context has fewer. */
const maxPlaces = 4096;
const jsonLimits: JsonLimits = { maxDepth: 64, maxValues: 2 ** 18, maxKeys: 2 ** 18 };

/** In the order in which they were written. */
export function writtenPlaces(text: string): WrittenPlace[] {
  const json = jsonOf(text);
  const places = json === undefined ? placesInText(text) : placesInJson(json);
  return places.slice(0, maxPlaces);
}

/** The value that the whole text is, or the fenced block in it. */
function jsonOf(text: string): unknown {
  const start = text.indexOf("```json");
  const end = text.indexOf("```", start + 3);
  const inside = start < 0 || end < 0 ? text : text.slice(start + "```json".length, end);
  try {
    const value = parseJson(inside, jsonLimits);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined; // words, or JSON that is cut short
  }
}

function placesInJson(root: unknown): WrittenPlace[] {
  const found: WrittenPlace[] = [];
  const waiting: unknown[] = [root];
  while (waiting.length > 0) {
    const value = waiting.pop();
    if (typeof value !== "object" || value === null) continue;
    if (!Array.isArray(value)) found.push(...placesOf(value as Readonly<Record<string, unknown>>));
    for (const inner of Object.values(value).reverse()) waiting.push(inner); // no spread: they may be many
  }
  return found;
}

function placesOf(value: Readonly<Record<string, unknown>>): WrittenPlace[] {
  const { bbox_2d: box, point_2d: point, label, text_content: words } = value;
  const name = [label, words].find((each) => typeof each === "string");
  const named = name !== undefined && { label: name as string };
  return [
    ...(isNumbers(box, 4) ? [{ kind: "box" as const, points: pairsOf(box), ...named }] : []),
    ...(isNumbers(point, 2) ? [{ kind: "point" as const, points: pairsOf(point), ...named }] : []),
  ];
}

function isNumbers(value: unknown, count: number): value is number[] {
  return Array.isArray(value) && value.length === count && value.every((each) => Number.isFinite(each));
}

function pairsOf(numbers: readonly number[]): [number, number][] {
  return Array.from({ length: numbers.length / 2 }, (_, i) => [numbers[2 * i]!, numbers[2 * i + 1]!]);
}

const number = String.raw`-?\d{1,6}(?:\.\d{1,6})?`;
const pair = String.raw`\(${number}, ?${number}\)`;
/** Each part is bounded, so that the search is linear. */
const forms = new RegExp(
  [
    `<ref>(?<ref>[^<]{0,256})</ref>`,
    String.raw`<\|object_ref_start\|>(?<object>[^<]{0,256})<\|object_ref_end\|>`,
    `<box>(?<box>[^<]{0,1024})</box>`,
    `<quad>(?<quad>[^<]{0,1024})</quad>`,
    `<point>(?<point>[^<]{0,1024})</point>`,
    `(?<pairs>${pair}, ?${pair})`,
    String.raw`"bbox_2d"\s{0,4}:\s{0,4}\[(?<bbox>[^\]]{0,256})\]`,
    String.raw`"point_2d"\s{0,4}:\s{0,4}\[(?<point2d>[^\]]{0,256})\]`,
  ].join("|"),
  "g",
);
const numbers = new RegExp(number, "g");

function placesInText(text: string): WrittenPlace[] {
  const found: WrittenPlace[] = [];
  let label: string | undefined;
  for (const { groups = {} } of text.matchAll(forms)) {
    const name = groups.ref ?? groups.object;
    if (name !== undefined) label = name.trim();
    const boxes = groups.box ?? groups.pairs ?? groups.bbox;
    if (boxes !== undefined) found.push(...chunks(boxes, 4, "box", label));
    if (groups.quad !== undefined) found.push(...chunks(groups.quad, 8, "box", label));
    const points = groups.point ?? groups.point2d;
    if (points !== undefined) found.push(...chunks(points, 2, "point", label));
    if (found.length > maxPlaces) break;
  }
  return found;
}

/** One place for each so many numbers; a rest is no place. */
function chunks(text: string, count: number, kind: WrittenPlace["kind"], label: string | undefined): WrittenPlace[] {
  const all = (text.match(numbers) ?? []).map(Number);
  return Array.from({ length: Math.floor(all.length / count) }, (_, i) => {
    const points = pairsOf(all.slice(i * count, (i + 1) * count));
    return { kind, points, ...(label !== undefined && label !== "" && { label }) };
  });
}

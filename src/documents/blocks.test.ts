import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { layoutPage } from "./blocks.js";
import { type Block, type PageLine, wordsOf } from "./page.js";

/** A line of type of 10 points from `left` at `top`: each letter is 5 points wide. */
function line(text: string, left: number, top: number, rest: Partial<PageLine> = {}): PageLine {
  const size = rest.size ?? 10;
  return { text, size, box: [left, top, left + (text.length * size) / 2, top + 1.2 * size], ...rest };
}

const sentence = "the filter holds back what the pump would take";
/** A column of text, its last line short. */
function column(name: string, left: number, top: number, numLines = 5): PageLine[] {
  return Array.from({ length: numLines }, (_, i) => {
    const isLast = i === numLines - 1;
    return line(isLast ? `${name} end.` : `${name}${i} ${sentence}`, left, top + 13 * i);
  });
}

const kinds = (blocks: readonly Block[]) => blocks.map(({ kind }) => kind);
const texts = (blocks: readonly Block[]) => blocks.map(wordsOf);

describe("layoutPage", () => {
  it("reads columns one after the other, between what crosses them", () => {
    const lines = [
      line("A title over both of the columns of this page, from left to right", 60, 20, { size: 12 }),
      ...column("left", 40, 60),
      ...column("right", 320, 60),
      line("a caption that runs under both columns from the left edge to the other, as these do", 60, 150),
      ...column("third", 40, 180),
      ...column("fourth", 320, 180),
    ];
    const order = texts(layoutPage(lines))
      .join(" ")
      .match(/title|left0|left end|right0|right end|caption|third0|third end|fourth0/g);
    expect(order).toEqual([
      ...["title", "left0", "left end", "right0", "right end", "caption", "third0", "third end", "fourth0"],
    ]);
  });

  it("keeps columns whose lines stand on no common baselines apart, even short ones", () => {
    const side = Array.from({ length: 6 }, (_, i) => line(`note ${i}`, 40, 60 + 17 * i));
    const words = texts(layoutPage([...side, ...column("body", 150, 63, 8)])).join(" ");
    expect(words.indexOf("note 5")).toBeLessThan(words.indexOf("body0"));
  });

  it("finds a table by cells above each other, with empty cells and cells of several lines", () => {
    const rows = [
      ["Part", "Size", "Price"],
      ["Filter", "12 mm", "4.20"],
      ["Seal", "", "0.75"],
      ["Pump head", "40 mm", "88.00"],
    ];
    const lines = rows.flatMap((row, y) =>
      row.flatMap((cell, x) => (cell === "" ? [] : [line(cell, 40 + 120 * x, 100 + 15 * y)])),
    );
    lines.push(line("with ring", 40, 100 + 15 * 3 + 12.5));
    const [before, table, after] = layoutPage([
      ...column("above", 40, 20, 3),
      ...lines,
      ...column("below", 40, 190, 3),
    ]);
    expect(table).toMatchObject({
      kind: "table",
      rows: [...rows.slice(0, 3), ["Pump head with ring", "40 mm", "88.00"]],
    });
    expect(table!.box).toEqual([40, 100, 305, 169.5]);
    expect([before!.kind, after!.kind]).toEqual(["paragraph", "paragraph"]);
  });

  it("tells headings by their size and weight, at the level of the size", () => {
    const blocks = layoutPage([
      line("Manual", 40, 20, { size: 18 }),
      line("Safety", 40, 60, { size: 14 }),
      ...column("first", 40, 90),
      line("Before you begin", 40, 170, { isBold: true }),
      ...column("second", 40, 190),
    ]);
    expect(kinds(blocks)).toEqual(["heading", "heading", "paragraph", "heading", "paragraph"]);
    expect(blocks.flatMap((block) => (block.kind === "heading" ? [block.level] : []))).toEqual([1, 2, 4]);
  });

  it("parts paragraphs by room and by indentation, and makes divided words whole", () => {
    const blocks = layoutPage([
      line("The first one has a word that is div\u00ad", 40, 20),
      line("ided, and one that is well-", 40, 33),
      line("Known.", 40, 46),
      line("The second one is indented", 55, 59),
      line("and continues.", 40, 72),
      line("The third one has room above.", 40, 95),
      line("它的滤芯", 40, 120),
      line("要更换。", 40, 133),
    ]);
    expect(texts(blocks)).toEqual([
      "The first one has a word that is divided, and one that is well-Known.",
      "The second one is indented and continues.",
      "The third one has room above.",
      "它的滤芯要更换。",
    ]);
  });

  it("tells the items of lists, with their numbers", () => {
    const blocks = layoutPage([
      line("• open the lid", 40, 20),
      line("and wait", 50, 33),
      line("\uf0b7 take it out", 40, 46),
      line("2. close it", 40, 59),
      line("-5 degrees is no item", 40, 85),
    ]);
    expect(blocks.map((block) => (block.kind === "item" ? [block.marker, block.text] : block.kind))).toEqual([
      ["-", "open the lid and wait"],
      ["-", "take it out"],
      ["2.", "close it"],
      "paragraph",
    ]);
  });

  it("parts lines that were read in an image by their sizes and the room between them, and tells a heading", () => {
    const read = (text: string, top: number, height: number): PageLine => ({ text, box: [40, top, 340, top + height] });
    const blocks = layoutPage([
      read("Cafe", 40, 50),
      read("No. 2026, a line of the body", 112, 25),
      read("Questions?", 480, 25),
    ]);
    expect(blocks.map((block) => [block.kind, wordsOf(block)])).toEqual([
      ["heading", "Cafe"],
      ["paragraph", "No. 2026, a line of the body"],
      ["paragraph", "Questions?"],
    ]);
  });

  it("keeps lines of code as they are indented", () => {
    const blocks = layoutPage([
      line("Run this:", 40, 20),
      line("if (a) {", 40, 40, { isMono: true }),
      line("- b", 50, 53, { isMono: true }),
      line("}", 40, 66, { isMono: true }),
      line("and wait.", 40, 86),
    ]);
    expect(blocks.map((block) => [block.kind, wordsOf(block)])).toEqual([
      ["paragraph", "Run this:"],
      ["code", "if (a) {\n  - b\n}"],
      ["paragraph", "and wait."],
    ]);
  });

  it("makes entries of a table of contents items, each with its page", () => {
    const blocks = layoutPage([
      ...[line("1 Filters . . . . . .", 40, 20), line("7", 300, 20)],
      ...[line("2 Seals and what they", 40, 33)],
      ...[line("are for .............", 40, 46), line("12", 295, 46)],
      ...[line("3 An entry that fills its line", 40, 59), line("15", 295, 59)],
    ]);
    expect(texts(blocks)).toEqual([
      "1 Filters … 7",
      "2 Seals and what they are for … 12",
      "3 An entry that fills its line … 15",
    ]);
  });

  it("reads turned lines last, and gives the lowest score of the lines that were read in an image", () => {
    const turned = line("arXiv", 5, 10, { isTurned: true });
    const blocks = layoutPage([turned, line("one", 40, 20, { score: 0.9 }), line("two", 40, 33, { score: 0.6 })]);
    expect(blocks.map((block) => [wordsOf(block), block.score])).toEqual([
      ["one two", 0.6],
      ["arXiv", undefined],
    ]);
  });

  it("keeps every word, once, whatever the places", () => {
    const place = fc.record({
      x: fc.nat(60),
      y: fc.nat(60),
      size: fc.constantFrom(8, 10, 10, 10, 16),
      isBold: fc.boolean(),
      isTurned: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(place, { maxLength: 60 }), (places) => {
        const lines = places.map(({ x, y, ...rest }, i) => line(`w${i}x`, 9 * x, 7 * y, rest));
        const found = layoutPage(lines).map(wordsOf).join(" ").match(/w\d+x/g) ?? [];
        expect(found.sort()).toEqual(lines.map(({ text }) => text).sort());
      }),
    );
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { displayWidth, padTo, textTable, wrapText } from "./text-layout.js";

describe("displayWidth", () => {
  it("counts a Chinese character as two columns, a combining mark and a colour code as none", () => {
    expect(displayWidth("dress")).toBe(5);
    expect(displayWidth("连衣裙。")).toBe(8);
    expect(displayWidth("e\u0301")).toBe(1);
    expect(displayWidth("\x1b[31mred\x1b[39m")).toBe(3);
  });
});

describe("padTo", () => {
  it("fills to the width on the side away from the alignment", () => {
    expect(padTo("连", 4)).toBe("连  ");
    expect(padTo("7", 3, "right")).toBe("  7");
    expect(padTo("too long", 3)).toBe("too long");
  });
});

describe("wrapText", () => {
  it("breaks English at spaces and Chinese anywhere but before punctuation", () => {
    expect(wrapText("A red striped dress.", 10)).toEqual(["A red", "striped", "dress."]);
    expect(wrapText("一件红色条纹连衣裙。", 10)).toEqual(["一件红色条", "纹连衣裙。"]);
    expect(wrapText("红色条纹。", 8)).toEqual(["红色条", "纹。"]);
  });

  it("loses nothing but spaces at line ends, and keeps to the width unless one word is longer", () => {
    const word = fc.stringMatching(/^[a-z连衣裙]{1,6}$/);
    fc.assert(
      fc.property(fc.array(word, { minLength: 1 }), fc.integer({ min: 12, max: 40 }), (words, width) => {
        const lines = wrapText(words.join(" "), width);
        expect(lines.join(" ").replaceAll(" ", "")).toBe(words.join(""));
        for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(width);
      }),
      { seed: 1 },
    );
  });
});

describe("textTable", () => {
  it("aligns columns by what is seen, and leaves no space at line ends", () => {
    const table = textTable(
      [
        ["kind", "asked"],
        ["颜色", "7"],
        ["count", ""],
      ],
      ["left", "right"],
    );
    expect(table.split("\n")).toEqual(["kind   asked", "颜色       7", "count"]);
  });
});

import { describe, expect, it } from "vitest";
import { OcellusError } from "../core/base/index.js";
import { ocellusError } from "../core/base/ocellus-error.testkit.js";
import { admittedPage } from "./admitted.js";
import { type Block, type DocumentPage, wordsOf } from "./page.js";

const box = [0, 0, 1, 1] as const;
const page = (...blocks: Block[]): DocumentPage => ({ page: 1, width: 9, height: 9, source: "text", blocks });
const paragraph = (text: string): Block => ({ kind: "paragraph", text, box });
const table: Block = {
  kind: "table",
  rows: [
    ["name", "a secret"],
    ["", "1"],
  ],
  box,
};

describe("a page behind guardrails", () => {
  const redact = async (text: string) => text.replaceAll("secret", "[X]").replace(/top\s+hat/g, "[Y]");

  it("is as it was where nothing was cut", async () => {
    const whole = page(paragraph("words"), { ...table, rows: [["a"]] });
    expect(await admittedPage(whole, redact)).toBe(whole);
  });

  it("has each text cut, in cells too, and keeps its blocks", async () => {
    const { blocks } = await admittedPage(page(paragraph("a secret"), table), redact);
    expect(blocks).toEqual([
      paragraph("a [X]"),
      {
        ...table,
        rows: [
          ["name", "a [X]"],
          ["", "1"],
        ],
      },
    ]);
  });

  it("becomes one paragraph where what was cut stands in two blocks", async () => {
    const { blocks } = await admittedPage(page(paragraph("a top"), paragraph("hat"), paragraph("secret")), redact);
    expect(blocks.map(wordsOf)).toEqual(["a [Y]\n[X]"]);
  });

  it("is refused where a text is", async () => {
    const refuse = async () => Promise.reject(new OcellusError("blocked", "no"));
    await expect(admittedPage(page(table), refuse)).rejects.toThrow(ocellusError("blocked", {}));
  });
});

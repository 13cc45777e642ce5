import fc from "fast-check";
import { expect, it } from "vitest";
import { markdownParts } from "./markdown-parts.js";

const line = fc.constantFrom(
  "words",
  "",
  "# head",
  "- item",
  "2. item",
  "  more",
  "```",
  "~~~~",
  "> said",
  "| a |",
  " ",
);
const text = fc.array(line, { maxLength: 40 }).map((lines) => lines.join("\n"));

it("cuts paragraphs apart, and keeps lists and fenced code whole", () => {
  expect(markdownParts("One.\n\nTwo.\n\n- a\n\n- b\n\n```\nx\n\ny\n```\n\nThree")).toEqual([
    "One.\n\n",
    "Two.\n\n- a\n\n- b\n\n",
    "```\nx\n\ny\n```\n\n",
    "Three",
  ]);
});

it("loses nothing, and never changes a part behind which there is another", () => {
  fc.assert(
    fc.property(text, fc.nat(), (whole, cut) => {
      const parts = markdownParts(whole);
      expect(parts.join("")).toBe(whole);
      const earlier = markdownParts(whole.slice(0, cut % (whole.length + 1)));
      expect(parts.slice(0, Math.max(0, earlier.length - 1))).toEqual(earlier.slice(0, -1));
    }),
  );
});

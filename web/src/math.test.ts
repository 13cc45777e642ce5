import fc from "fast-check";
import { expect, it } from "vitest";
import { displayMark, inlineMark, markMath } from "./math.js";

const inline = (tex: string) => `\`${inlineMark}${tex}\``;
const display = (tex: string) => `\`${displayMark}${tex}\``;

it("finds formulas in each form, and leaves prices, code and what has no end", () => {
  for (const [text, wanted] of [
    ["area $x^2$ and \\(y\\).", `area ${inline("x^2")} and ${inline("y")}.`],
    ["$$\na = b\n$$", display("a = b")],
    ["so \\[ \\frac{1}{2} \\] holds", `so ${display("\\frac{1}{2}")} holds`],
    ["it costs $5 and $6", "it costs $5 and $6"],
    ["from $10 to $20_000", "from $10 to $20_000"],
    ["`$x^2$` and ```\n$y^2$\n```", "`$x^2$` and ```\n$y^2$\n```"],
    ["\\( no end", "\\( no end"],
    ["$x^2\n$", "$x^2\n$"],
  ])
    expect(markMath(text!)).toBe(wanted);
});

it("changes no text without formulas, and is linear in what has many beginnings", () => {
  const plain = fc.array(fc.constantFrom("word ", "\n", "`code` ", "```", "5 ", "\\ ")).map((parts) => parts.join(""));
  fc.assert(
    fc.property(plain, (text) => {
      expect(markMath(text)).toBe(text);
    }),
  );
  // Quadratic, these would take minutes.
  for (const piece of ["\\[", "\\(", "$$ ", "$a\n", "`", "``x"]) markMath(piece.repeat(100_000));
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Constraint } from "../engine/index.js";
import type { Tokenizer } from "../tokenizer/index.js";
import { behindThoughts, ThinkingConstraint } from "./thinking.js";

const [open, close, gap, yes, other, end] = [0, 1, 2, 3, 4, 5];
const tokens = { open, close, gap };

/** One "yes", and then the end. */
function answerOf(): Constraint {
  let isDone = false;
  return {
    allow: (logits) => void logits.fill(Number.NEGATIVE_INFINITY).fill(0, yes, isDone ? yes : yes + 1),
    accept: (id) => {
      expect([id, isDone]).toEqual([yes, false]);
      isDone = true;
    },
    get mayEnd() {
      return isDone;
    },
  };
}

/** The ids that may come next, as the engine sees it: the end while `mayEnd` is true. */
function openIds(constraint: Constraint): number[] {
  const logits = new Float32Array(6);
  constraint.allow(logits);
  logits[end] = constraint.mayEnd ? 0 : Number.NEGATIVE_INFINITY;
  return [...logits.keys()].filter((id) => logits[id] === 0);
}

describe("an answer behind thoughts", () => {
  it("is bound by its own constraint, and its thoughts by their budget, whatever is drawn", () => {
    const draws = fc.array(fc.nat(5), { minLength: 1, maxLength: 20 });
    const budgets = fc.option(fc.nat(4), { nil: undefined });
    fc.assert(
      fc.property(draws, fc.boolean(), budgets, fc.boolean(), (drawn, isOpened, budget, isBound) => {
        const constraint = new ThinkingConstraint({ isOpened, budget }, tokens, isBound ? answerOf() : undefined);
        const written: number[] = [];
        for (const draw of drawn) {
          const choices = openIds(constraint);
          expect(choices.length).toBeGreaterThan(0);
          const next = choices[draw % choices.length]!;
          if (next === end) break;
          written.push(next);
          constraint.accept(next);
          if (isBound && constraint.mayEnd) break;
        }
        const begins = isOpened ? 0 : written[0] === open ? 1 : -1;
        if (begins < 0) return;
        const closed = written.indexOf(close, begins);
        const thoughts = closed < 0 ? written.slice(begins) : written.slice(begins, closed);
        if (budget !== undefined) expect(thoughts.length).toBeLessThanOrEqual(budget);
        if (closed >= 0 && isBound) expect([[], [gap], [yes], [gap, yes]]).toContainEqual(written.slice(closed + 1));
      }),
      { seed: 41, numRuns: 2000 },
    );
  });

  it("tells as allowed, and as forced, what is open one by one", () => {
    const drafts = fc.array(fc.nat(4), { maxLength: 8 });
    const budgets = fc.option(fc.nat(3), { nil: undefined });
    fc.assert(
      fc.property(drafts, drafts, fc.boolean(), budgets, (before, drafted, isOpened, budget) => {
        const constraint = new ThinkingConstraint({ isOpened, budget }, tokens, undefined);
        for (const id of before) if (openIds(constraint).includes(id)) constraint.accept(id);
        const { forced } = constraint.ahead(4);
        for (const id of drafted.slice(0, constraint.numAllowed(drafted))) {
          expect(openIds(constraint)).toContain(id);
          constraint.accept(id);
        }
        if (forced.length > 0) expect(forced).toEqual([close]);
      }),
      { seed: 44, numRuns: 1000 },
    );
    const closing = new ThinkingConstraint({ isOpened: true, budget: 0 }, tokens, answerOf());
    expect([closing.ahead(4).forced, closing.ahead(0).forced, openIds(closing)]).toEqual([[close], [], [close]]);
  });

  it("has its thoughts aside, with the token that ends them", () => {
    const constraint = new ThinkingConstraint({ isOpened: false }, tokens, answerOf());
    const aside = [open, other, close, gap, yes].map((id) => {
      const { isAside } = constraint;
      constraint.accept(id);
      return isAside;
    });
    expect(aside).toEqual([false, true, true, false, false]);
  });

  it.each([
    ["opened by the prompt", true, [open, close, gap, yes, other]],
    ["not opened", false, [open, yes]],
  ])("begins, %s", (_, isOpened, expected) => {
    expect(openIds(new ThinkingConstraint({ isOpened }, tokens, answerOf()))).toEqual(expected);
  });

  it("needs no constraint where nothing is bound, and a token that ends thoughts where something is", () => {
    const none = { tokenId: () => undefined } as unknown as Tokenizer;
    expect(behindThoughts(undefined, { isOpened: true }, none)).toBeUndefined();
    const unsupported = expect.objectContaining({ code: "unsupported", details: { token: "</think>" } });
    expect(() => behindThoughts(undefined, { isOpened: true, budget: 1 }, none)).toThrow(unsupported);
    expect(() => behindThoughts(answerOf, { isOpened: true }, none)).toThrow(unsupported);
  });
});

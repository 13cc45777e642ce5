/** What the docs state of personal data, on fewer texts: the table itself is `npm run bench -- personal`. */
import { describe, expect, it } from "vitest";
import { measured } from "../bench/support/personal-score.js";
import { openDetector } from "../src/guardrails/detectors/index.js";
import { ImageTexts } from "../src/guardrails/image-texts.js";
import { parsePolicy, personalDataFinder } from "../src/guardrails/index.js";

const { recall, falseHits } = measured(personalDataFinder().find, 200);

describe("personal data", () => {
  it.each(recall)("is found in 98 % of the forms of $kind and more", ({ recall, precision, asked }) => {
    expect(asked).toBeGreaterThanOrEqual(200);
    expect(recall).toBeGreaterThanOrEqual(98);
    expect(precision).toBeGreaterThanOrEqual(98);
  });

  it.each(falseHits)("is taken from 0.1 % of $name at most", ({ percent }) => expect(percent).toBeLessThanOrEqual(0.1));
});

describe("a personal-data guard", () => {
  const open = (config: object) => {
    const policy = parsePolicy(
      JSON.stringify({ guards: { own: { type: "personal-data", ...config } } }),
      "policy.json",
    );
    const context = { folder: ".", name: "own", model: () => undefined, imageTexts: new ImageTexts() };
    return openDetector(policy.guards.own!, context);
  };
  const signal = new AbortController().signal;
  const categories = async (config: object, text: string) => {
    const detector = await open(config);
    const found = await detector.look({ kind: "text", text }, signal);
    await detector.close?.();
    return found.map(({ category, score }) => [category, score]);
  };

  it("has a category for each kind", async () =>
    expect(await categories({}, "13812345678, a@b.cn")).toEqual([
      ["personal_data/phone", 0.8],
      ["personal_data/email", 0.95],
    ]));

  it("looks for the kinds that it is given", async () =>
    expect(await categories({ kinds: ["email"] }, "13812345678, a@b.cn")).toEqual([["personal_data/email", 0.95]]));

  it("reports what is as likely something else where it is asked to", async () =>
    expect(await categories({ weak: true }, "4111111111111111")).toEqual([["personal_data/bank_card", 0.4]]));

  it("finds its own patterns", async () =>
    expect(await categories({ patterns: { employee: "EMP-[0-9]{6}" } }, "of EMP-123456.")).toEqual([
      ["personal_data/employee", 0.95],
    ]));

  it("refuses a pattern that takes more than linear time, or is none", () => {
    for (const pattern of ["(a)\\1", "(?=a)", "("])
      expect(() => open({ patterns: { own: pattern } })).toThrow(expect.objectContaining({ code: "invalid_config" }));
  });

  it("reads a long text on a thread, and finds what it finds here", async () => {
    const long = `${"好，".repeat(20_000)}13812345678`;
    const detector = await open({});
    const [finding, ...more] = await detector.look({ kind: "text", text: long }, signal);
    expect([finding?.span, more]).toEqual([{ start: 40_000, end: 40_011 }, []]);
    await detector.close?.();
    await expect(detector.look({ kind: "text", text: long }, signal)).rejects.toMatchObject({ code: "closed" });
  });
});

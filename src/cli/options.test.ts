import { Command, InvalidArgumentError } from "commander";
import { describe, expect, it } from "vitest";
import { addAnswerOptions, chatOptions, commaList, integerBetween, loadOptions, numberBetween } from "./options.js";

const parse = (...argv: string[]) =>
  addAnswerOptions(new Command()).exitOverride().parse(argv, { from: "user" }).opts();
const signal = new AbortController().signal;

describe("option values", () => {
  it("takes whole numbers in bounds only", () => {
    const parseThreads = integerBetween(1, 8);
    expect(parseThreads("8")).toBe(8);
    for (const wrong of ["0", "9", "-1", "1.5", "", "two", "0x2", "1e0"]) {
      expect(() => parseThreads(wrong), wrong).toThrow(InvalidArgumentError);
    }
  });

  it("takes numbers in bounds only", () => {
    expect(numberBetween(0, 1)("0.25")).toBe(0.25);
    for (const wrong of ["1.01", "-0.1", "", " ", "NaN", "Infinity", "x"]) {
      expect(() => numberBetween(0, 1)(wrong), wrong).toThrow(InvalidArgumentError);
    }
  });

  it("splits comma lists and checks each part", () => {
    expect(commaList(["fp32", "int4"])("fp32, int4")).toEqual(["fp32", "int4"]);
    expect(() => commaList(["fp32", "int4"])("fp32,nf4")).toThrow(InvalidArgumentError);
    expect(() => commaList()("a,,b")).toThrow(InvalidArgumentError);
  });
});

describe("shared options", () => {
  it("leave everything to the runtime's defaults when nothing is given", () => {
    const flags = parse() as Parameters<typeof chatOptions>[0];
    expect(loadOptions(flags)).toEqual({});
    expect(chatOptions(flags, signal)).toEqual({ signal });
  });

  it("become load and chat options", () => {
    const argv =
      "--weights int8 --block-size 64 --threads 2 --max-tokens 9 --temperature 0.5 --top-p 0.9 --seed 7 --stop a --stop b";
    const flags = parse(...argv.split(" ")) as Parameters<typeof chatOptions>[0];
    expect(loadOptions(flags)).toEqual({ weights: "int8", blockSize: 64, threads: 2 });
    expect(chatOptions(flags, signal)).toEqual({
      ...{ signal, maxTokens: 9, stop: ["a", "b"] },
      sampling: { temperature: 0.5, top_p: 0.9, seed: 7 },
    });
  });
});

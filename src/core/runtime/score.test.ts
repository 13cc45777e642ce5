import { describe, expect, it } from "vitest";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import { indexPositions } from "../models/index.js";
import type { DecoderRunner } from "./runner.js";
import { lastRow } from "./score.js";

const inputs = { images: [], positions: indexPositions };

function runnerOf(value: number) {
  const steps: [kind: string, position: number, count: number][] = [];
  const released: number[] = [];
  const step: DecoderRunner["step"] = async ({ kind, rows: [row] }) => {
    steps.push([kind, row!.position, row!.tokens.length]);
    return kind === "decode" ? [Float32Array.of(value)] : [];
  };
  return { maxLength: 12, begin: () => 3, step, release: (slot: number) => void released.push(slot), steps, released };
}
const read = (value: number, numTokens = 10, check = () => {}) => {
  const runner = runnerOf(value);
  const promptIds = new Int32Array(numTokens);
  return { runner, row: lastRow(runner, { promptIds, inputs }, [1], { prefillChunk: 4, check }) };
};

describe("the last row of a prompt", () => {
  it("is read in pieces that end alike, and the last token by a decode step", async () => {
    const { runner, row } = read(5);
    expect(await row).toEqual(Float32Array.of(5));
    const pieces = [["prefill", 3, 1], ["prefill", 4, 4], ["prefill", 8, 2], ["decode", 10, 1]]; // biome-ignore format: a table
    expect(runner.steps).toEqual(pieces);
    expect(runner.released).toEqual([0]);
  });

  it("is refused past the context, as NaN, and where reading is to end between two pieces", async () => {
    await expect(read(5, 12).row).rejects.toThrow(ocellusError("too_large", { tokens: 13, most: 12 }));
    await expect(read(Number.NaN).row).rejects.toThrow(ocellusError("internal", { index: 0 }));
    let left = 2;
    const stopped = read(5, 10, () => {
      if (left-- === 0) throw new Error("ended");
    });
    await expect(stopped.row).rejects.toThrow("ended");
    expect(stopped.runner.steps).toHaveLength(2);
    expect(stopped.runner.released).toEqual([0]);
  });
});

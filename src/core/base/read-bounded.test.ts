import { describe, expect, it } from "vitest";
import { ocellusError } from "./ocellus-error.testkit.js";
import { readBounded, readBoundedText } from "./read-bounded.js";

/** Counts what was asked of it, and whether it was closed. */
function source(...pieces: readonly (Uint8Array | string)[]) {
  const seen = { numRead: 0, isClosed: false };
  async function* read() {
    try {
      for (const piece of pieces) {
        seen.numRead++;
        yield piece;
      }
    } finally {
      seen.isClosed = true;
    }
  }
  return { seen, pieces: read() };
}

const bound = { what: "the body", maxBytes: 4 };

describe("a bounded reader", () => {
  it("gives all bytes up to the bound, the bound included", async () => {
    const { pieces } = source(Uint8Array.of(1), new Uint8Array(), Uint8Array.of(2, 3, 4));
    expect(await readBounded(pieces, bound)).toEqual(Uint8Array.of(1, 2, 3, 4));
    expect(await readBounded(null, bound)).toEqual(new Uint8Array());
  });

  it("reads text whose characters lie across pieces, and pieces that are text", async () => {
    const bytes = new TextEncoder().encode("€");
    expect(await readBoundedText(source(bytes.subarray(0, 1), bytes.subarray(1)).pieces, bound)).toBe("€");
    expect(await readBoundedText(source("é", "a").pieces, bound)).toBe("éa");
  });

  it("stops at the first piece that is too much, and closes what it read from", async () => {
    const { seen, pieces } = source("abc", "de", "f");
    const counted: number[] = [];
    const options = { ...bound, details: { repo: "r" }, onBytes: (numBytes: number) => counted.push(numBytes) };
    await expect(readBounded(pieces, options)).rejects.toThrow(
      ocellusError("too_large", { repo: "r", numBytes: 5, maxBytes: 4 }),
    );
    expect([seen, counted]).toEqual([{ numRead: 2, isClosed: true }, [3]]);
  });

  it("reads nothing of what is stated to be too long", async () => {
    const { seen, pieces } = source("a");
    await expect(readBounded(pieces, { ...bound, statedBytes: "5" })).rejects.toThrow(ocellusError("too_large"));
    expect(seen.numRead).toBe(0);
  });

  it("closes what it read from where the caller's budget is spent", async () => {
    const { seen, pieces } = source("a", "b");
    const noBudget = new Error("no budget");
    const onBytes = () => {
      throw noBudget;
    };
    await expect(readBounded(pieces, { ...bound, onBytes })).rejects.toBe(noBudget);
    expect(seen).toEqual({ numRead: 1, isClosed: true });
  });
});

/** Codes on disk: what a run takes up again is what it would have made. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { BlockFormat } from "../tensor/index.js";
import { RoundedStore } from "./rounded-store.js";

const root = mkdtempSync(join(tmpdir(), "ocellus-rounded-store-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const plain: BlockFormat = { kind: "int4", blockSize: 32 };
const parts = [{ codes: new Uint8Array([1, 2]), scales: new Float32Array([0.5]) }];
const matrices = ["a", "b"].map((tensor) => ({ tensor, parts }));

async function written(name: string): Promise<string> {
  const folder = join(root, name);
  const store = new RoundedStore(folder, new Map(matrices.map(({ tensor }) => [tensor, plain])));
  await store.write(0, matrices);
  await store.close();
  return folder;
}

describe("a piece of rounded matrices", () => {
  it("is there for the matrices that it was written with", async () => {
    const store = new RoundedStore(await written("same"), new Map(["b", "a"].map((tensor) => [tensor, plain])));
    expect(await store.open(0, ["b", "a"])).toBe(true);
    expect((await store.read("b")).values).toEqual(parts[0]!.codes);
    await store.close();
  });

  it.each([
    ["fewer", ["a"], plain],
    ["more", ["a", "b", "c"], plain],
    ["other", ["a", "c"], plain],
    ["zero points", ["a", "b"], { ...plain, zeroPoints: true }],
  ] as const)("is not there where a run would write another: %s", async (name, tensors, format) => {
    const store = new RoundedStore(await written(name), new Map(tensors.map((tensor) => [tensor, format])));
    expect(await store.open(0, tensors)).toBe(false);
    const again = tensors.map((tensor) => ({
      tensor,
      parts: [{ ...parts[0]!, ...("zeroPoints" in format && { zeroPoints: new Uint8Array([8]) }) }],
    }));
    await store.write(0, again);
    expect(store.names).toEqual(tensors);
    await store.close();
  });
});

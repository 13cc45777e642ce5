import { gzipSync } from "node:zlib";
import { afterEach, expect, it, vi } from "vitest";
import { readCompressedWasm } from "./compressed-wasm.js";

const url = "https://example.com/ort/x.wasm.gz";
const wasm = Uint8Array.from({ length: 7000 }, (_, i) => (i < 4 ? [0, 0x61, 0x73, 0x6d][i]! : (i * i) % 251));

const answering = (body: Uint8Array<ArrayBuffer> | string, status = 200) =>
  vi.stubGlobal("fetch", async () => new Response(body, { status }));
const failing = { code: "unavailable", details: { url } };

afterEach(() => vi.unstubAllGlobals());

it("unpacks what a host stores compressed, and takes what it has unpacked on the way", async () => {
  for (const body of [new Uint8Array(gzipSync(wasm)), wasm]) {
    answering(body);
    expect(Buffer.compare(wasm, new Uint8Array(await readCompressedWasm(url)))).toBe(0);
  }
});

it("refuses a missing file, one that is cut short, and a host that is not there", async () => {
  answering("", 404);
  await expect(readCompressedWasm(url)).rejects.toMatchObject(failing);
  const stored = new Uint8Array(gzipSync(wasm));
  answering(stored.subarray(0, stored.length / 2));
  await expect(readCompressedWasm(url)).rejects.toMatchObject(failing);
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("fetch failed")));
  await expect(readCompressedWasm(url)).rejects.toMatchObject(failing);
});

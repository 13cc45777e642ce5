/** Models for browsers: what is offered can be fetched, by ranges and with a key where there are keys, and nothing beside it. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../core/base/temporary-folder.testkit.js";
import type { LanguageModel } from "../core/runtime/index.js";
import { BrowserModels } from "./browser-models.js";
import { ModelPool } from "./model-pool.js";
import { createServer } from "./server.js";

const info = { digest: "0", path: ".", modelType: "t", weights: "int4", device: "cpu", maxLength: 9, maxSequences: 2 };
const model = { info, stats: { waiting: 0, running: 0 }, close: async () => {} } as unknown as LanguageModel;

function serverOf(isOffered: boolean) {
  const root = temporaryFolder();
  const write = (path: string, text: string | Uint8Array) => {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  write("model/packed.json", "{}");
  write("model/weights.safetensors", "0123456789");
  write("secret.txt", "secret");
  write("model/notes.txt", "not listed");
  write("runtime/ort-wasm-simd-threaded.wasm", "wasm");
  write("runtime/ort.wasm.min.mjs", "script");
  write("runtime/ort.all.js", "other");
  write("web/index.html", "page");
  write("web/assets/worker-1.js.gz", gzipSync("script"));
  const browserModels = new BrowserModels(join(root, "runtime"));
  browserModels.add("owner/m", {
    folder: join(root, "model"),
    files: ["packed.json", "weights.safetensors"],
    bytes: 12,
  });
  const models = new ModelPool({ "owner/m": model, other: model });
  return createServer({ models, webFolder: join(root, "web"), ...(isOffered && { browserModels }) });
}

const files = "/v1/ocellus/models/owner/m/browser";

describe("a model that is offered to browsers", () => {
  const server = serverOf(true);
  const textOf = async (path: string, init?: RequestInit) => {
    const response = await server.fetch(path, init);
    return [response.status, await response.text()];
  };

  it("says what a page fetches of it, and others do not", async () => {
    const list = (await (await server.fetch("/v1/models")).json()) as {
      data: { ocellus: { browser_bytes?: number } }[];
    };
    expect(list.data.map(({ ocellus }) => ocellus.browser_bytes)).toEqual([12, undefined]);
  });

  it("gives its files, whole and by range", async () => {
    expect(await textOf(`${files}/packed.json`)).toEqual([200, "{}"]);
    const part = await server.fetch(`${files}/weights.safetensors`, { headers: { range: "bytes=2-4" } });
    expect([part.status, await part.text(), part.headers.get("content-range")]).toEqual([206, "234", "bytes 2-4/10"]);
  });

  it.each(["notes.txt", "secret.txt", "..%2Fsecret.txt", "../secret.txt", "%2e%2e/secret.txt", "x/../../secret.txt"])(
    "gives nothing beside them: %s",
    async (name) => expect((await server.fetch(`${files}/${name}`)).status).toBe(404),
  );

  it("lets the page run it: WebAssembly, and no memory shared with other sites", async () => {
    const { headers } = await server.fetch("/");
    expect(headers.get("content-security-policy")).toContain("script-src 'self' 'wasm-unsafe-eval'");
    expect(headers.get("cross-origin-embedder-policy")).toBe("require-corp");
    expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
  });

  it("comes with the runtime's own files, and no others", async () => {
    expect(await textOf("/assets/onnxruntime/1.30.0/ort-wasm-simd-threaded.wasm")).toEqual([200, "wasm"]);
    expect(await textOf("/assets/onnxruntime/1.30.0/ort.wasm.min.mjs")).toEqual([200, "script"]);
    for (const name of ["1.30.0/ort.all.js", "1.30.0/../../secret.txt", "ort-wasm-simd-threaded.wasm"])
      expect((await server.fetch(`/assets/onnxruntime/${name}`)).status, name).toBe(404);
  });
});

describe("a script of the page that is stored compressed", () => {
  it.each([
    ["gzip, br", "gzip"],
    ["identity", null],
  ])("is sent to a client that takes %s", async (accepted, encoding) => {
    const response = await serverOf(true).fetch("/assets/worker-1.js", { headers: { "accept-encoding": accepted } });
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect(response.headers.get("content-encoding")).toBe(encoding);
    expect((encoding ? gunzipSync(bytes) : Buffer.from(bytes)).toString()).toBe("script");
    expect(response.headers.get("content-type")).toContain("text/javascript");
    expect(response.headers.get("content-security-policy")).toContain("wasm-unsafe-eval");
  });
});

describe("a server that offers none", () => {
  const server = serverOf(false);

  it.each([`${files}/packed.json`, "/assets/onnxruntime/1.30.0/ort-wasm-simd-threaded.wasm"])(
    "has nothing at %s",
    async (path) => expect((await server.fetch(path)).status).toBe(404),
  );

  it("allows its page no WebAssembly", async () => {
    const { headers } = await server.fetch("/");
    expect(headers.get("content-security-policy")).toMatch(/^default-src 'self'(?!.*wasm)/);
    expect(headers.get("cross-origin-embedder-policy")).toBeNull();
  });
});

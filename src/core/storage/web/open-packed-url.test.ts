/** Models over HTTP: however a download is broken off, what is opened is what packed.json describes, and nothing is fetched twice. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ocellusError } from "../../base/ocellus-error.testkit.js";
import { memoryStore } from "./entry-store.js";
import { type DownloadProgress, openPackedUrl } from "./open-packed-url.js";
import { memorySource } from "./packed-source.js";
import { type Fault, lockManager, modelUrl, partSize, Site, tabOf } from "./site.testkit.js";

const filled = (length: number, seed: number) =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 7 + (i >> 8)) % 251);
const small = { "config.json": filled(200, 1), "weights.safetensors": filled(5 * partSize + 100, 2) };
const partsOf = (site: Site) => site.requests.filter((request) => request !== "packed.json");

async function contentsOf(site: Site, browser = tabOf(site)) {
  const source = await openPackedUrl(modelUrl, {}, browser);
  const names = source.files.map(({ name }) => name);
  const contents = await Promise.all(names.map((name) => source.bytes(name)));
  source.close();
  return Object.fromEntries(names.map((name, i) => [name, contents[i]]));
}

/** Answers that arrive in part, or not at all. */
const brokenOff: Readonly<Record<string, (answer: Response) => Response | Promise<Response>>> = {
  refused: () => Promise.reject(new TypeError("Failed to fetch")),
  unavailable: () => new Response(null, { status: 503 }),
  cut: async (answer) => {
    const bytes = await answer.arrayBuffer();
    return new Response(bytes.slice(0, bytes.byteLength >> 1), answer);
  },
  torn: async (answer) => {
    const bytes = new Uint8Array(await answer.arrayBuffer());
    const pieces = [bytes.slice(0, 1), new Error("connection reset")];
    const pull = (controller: ReadableStreamDefaultController) => {
      const piece = pieces.shift();
      if (piece instanceof Error) controller.error(piece);
      else controller.enqueue(piece);
    };
    return new Response(new ReadableStream({ pull }), answer);
  },
};

describe("a model over HTTP", () => {
  it("is whole however often its download is broken off, and no part that is stored is asked for again", async () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 6 * partSize }), { minLength: 1, maxLength: 4 });
    const faults = fc.infiniteStream(fc.constantFrom("none", "none", ...Object.keys(brokenOff), "close"));
    await fc.assert(
      fc.asyncProperty(sizes, faults, fc.boolean(), async (lengths, scripted, hasRanges) => {
        const files = Object.fromEntries(lengths.map((length, i) => [`file ${i}`, filled(length, i)]));
        const site = new Site(files);
        site.hasRanges = hasRanges;
        const store = memoryStore();
        let closing = new AbortController();
        site.fault = (url, _, answer) => {
          const fault = site.requests.length > 60 || url.endsWith("packed.json") ? "none" : scripted.next().value!;
          if (fault === "close") closing.abort();
          return brokenOff[fault]?.(answer);
        };
        const before = () => store.names().then((names) => new Set(names));
        for (let opened = false; !opened; ) {
          closing = new AbortController();
          const [there, from] = [await before(), site.requests.length];
          await openPackedUrl(modelUrl, { signal: closing.signal }, tabOf(site, { store })).then(
            () => (opened = true),
            (error) => expect(["aborted", "io"]).toContain(error.code),
          );
          if (hasRanges)
            for (const request of site.requests.slice(from).filter((each) => each.includes("bytes="))) {
              const [, name, start] = /^(.*) bytes=(\d+)/.exec(request)!;
              const index = Number(start) / partSize;
              const list = JSON.parse(site.manifest).files.list as { name: string; parts: string[] }[];
              expect(there).not.toContain(`part-${list.find((file) => file.name === name)!.parts[index]}`);
            }
        }
        expect(await contentsOf(site, tabOf(site, { store }))).toEqual(files);
      }),
      { numRuns: 40 },
    );
  });

  it("comes from a server without ranges in one answer a file", async () => {
    const site = new Site(small);
    site.hasRanges = false;
    expect(await contentsOf(site)).toEqual(small);
    expect(
      partsOf(site)
        .map((request) => request.split(" ")[0])
        .sort(),
    ).toEqual(Object.keys(small));
  });

  it("gives texts, ranges across parts, and says what it lacks", async () => {
    const source = await openPackedUrl(modelUrl, {}, tabOf(new Site(small)));
    const inMemory = await memorySource({
      ...small,
      "packed.json": new TextEncoder().encode(new Site(small).manifest),
    });
    for (const each of [source, inMemory]) {
      expect(await each.text("config.json")).toBe(new TextDecoder().decode(small["config.json"]));
      expect(await each.text("packed.json")).toBe(new Site(small).manifest);
      expect(await each.text("merges.txt")).toBeUndefined();
      const [start, end] = [partSize - 3, 3 * partSize + 5];
      expect(await each.range("weights.safetensors", start, end)).toEqual(
        small["weights.safetensors"].slice(start, end),
      );
      await expect(each.bytes("merges.txt")).rejects.toThrow(ocellusError("not_found", { file: "merges.txt" }));
    }
    expect(inMemory.digest).toBe(source.digest);
  });

  it("counts what arrives, up to its whole size, and takes back what is fetched again", async () => {
    const site = new Site(small);
    let cuts = 2;
    site.fault = (_, range, answer) => (range !== undefined && cuts-- > 0 ? brokenOff.cut!(answer) : undefined);
    const seen: DownloadProgress[] = [];
    await openPackedUrl(modelUrl, { onProgress: (progress) => seen.push(progress) }, tabOf(site));
    const totalBytes = small["config.json"].length + small["weights.safetensors"].length;
    expect(seen[0]).toEqual({ doneBytes: 0, totalBytes, isWaiting: false });
    expect(seen.at(-1)).toEqual({ doneBytes: totalBytes, totalBytes, isWaiting: false });
    expect(Math.max(...seen.map(({ doneBytes }) => doneBytes))).toBe(totalBytes);
  });
});

describe("what a server sends otherwise than packed.json describes", () => {
  const other = (change: (answer: Response) => Response | Promise<Response>): Fault => {
    return (_, range, answer) => (range === undefined ? undefined : change(answer));
  };
  const withHeader = (name: string, value: () => string) =>
    other((answer) => {
      const headers = new Headers(answer.headers);
      headers.set(name, value());
      return new Response(answer.body, { status: answer.status, headers });
    });
  let count = 0;
  it.each<[string, Fault, object]>([
    ["another range", withHeader("content-range", () => "bytes 0-1023/9"), { expected: "bytes 0-1023/5220" }],
    ["another version", withHeader("etag", () => `"${count++}"`), { file: "weights.safetensors", expected: '"0"' }],
    ["other bytes", other((answer) => new Response(new Uint8Array(partSize), answer)), { start: 0 }],
    [
      "more bytes",
      other((answer) => new Response(new Uint8Array(partSize + 1), answer)),
      { file: "weights.safetensors" },
    ],
    ["an unsatisfiable range", other(() => new Response(null, { status: 416 })), { status: 416 }],
  ])("is refused: %s", async (_, fault, details) => {
    const site = new Site(small);
    site.fault = fault;
    const refused = { code: "invalid_file", details: expect.objectContaining(details) };
    await expect(openPackedUrl(modelUrl, {}, tabOf(site))).rejects.toMatchObject(refused);
  });

  it.each<[string, string, string]>([
    ["no JSON", "<html>", "invalid_file"],
    ["a model for Node", "{}", "unsupported"],
    [
      "a file outside",
      JSON.stringify({ files: { version: 1, part_bytes: 1024, list: [{ name: "../x", bytes: 0, parts: [] }] } }),
      "invalid_file",
    ],
    [
      "too few parts",
      JSON.stringify({ files: { version: 1, part_bytes: 1024, list: [{ name: "x", bytes: 1, parts: [] }] } }),
      "invalid_file",
    ],
    ["a later version", JSON.stringify({ files: { version: 2 } }), "invalid_file"],
  ])("is refused in packed.json: %s", async (_, manifest, code) => {
    const site = new Site(small);
    site.manifest = manifest;
    await expect(openPackedUrl(modelUrl, {}, tabOf(site))).rejects.toMatchObject({ code });
  });

  it.each([
    [404, "not_found"],
    [403, "unauthorized"],
    [418, "invalid_file"],
    [500, "io"],
  ])("is refused by status %i", async (status, code) => {
    const site = new Site(small);
    site.fault = (_, range) => (range === undefined ? undefined : new Response(null, { status }));
    await expect(openPackedUrl(modelUrl, {}, tabOf(site))).rejects.toMatchObject({ code, details: { status } });
  });

  it.each(["ftp://host/x", "model?version=2", ""])("is not asked for at %j", async (url) => {
    const refused = { code: "invalid_request", details: { param: "url" } };
    await expect(openPackedUrl(url, {}, tabOf(new Site(small)))).rejects.toMatchObject(refused);
  });
});

describe("what the browser has stored", () => {
  it("is opened without a network, and without a request where the digest is given", async () => {
    const site = new Site(small);
    const store = memoryStore();
    const source = await openPackedUrl(modelUrl, {}, tabOf(site, { store }));
    site.isReachable = false;
    expect(await contentsOf(site, tabOf(site, { store }))).toEqual(small);
    const before = site.requests.length;
    await openPackedUrl(modelUrl, { sha256: source.digest }, tabOf(site, { store }));
    expect(site.requests.length).toBe(before);
    const pinned = openPackedUrl(modelUrl, { sha256: "0".repeat(64) }, tabOf(site, { store }));
    await expect(pinned).rejects.toMatchObject({ code: "io" });
  });

  it("is not opened where its list breaks off or is called off, and needs no stream that can be iterated", async () => {
    const site = new Site(small);
    const store = memoryStore();
    const closing = new AbortController();
    site.fault = (_, __, answer) => brokenOff.torn!(answer);
    const open = () => openPackedUrl(modelUrl, { signal: closing.signal }, tabOf(site, { store }));
    await expect(open()).rejects.toThrow(ocellusError("io"));
    site.fault = (_, __, answer) => {
      Object.defineProperty(answer.body, Symbol.asyncIterator, { value: undefined }); // as in Safari
      return undefined;
    };
    (await open()).close();
    site.fault = (_, __, answer) => brokenOff.torn!(answer);
    (await open()).close(); // what is stored
    site.fault = () => {
      closing.abort();
      return Promise.reject(new DOMException("aborted", "AbortError"));
    };
    await expect(open()).rejects.toThrow(ocellusError("aborted"));
  });

  it("is not opened when the server says that the model is gone, or has another than was asked for", async () => {
    const site = new Site(small);
    const store = memoryStore();
    await openPackedUrl(modelUrl, {}, tabOf(site, { store }));
    const pinned = openPackedUrl(modelUrl, { sha256: "0".repeat(64) }, tabOf(site, { store }));
    await expect(pinned).rejects.toMatchObject({ code: "invalid_file", details: { expected: "0".repeat(64) } });
    site.fault = () => new Response(null, { status: 404 });
    await expect(openPackedUrl(modelUrl, {}, tabOf(site, { store }))).rejects.toMatchObject({ code: "not_found" });
  });

  it("is asked for by one of two tabs", async () => {
    const site = new Site(small);
    const shared = { store: memoryStore(), locks: lockManager() };
    const waited: boolean[] = [];
    const onProgress = ({ isWaiting }: DownloadProgress) => waited.push(isWaiting);
    await Promise.all([1, 2].map(() => openPackedUrl(modelUrl, { onProgress }, tabOf(site, shared))));
    expect(waited).toContain(true);
    expect(new Set(partsOf(site)).size).toBe(partsOf(site).length);
  });

  it("is replaced part by part, and what is replaced goes when no tab has a model open", async () => {
    const site = new Site(small);
    const shared = { store: memoryStore(), locks: lockManager() };
    const open = () => openPackedUrl(modelUrl, {}, tabOf(site, shared));
    const first = await open();
    const changed = small["weights.safetensors"].slice();
    changed[3 * partSize] = 255;
    site.replace({ ...small, "weights.safetensors": changed });
    site.requests.length = 0;
    const second = await open();
    expect(partsOf(site)).toEqual([`weights.safetensors bytes=${3 * partSize}-${4 * partSize - 1}`]);
    expect(await first.bytes("weights.safetensors")).toEqual(small["weights.safetensors"]);
    expect(await second.bytes("weights.safetensors")).toEqual(changed);
    const numBoth = (await shared.store.names()).length;
    first.close();
    second.close();
    (await open()).close();
    expect((await shared.store.names()).length).toBe(numBoth - 2); // the part and the record
  });

  it("is fetched again where it is damaged or cleared", async () => {
    const site = new Site(small);
    const store = memoryStore();
    await openPackedUrl(modelUrl, {}, tabOf(site, { store }));
    const [name] = (await store.names()).filter((each) => each.startsWith("part-"));
    const length = (await store.sizeOf(name!))!;
    await store.write(name!, new Uint8Array(length));
    await expect(contentsOf(site, tabOf(site, { store }))).rejects.toMatchObject({ code: "invalid_file" });
    expect(await contentsOf(site, tabOf(site, { store }))).toEqual(small);
    await store.write(name!, new Uint8Array(1));
    expect(await contentsOf(site, tabOf(site, { store }))).toEqual(small);
    const source = await openPackedUrl(modelUrl, {}, tabOf(site, { store }));
    for (const each of await store.names()) await store.remove(each);
    await expect(source.bytes("config.json")).rejects.toMatchObject({ code: "not_found" });
  });

  it("is refused before the download where the site has no room for it", async () => {
    const site = new Site(small);
    const browser = { ...tabOf(site, { roomBytes: 1000 }), store: { ...memoryStore(), kind: "opfs" as const } };
    const refused = openPackedUrl(modelUrl, {}, browser);
    await expect(refused).rejects.toMatchObject({ code: "too_large", details: { foundBytes: 1000 } });
    expect(partsOf(site)).toEqual([]);
  });
});

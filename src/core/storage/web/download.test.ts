/** What is asked of a server and how its answers are counted, whatever it lets of ranges and however its answers break off. */
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ocellusError } from "../../base/ocellus-error.testkit.js";
import { memoryStore } from "./entry-store.js";
import { type DownloadProgress, openPackedUrl } from "./open-packed-url.js";
import { type Fault, modelUrl, partSize, Site, tabOf } from "./site.testkit.js";

/** A file of parts, of which equal letters have equal ones. */
function fileOf(letters: string, lastBytes = partSize): Uint8Array<ArrayBuffer> {
  const parts = [...letters].map((letter) => new Uint8Array(partSize).fill(letter.charCodeAt(0)));
  const bytes = new Uint8Array(Buffer.concat(parts));
  return bytes.slice(0, bytes.length - partSize + lastBytes);
}

const cutAfter = (numBytes: number) => async (answer: Response) =>
  new Response((await answer.arrayBuffer()).slice(0, numBytes), answer);

async function progressOf(site: Site, store = memoryStore()): Promise<DownloadProgress[]> {
  const seen: DownloadProgress[] = [];
  (await openPackedUrl(modelUrl, { onProgress: (each) => seen.push(each) }, tabOf(site, { store }))).close();
  return seen;
}

afterEach(() => vi.useRealTimers());

describe("a download", () => {
  it("counts each distinct part once, never beyond the whole, and asks for none twice that arrived", async () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b", "c", "d"), minLength: 1, maxLength: 6 });
    const files = fc.array(fc.tuple(letters, fc.integer({ min: 1, max: partSize })), { minLength: 1, maxLength: 4 });
    const cuts = fc.array(fc.option(fc.integer({ min: 0, max: 4 * partSize })), { maxLength: 12 });
    const ranges = fc.constantFrom("all", "none", "changing");
    await fc.assert(
      fc.asyncProperty(files, cuts, ranges, async (shapes, scripted, kind) => {
        const site = new Site(Object.fromEntries(shapes.map(([text, last], i) => [`file ${i}`, fileOf(text, last)])));
        const left = [...scripted];
        site.fault = (url, _, answer) => {
          site.hasRanges = kind === "all" || (kind === "changing" && site.requests.length % 3 > 0);
          const cut = url.endsWith("packed.json") ? undefined : left.shift();
          return typeof cut === "number" ? cutAfter(cut)(answer) : undefined;
        };
        site.hasRanges = kind !== "none";
        const seen = await progressOf(site).catch((error) => {
          expect(error.code).toBe("io");
          return undefined;
        });
        if (!seen) return; // one part broke off too often
        const { totalBytes } = seen[0]!;
        for (const { doneBytes } of seen) expect(doneBytes >= 0 && doneBytes <= totalBytes).toBe(true);
        expect(seen.at(-1)!.doneBytes).toBe(totalBytes);
        if (kind !== "all" || scripted.some((cut) => cut !== null)) return;
        const digests = (JSON.parse(site.manifest).files.list as { parts: string[] }[]).flatMap(({ parts }) => parts);
        expect(site.requests.length).toBe(1 + new Set(digests).size);
      }),
      { numRuns: 60 },
    );
  });

  it("of a server without ranges asks once more where one answer broke off", async () => {
    const site = new Site({ "weights.safetensors": fileOf("abcdefgh") });
    site.hasRanges = false;
    let numCut = 0;
    site.fault = (_, range, answer) => (range && numCut++ === 0 ? cutAfter(1.5 * partSize)(answer) : undefined);
    await progressOf(site);
    expect(site.requests.filter((request) => request.startsWith("weights"))).toHaveLength(2);
  });
});

describe("packed.json", () => {
  const firstTimes = (count: number, answer: () => Response | Promise<Response>): Fault => {
    let left = count;
    return (url) => (url.endsWith("packed.json") && left-- > 0 ? answer() : undefined);
  };

  it.each<[string, () => Response | Promise<Response>]>([
    ["an answer of 503", () => new Response(null, { status: 503 })],
    ["no answer", () => Promise.reject(new TypeError("Failed to fetch"))],
  ])("is asked for again after %s, where nothing is stored", async (_, answer) => {
    const site = new Site({ "config.json": fileOf("a") });
    site.fault = firstTimes(4, answer);
    await progressOf(site);
    site.fault = firstTimes(5, answer);
    await expect(progressOf(site)).rejects.toThrow(ocellusError("io"));
  });

  it("is given up where the server stays silent; what is stored is opened then", async () => {
    vi.useFakeTimers();
    const site = new Site({ "config.json": fileOf("a") });
    const silent: Fault = (url) => (url.endsWith("packed.json") ? new Promise(() => {}) : undefined);
    site.fault = silent;
    const refused = expect(progressOf(site)).rejects.toThrow(ocellusError("timeout", { file: "packed.json" }));
    await vi.advanceTimersByTimeAsync(5 * 60_000);
    await refused;
    site.fault = () => undefined;
    const store = memoryStore();
    await progressOf(site, store);
    site.fault = silent;
    const opened = progressOf(site, store);
    await vi.advanceTimersByTimeAsync(10_000);
    await opened;
  });
});

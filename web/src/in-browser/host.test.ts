/** Opening a model in this browser: how far it is, given up and continued, failed, removed; with a runtime that is played. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import { OcellusError } from "../../../src/core/runtime/web/index.js";
import type { BrowserModel, BrowserModelOptions } from "../browser-model.js";

interface Opening {
  readonly url: string;
  readonly options: BrowserModelOptions;
  readonly open: (model: Partial<BrowserModel>) => void;
  readonly fail: (error: unknown) => void;
}

const openings: Opening[] = [];
const removed: string[] = [];
let numInUse = 0;
vi.mock("../browser-model.js", async () => ({
  OcellusError: (await import("../../../src/core/runtime/web/index.js")).OcellusError,
  openBrowserModel: (url: string, options: BrowserModelOptions) =>
    new Promise((open, fail) => {
      options.signal?.addEventListener("abort", () => fail(new OcellusError("aborted", "given up")));
      openings.push({ url, options, open: open as Opening["open"], fail });
    }),
  removeStoredModel: async (url: string) => {
    removed.push(url);
    return numInUse-- <= 0;
  },
  storedModels: async () => [],
}));
vi.stubGlobal("document", { baseURI: "https://a.example/here/" });
vi.stubGlobal("localStorage", { getItem: () => JSON.stringify({ key: "sk-1" }) });

const { host, removeStored } = await import("./host.js");
const id = "in-browser:owner/m";

describe("a model in this browser", () => {
  beforeEach(async () => {
    await host.closeAll();
    openings.length = 0;
  });

  it("is fetched from its server with the reader's key, once for all who ask", async () => {
    const both = Promise.all([host.open(id), host.open(id)]);
    expect(openings.map(({ url, options }) => [url, options.headers])).toEqual([
      ["https://a.example/here/v1/ocellus/models/owner/m/browser/", { authorization: "Bearer sk-1" }],
    ]);
    const progress = { doneBytes: 1, totalBytes: 4, isWaiting: false };
    openings[0]!.options.onProgress(progress);
    expect(host.state(id)).toEqual({ is: "opening", progress });
    openings[0]!.open({ close: async () => {} });
    expect(new Set(await both).size).toBe(1);
    expect(host.state(id)).toMatchObject({ is: "ready" });
  });

  it("is given up and asked for again", async () => {
    const waiting = host.open(id);
    host.cancel(id);
    await expect(waiting).rejects.toMatchObject({ code: "aborted" });
    expect(host.state(id)).toEqual({ is: "closed" });
    void host.open(id);
    expect(openings.length).toBe(2);
    openings[1]!.open({ close: async () => {} });
    await vi.waitFor(() => expect(host.state(id).is).toBe("ready"));
  });

  it.each([
    ["no_room_here", new OcellusError("too_large", "m", { details: { neededBytes: 9, foundBytes: 1 } })],
    ["no_room_here", new OcellusError("too_large", "m", { details: { entry: "part", numBytes: 1 } })],
    ["context_length_exceeded", new OcellusError("too_large", "m", { details: { promptTokens: 9 } })],
    ["unauthorized", new OcellusError("unauthorized", "m")],
    ["failed_here", new OcellusError("unavailable", "m")],
    ["failed_here", new Error("m")],
  ])("says why it did not open: %s", async (code, error) => {
    const waiting = host.open(id);
    openings[0]!.fail(error);
    await expect(waiting).rejects.toBe(error);
    expect(host.state(id)).toMatchObject({ is: "failed", problem: { code, message: "m", status: 0 } });
  });

  it("is closed before what is stored is removed, which waits for its worker to let go", async () => {
    const close = vi.fn(async () => {});
    const opening = host.open(id);
    openings[0]!.open({ close });
    await opening;
    numInUse = 1;
    const stored = { url: openings[0]!.url, name: "owner/m", sizeBytes: 1, isWhole: true };
    expect(await removeStored(stored)).toBe(true);
    expect(close).toHaveBeenCalledOnce();
    expect(removed).toEqual([stored.url, stored.url]);
  });
});

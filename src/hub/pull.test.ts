import { randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ErrorCode, OcellusError } from "../core/base/index.js";
import { ocellusError } from "../core/base/ocellus-error.testkit.js";
import { type PullOptions, pull } from "./pull.js";
import { commit, type Fault, type Substitute, startStandIn } from "./stand-in.testkit.js";
import { listPartial, listPulled, placesOf, removeFolders, resolveModel } from "./store.js";

const repo = "shop/tiny-eye";
const contents = () => ({
  "README.md": Buffer.from("# page"),
  "config.json": Buffer.from('{"model_type":"qwen3_vl"}'),
  "merges.txt": Buffer.from("a b\n"),
  "model-00001-of-00002.safetensors": randomBytes(120_000),
  "model-00002-of-00002.safetensors": randomBytes(5000),
  "model.safetensors.index.json": Buffer.from("{}"),
  "onnx/model.onnx": randomBytes(2000),
  "pytorch_model.bin": randomBytes(2000),
  "pytorch_model.bin.index.json": Buffer.from("{}"),
  "tokenizer.json": Buffer.from('{"model":{}}'),
});
const chosen = [
  ...["config.json", "merges.txt", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"],
  ...["model.safetensors.index.json", "tokenizer.json"],
];
const big = "model-00001-of-00002.safetensors";

let cache: string;
let standIn: Substitute;

beforeEach(async () => {
  cache = mkdtempSync(join(tmpdir(), "ocellus-hub-"));
  vi.stubEnv("OCELLUS_CACHE", cache);
  vi.stubEnv("HF_HUB_OFFLINE", "");
  standIn = await startStandIn(repo, contents());
  standIn.keptBytes = partBytes;
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await standIn.close();
  rmSync(cache, { recursive: true, force: true });
});

const token = "hf_secretsecret";
const pullHere = (options: PullOptions = {}) =>
  pull(repo, { hub: { endpoint: standIn.endpoint, retryDelayMs: 1 }, ...options });

async function failure(options: PullOptions = {}, name = repo): Promise<OcellusError> {
  const result = pull(name, { hub: { endpoint: standIn.endpoint, retryDelayMs: 1 }, ...options });
  const error = await result.then(
    () => undefined,
    (thrown: OcellusError) => thrown,
  );
  expect(error, "expected a failure").toBeDefined();
  return error!;
}

/** Every chosen file is in its place with its own bytes, and nothing is left elsewhere. */
function expectWhole(folder: string, names: readonly string[] = chosen): void {
  expect(readdirSync(folder).sort()).toEqual([...names, "ocellus.json"].sort());
  for (const name of names) expect(readFileSync(join(folder, name)).equals(standIn.files.get(name)!), name).toBe(true);
  expect(existsSync(placesOf(repo, commit).staging)).toBe(false);
}

const rangesOf = (name: string) =>
  standIn.seen.filter((r) => r.host === "storage" && r.path.endsWith(name)).map((r) => r.range);

function partBytes(name: string): number {
  const part = join(placesOf(repo, commit).staging, `${name}.part`);
  return existsSync(part) ? statSync(part).size : 0;
}
const fault = (settings: Fault) => standIn.faults.push(settings);

describe("pull", () => {
  it("fetches what a checkpoint needs, says what it leaves out, and writes down where it came from", async () => {
    const plans: { leftOut: readonly { path: string }[]; totalBytes: number }[] = [];
    const progress: number[] = [];
    const result = await pullHere({ onPlan: (p) => plans.push(p), onProgress: (p) => progress.push(p.doneBytes) });
    expect(result).toMatchObject({ repo, commit, revision: "main", alreadyHere: false });
    expect(result.folder).toBe(join(cache, "models", "shop--tiny-eye", commit));
    expectWhole(result.folder);
    expect(plans[0]!.leftOut.map((file) => file.path)).toEqual([
      ...["README.md", "onnx/model.onnx", "pytorch_model.bin", "pytorch_model.bin.index.json"],
    ]);
    expect(progress.at(-1)).toBe(plans[0]!.totalBytes);
    expect(result.fetchedBytes).toBe(plans[0]!.totalBytes);
    expect(await listPulled()).toMatchObject([{ repo, commit, bytes: result.bytes }]);
  });

  it("asks only for the commit the second time, and nothing when the commit is named", async () => {
    await pullHere();
    standIn.seen.length = 0;
    expect(await pullHere()).toMatchObject({ alreadyHere: true, fetchedBytes: 0 });
    expect(standIn.seen.map((r) => r.path)).toEqual([`/api/models/${repo}/revision/main`]);
    expect(await pullHere({ revision: commit })).toMatchObject({ alreadyHere: true });
    expect(standIn.seen).toHaveLength(1);
    expect(await pullHere({ force: true })).toMatchObject({ alreadyHere: false });
    expect(rangesOf(big)).toEqual([undefined]);
  });

  it("offline uses what is here, and says so when nothing is", async () => {
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    expect(await failure()).toEqual(ocellusError("not_found", { model: repo, offline: true }));
    await pullHere({ offline: false });
    standIn.seen.length = 0;
    expect(await pullHere()).toMatchObject({ alreadyHere: true, commit });
    expect(standIn.seen).toEqual([]);
  });

  it("takes over files of another commit that have not changed", async () => {
    const first = await pullHere();
    standIn.commit = "f".repeat(40);
    standIn.files.set("config.json", Buffer.from("[]"));
    standIn.seen.length = 0;
    const second = await pullHere();
    expect(second.fetchedBytes).toBe(2);
    expectWhole(second.folder);
    expect(statSync(join(first.folder, big)).ino).toBe(statSync(join(second.folder, big)).ino);
    expect(await removeFolders([first.folder])).toBeLessThan(3000); // the weights are still in use
    expect(await removeFolders([second.folder])).toBeGreaterThan(125_000);
  });

  it("adds included files to a commit that is here without fetching the rest again", async () => {
    await pullHere();
    const more = await pullHere({ include: ["*.md", "onnx/**"] });
    expect(more.fetchedBytes).toBe(6 + 2000);
    expect(readdirSync(more.folder)).toContain("onnx");
    expect(await pullHere({ include: ["*.md"] })).toMatchObject({ alreadyHere: true });
  });

  it("shows the token to the hub and to no one else", async () => {
    await pullHere({ hub: { endpoint: standIn.endpoint, retryDelayMs: 1, token } });
    const shown = (host: string) => new Set(standIn.seen.filter((r) => r.host === host).map((r) => r.authorization));
    expect(shown("hub")).toEqual(new Set([`Bearer ${token}`]));
    expect(shown("storage")).toEqual(new Set([undefined]));
  });

  it("lets two pulls at once end with one whole folder, fetched once", async () => {
    const notes: string[] = [];
    fault({ on: "config.json", status: 500, headers: { "retry-after": "1" } }); // so that the first is still at work
    const results = await Promise.all([
      pullHere({ onNote: (n) => notes.push(n) }),
      pullHere({ onNote: (n) => notes.push(n) }),
    ]);
    expect(results.map((r) => r.alreadyHere).sort()).toEqual([false, true]);
    expect(notes).toEqual([expect.stringContaining(`waiting for process ${process.pid}`)]);
    expectWhole(results[0]!.folder);
    expect(rangesOf(big)).toEqual([undefined]);
  });

  it("takes over the lock of a process that is gone", async () => {
    const { staging } = placesOf(repo, commit);
    mkdirSync(staging, { recursive: true });
    writeFileSync(`${staging}.lock`, `${hostname()} 2147483646 0`);
    expectWhole((await pullHere()).folder);
  });
});

describe("a pull that meets trouble", () => {
  it("continues a dropped connection from the byte it had", async () => {
    fault({ on: big, dropAfter: 100_000 });
    expectWhole((await pullHere()).folder);
    expect(rangesOf(big)).toEqual([undefined, "bytes=100000-"]);
  });

  it("gives up after five retries, keeps the part, and the next run continues it", async () => {
    fault({ on: big, dropAfter: 10_000, times: 6 });
    expect(await failure()).toEqual(
      ocellusError("io", { endpoint: standIn.endpoint, reason: expect.not.stringMatching(/ECONNREFUSED/) }),
    );
    expect(await listPartial()).toMatchObject([{ repo, commit, busy: false }]);
    const notes: number[] = [];
    const result = await pullHere({ onPlan: (plan) => notes.push(plan.keptBytes) });
    expectWhole(result.folder);
    expect(rangesOf(big).at(-1)).toBe("bytes=60000-");
    expect(notes[0]).toBeGreaterThanOrEqual(60_000);
    expect(result.fetchedBytes).toBeLessThan(result.bytes);
  });

  it("starts the file again when the server ignores Range", async () => {
    fault({ on: big, dropAfter: 100_000 });
    fault({ on: big, ignoreRange: true });
    const last = { doneBytes: 0, totalBytes: 0 };
    expectWhole((await pullHere({ onProgress: (p) => Object.assign(last, p) })).folder);
    expect(rangesOf(big)).toEqual([undefined, "bytes=100000-"]);
    expect(last.doneBytes).toBe(last.totalBytes);
  });

  it("names a file with a wrong byte, deletes it, and the next run fetches it whole", async () => {
    fault({ on: big, wrongByte: true });
    const digest = expect.stringMatching(/^[0-9a-f]{64}$/);
    expect(await failure()).toEqual(ocellusError("invalid_file", { path: big, expected: digest, found: digest }));
    expect(await listPulled()).toEqual([]);
    expectWhole((await pullHere()).folder);
    expect(rangesOf(big)).toEqual([undefined, undefined]);
  });

  it("finds a wrong byte in a small file by git's digest", async () => {
    fault({ on: "/config.json", wrongByte: true });
    const digest = expect.stringMatching(/^[0-9a-f]{40}$/);
    expect(await failure()).toEqual(
      ocellusError("invalid_file", { path: "config.json", expected: digest, found: digest }),
    );
    expectWhole((await pullHere()).folder);
  });

  it("finds bytes that changed on the disk between two runs", async () => {
    fault({ on: big, dropAfter: 10_000, times: 6 });
    await failure();
    const part = join(placesOf(repo, commit).staging, `${big}.part`);
    writeFileSync(part, Buffer.alloc(60_000));
    expect(await failure()).toEqual(ocellusError("invalid_file", { path: big, expected: expect.any(String) }));
    expectWhole((await pullHere()).folder);
  });

  it("stops at Ctrl-C with the parts kept, and continues", async () => {
    fault({ on: big, dropAfter: 50_000, hang: true });
    const controller = new AbortController();
    const onProgress = () => {
      if (partBytes(big) === 50_000) controller.abort();
    };
    expect(await failure({ signal: controller.signal, onProgress })).toMatchObject({ code: "aborted" });
    expect(await listPartial()).toMatchObject([{ busy: false }]);
    expectWhole((await pullHere()).folder);
    expect(rangesOf(big).at(-1)).toBe("bytes=50000-");
  });

  it.each([
    [
      { status: 401, headers: { "x-error-code": "GatedRepo" } },
      "unavailable",
      { status: 401, gated: true, page: expect.stringMatching(/^http:/), hasToken: false },
    ],
    [{ status: 403, headers: { "x-error-code": "GatedRepo" } }, "unavailable", { status: 403, gated: true }],
    [{ status: 401 }, "unavailable", { repo, status: 401, missing: "repository" }],
    [{ status: 429, headers: { "retry-after": "120" } }, "overloaded", { status: 429, retryAfterMs: 120_000 }],
    [{ status: 500, times: 6 }, "io", { status: 500 }],
    [{ status: 418 }, "io", { status: 418 }],
    [{ status: 302, headers: { location: "file:///etc/passwd" } }, "io", { expected: "https" }],
    [{ status: 302, headers: { location: "/api/models/shop/tiny-eye/tree" }, times: 9 }, "io", { maxRedirects: 5 }],
  ] as const)(
    "says what %j of the listing means, and the next run is good",
    async (settings: Omit<Fault, "on">, code, details) => {
      fault({ ...settings, on: `/tree/${commit}` });
      if (settings.status === 302) fault({ ...settings, on: "/tree" }); // the redirect leads here
      expect(await failure()).toEqual(ocellusError(code, details));
      standIn.faults.length = 0;
      expectWhole((await pullHere()).folder);
    },
  );

  it("rides out a 503 and a short Retry-After", async () => {
    fault({ on: big, status: 503, times: 2 });
    fault({ on: "/config.json", status: 429, headers: { "retry-after": "1" } });
    const started = Date.now();
    expectWhole((await pullHere()).folder);
    expect(Date.now() - started).toBeGreaterThanOrEqual(990);
  });

  it("never shows the token in an error", async () => {
    fault({ on: "/revision/main", status: 403, headers: { "x-error-code": "GatedRepo" } });
    const error = await failure({ hub: { endpoint: standIn.endpoint, retryDelayMs: 1, token } });
    expect(JSON.stringify(error) + error.message).not.toContain(token);
    expect(error).toEqual(ocellusError("unavailable", { gated: true, hasToken: true }));
  });

  it("offers the nearest repository and revision", async () => {
    expect(await failure({}, "shop/tiny-eys")).toEqual(
      ocellusError("not_found", { missing: "repository", wanted: "shop/tiny-eys", nearest: ["shop/tiny-eye"] }),
    );
    expect(await failure({ revision: "v1.1" })).toEqual(
      ocellusError("not_found", { missing: "revision", wanted: "v1.1", nearest: expect.arrayContaining(["v1.0"]) }),
    );
  });

  it("says that no one answers", async () => {
    const { endpoint } = standIn;
    await standIn.close();
    expect(await failure()).toEqual(ocellusError("io", { endpoint, reason: "ECONNREFUSED" }));
  });

  it.skipIf(!existsSync("/dev/full"))("says that the disk is full", async () => {
    const { staging } = placesOf(repo, commit);
    mkdirSync(staging, { recursive: true });
    symlinkSync("/dev/full", join(staging, `${big}.part`));
    expect(await failure()).toEqual(ocellusError("io", { path: expect.stringContaining(big), errno: "ENOSPC" }));
    rmSync(join(staging, `${big}.part`));
    expectWhole((await pullHere()).folder);
  });

  it("asks the disk before the first byte", async () => {
    const digest = { oid: "a".repeat(64), size: 2 ** 40 };
    standIn.listing = Array.from({ length: 64 }, (_, i) => ({ type: "file", path: `m${i}.safetensors`, lfs: digest }));
    expect(await failure()).toEqual(ocellusError("io", { neededBytes: 2 ** 46, freeBytes: expect.any(Number) }));
    expect(standIn.seen.filter((r) => r.path.includes("/resolve/"))).toEqual([]);
  });
});

describe("a listing from a stranger", () => {
  const file = (over: object) => ({ type: "file", path: "model.safetensors", size: 3, oid: "a".repeat(40), ...over });
  it.each([
    [[file({ path: "../../.bashrc" })], "invalid_file", { path: '"../../.bashrc"' }],
    [[file({ path: "/etc/passwd" })], "invalid_file", { path: '"/etc/passwd"' }],
    [[file({ path: "a\\..\\b.json" })], "invalid_file", { path: JSON.stringify("a\\..\\b.json") }],
    [[file({ path: "C:x.json" })], "invalid_file", { path: '"C:x.json"' }],
    [[file({ path: 7 })], "invalid_file", { path: "7" }],
    [[file({ path: `${"n".repeat(256)}.json` })], "invalid_file", { path: expect.stringMatching(/^"n+$/) }],
    [[file({ size: -1 })], "too_large", { path: "model.safetensors", sizeBytes: -1, limit: 2 ** 40 }],
    [[file({ size: 1e300 })], "too_large", { sizeBytes: 1e300, limit: 2 ** 40 }],
    [[file({ oid: undefined })], "invalid_file", { missing: "git-sha1" }],
    [[file({ lfs: { oid: "../x", size: 3 } })], "invalid_file", { missing: "sha256" }],
    [
      [file({}), file({ path: "Config.json" }), file({ path: "config.json" })],
      "invalid_file",
      { names: ["Config.json", "config.json"] },
    ],
    [[file({ path: "model.gguf" })], "unsupported", { found: ["model.gguf"] }],
    [[null], "unsupported", { found: [] }],
  ] as [unknown, ErrorCode, object][])("%j is refused", async (listing, code, details) => {
    standIn.listing = listing;
    expect(await failure()).toEqual(ocellusError(code, { ...details }));
    expect(await listPulled()).toEqual([]);
  });

  it.each(["../x", "a/b/c", "a--b/c", "", "-x", "a/.."])("no request is made for the name %j", async (name) => {
    expect(await failure({}, name)).toMatchObject({ code: "invalid_request" });
    expect(standIn.seen).toEqual([]);
  });
});

describe("resolveModel", () => {
  it("takes a path that exists, then the newest pulled commit, and else names the command to run", async () => {
    await expect(resolveModel(repo)).rejects.toThrow(ocellusError("not_found", { model: repo, nearest: [] }));
    const first = await pullHere();
    expect(await resolveModel(repo)).toBe(first.folder);
    standIn.commit = "f".repeat(40);
    const second = await pullHere();
    expect(await resolveModel(repo)).toBe(second.folder);
    expect(await resolveModel(`${repo}@${commit.slice(0, 8)}`)).toBe(first.folder);
    expect(await resolveModel(cache)).toBe(cache);
    await expect(resolveModel("shop/tiny-eys")).rejects.toThrow(
      ocellusError("not_found", { model: "shop/tiny-eys", nearest: ["shop/tiny-eye"] }),
    );
    await expect(resolveModel("./no/such/folder")).rejects.toThrow(
      ocellusError("not_found", { model: "./no/such/folder", nearest: [] }),
    );
  });
});

import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import { beforeEach, expect, it, onTestFinished } from "vitest";
import { temporaryFolder } from "../../../core/base/temporary-folder.testkit.js";
import { pathExists } from "../../../core/fs/index.js";
import { createSigningKeys, Registry, signManifest, VerifiedFolders } from "../../../rollout/index.js";
import { prepareTrusted } from "./serve-trust.js";

const pair = createSigningKeys();
let root: string;
let registry: Registry;
let packedTimes: number;
beforeEach(async () => {
  root = temporaryFolder();
  packedTimes = 0;
  registry = await Registry.open({ folder: join(root, "registry") });
  onTestFinished(() => registry.close());
  const model = mkdtempSync(join(root, "model-"));
  writeFileSync(join(model, "weights"), "weights");
  const about = { tag: "v1", family: "test", quantization: "fp32", createdBy: "test" };
  await registry.publish(model, about, { sign: (manifest) => signManifest(manifest, pair.privateKey) });
});

const packed = () => join(root, "packed");

/** As `ocellus pack` behaves: what is there is found again. */
async function pack(folder: string, force: boolean) {
  if (!force && (await pathExists(packed()))) return { path: packed(), written: false, notes: [] };
  packedTimes++;
  mkdirSync(packed(), { recursive: true });
  writeFileSync(join(packed(), "packed"), readFileSync(join(folder, "weights")));
  return { path: packed(), written: true, notes: [] };
}

async function prepare(keys = [pair.publicKey]): Promise<string> {
  return prepareTrusted("v1", await registry.folderOf("v1"), {
    ...{ registry, keys, pack, log: pino({ level: "silent" }), signal: new AbortController().signal },
    verified: new VerifiedFolders(join(root, "verified")), // as after a restart
    reading: (_label, _totalBytes, body) => body(() => {}),
  });
}

/** Keeps size and time of writing. */
function flip(path: string): void {
  const { atime, mtime } = statSync(path);
  chmodSync(path, 0o644);
  writeFileSync(
    path,
    readFileSync(path).map((byte) => byte ^ 1),
  );
  utimesSync(path, atime, mtime);
}

it("loads a signed version from what was packed of it, once", async () => {
  expect(await prepare()).toBe(packed());
  expect(await prepare()).toBe(packed());
  expect(packedTimes).toBe(1);
});

it("refuses a version that is signed by no trusted key", async () => {
  await expect(prepare([createSigningKeys().publicKey])).rejects.toMatchObject({ code: "unauthorized" });
});

it("refuses a signed version whose weights were changed, before it was ever loaded or after", async () => {
  const { digest } = registry.state.versions.get("v1")!.manifest.files[0]!;
  flip(registry.blobs.path(digest));
  const refusal = { code: "invalid_file", details: { version: "v1", problems: [expect.stringContaining("weights")] } };
  await expect(prepare()).rejects.toMatchObject(refusal);
  flip(registry.blobs.path(digest));
  await prepare();
  flip(registry.blobs.path(digest));
  await expect(prepare()).rejects.toMatchObject(refusal);
  expect(packedTimes).toBe(1);
});

it("packs again what was changed in the cache, or put there by somebody else", async () => {
  await pack(await registry.folderOf("v1"), true);
  flip(join(packed(), "packed"));
  const held = async () => (await prepare()) && readFileSync(join(packed(), "packed"), "utf8");
  expect(await held()).toBe("weights");
  flip(join(packed(), "packed"));
  expect(await held()).toBe("weights");
  appendFileSync(join(packed(), "packed"), "!");
  expect(await held()).toBe("weights");
  expect(packedTimes).toBe(4);
});

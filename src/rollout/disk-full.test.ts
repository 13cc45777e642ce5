/**
 * A disk that fills up while a version is published, or a command written: what was there is whole, nothing half-written stays, and
 * with room again everything continues. The disk is a tmpfs of some megabytes in a mount namespace of the child's own; where that is
 * not allowed, a limit on the size of files stands in for it.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { compiledUrl } from "../core/base/compiled.testkit.js";
import { isMissing } from "../core/base/prerequisite.testkit.js";

/** The shell mounts the disk, where it can, and becomes the child. */
const ways = {
  disk: ["unshare", "-Urm", "sh", "-c", 'mount -t tmpfs -o size=4m,nr_inodes=1000 none "$0" && exec "$@"'],
  limit: ["sh", "-c", 'cd "$0" && trap "" XFSZ && ulimit -f 4096 && exec "$@"'],
} as const;

const mounts = spawnSync(ways.disk[0], [...ways.disk.slice(1), tmpdir(), "true"]).status === 0;
const noDisk = isMissing("the right to mount a tmpfs", mounts, "run as root, or allow user namespaces");

/** Models elsewhere, by their bytes: the last is larger than the disk. */
const sizes = [100_000, 500_000, 1_000_000, 8_000_000];

/** Runs the body with a registry on the small `disk`. @returns what it has written */
function runOn(way: keyof typeof ways, body: string): unknown {
  const root = mkdtempSync(join(tmpdir(), "ocellus-full-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const disk = mkdtempSync(join(root, "disk-"));
  for (const bytes of sizes) {
    mkdirSync(join(root, `${bytes}`));
    writeFileSync(join(root, `${bytes}`, "weights.bin"), Buffer.alloc(bytes, `${bytes}`));
  }
  const script = `
import * as fs from "node:fs";
import * as r from ${JSON.stringify(compiledUrl("index.ts", import.meta.url))};
import { makeFolder } from ${JSON.stringify(compiledUrl("../core/fs/index.ts", import.meta.url))};
const [root, disk] = ${JSON.stringify([root, disk])};
const about = { family: "x", quantization: "y", createdBy: "test" };
const registry = await r.Registry.open({ folder: disk });
const publish = (tag, bytes) => registry.publish(root + "/" + bytes, { ...about, tag });
const failure = (promise) => promise.then(() => undefined, ({ code, message }) => ({ code, message }));
const fill = () => {
  const filler = fs.openSync(disk + "/filler", "w");
  try { for (;;) fs.writeSync(filler, Buffer.alloc(4096)); } catch {}
  fs.closeSync(filler);
  fs.mkdirSync(disk + "/files");
  try { for (let i = 0; ; i++) fs.writeFileSync(disk + "/files/" + i, ""); } catch {}
};
const makeRoom = () => {
  for (const name of ["/filler", "/files"]) fs.rmSync(disk + name, { recursive: true });
};
const partial = () => fs.readdirSync(registry.blobs.folder).filter((name) => name.startsWith("."));
const isReplayed = async () => JSON.stringify([...r.replay(await registry.history()).aliases]) === JSON.stringify([...registry.state.aliases]);
${body}
await registry.close();`;
  const node = [process.execPath, "--input-type=module", "-e", script];
  const [command, ...args] = ways[way];
  const { stdout, stderr } = spawnSync(command, [...args, disk, ...node], { encoding: "utf8" });
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout);
}

const publishTooMuch = `
await publish("v1", 1_000_000);
await registry.run("test", r.deploy("prod", "v1"));
const failed = await failure(publish("v2", 8_000_000));
const [tags, left] = [[...registry.state.versions.keys()], partial()];
await publish("v2", 500_000);
const problems = [...await registry.verify("v1"), ...await registry.verify("v2")];
console.log(JSON.stringify({ failed, tags, left, problems }));`;

describe.skipIf(noDisk)("a full disk", () => {
  it("ends a publication with what to do, and leaves nothing of it", () => {
    expect(runOn("disk", publishTooMuch)).toEqual({
      failed: { code: "io", message: expect.stringMatching(/weights\.bin: .*\bfull\b/) },
      ...{ tags: ["v1"], left: [], problems: [] },
    });
  });

  it("refuses a command that cannot be written, and takes it when there is room", () => {
    const script = `
await publish("v1", 100_000);
await publish("v2", 500_000);
await registry.run("test", r.deploy("prod", "v1"));
fill();
let failed;
let accepted = 0;
for (; failed === undefined && accepted < 500; accepted++)
  failed = await failure(registry.run("test", r.deploy("prod", accepted % 2 ? "v1" : "v2")));
await registry.refresh();
const numEntries = (await registry.history()).length;
const wasReplayed = await isReplayed();
makeRoom();
await registry.run("test", r.deploy("first", "v1"));
const problems = [...await registry.verify("v1"), ...await registry.verify("v2")];
console.log(JSON.stringify({ failed, lost: 3 + accepted - 1 - numEntries, wasReplayed, aliases: registry.state.aliases.size, isReplayed: await isReplayed(), problems }));`;
    expect(runOn("disk", script)).toEqual({
      failed: { code: "io", message: expect.stringMatching(/\bjournal: .*\bfull\b/) },
      ...{ lost: 0, wasReplayed: true, aliases: 2, isReplayed: true, problems: [] },
    });
  });

  it("leaves a server its way back, which is written when there is room, and commands that only read", () => {
    const script = `
await publish("v1", 100_000);
await publish("v2", 500_000);
for (const tag of ["v1", "v2"]) await registry.run("test", r.deploy("prod", tag));
const told = [];
const server = await r.Registry.open({ folder: disk, onPendingRollback: ({ kind }) => told.push(kind) });
const served = () => server.state.aliases.get("prod").tag;
fill();
for (let i = 0; i < 500; i++) if (await failure(registry.run("test", r.deploy("other", i % 2 ? "v1" : "v2")))) break;
await server.run("alice", r.rollBack("prod"));
const there = [served(), [...server.held], await server.verify("v1")];
const folders = [await failure(server.folderOf("v1")), await failure(makeFolder(disk + "/new/folder"))];
const reader = await failure(r.Registry.open({ folder: disk, ifMissing: "refuse" }).then((reader) => reader.close()));
makeRoom();
await server.run("bob", r.deploy("first", "v1"));
const last = (await server.history()).slice(-2).map(({ actor, event }) => [actor, event.kind]);
console.log(JSON.stringify({ there, folders, reader, told, last, served: served() }));
await server.close();`;
    expect(runOn("disk", script)).toEqual({
      there: ["v1", ["prod"], []],
      folders: [null, { code: "io", message: expect.stringMatching(/new.folder: the disk is full/) }], // null: undefined in JSON
      told: ["held", "written"],
      last: [
        ["alice", "rolled_back"],
        ["bob", "deployed"],
      ],
      served: "v1",
    });
  });
});

it.skipIf(process.platform === "win32")("a file that may not grow ends a publication as cleanly", () => {
  expect(runOn("limit", publishTooMuch)).toEqual({
    failed: { code: "io", message: expect.stringMatching(/weights\.bin/) },
    ...{ tags: ["v1"], left: [], problems: [] },
  });
});

import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import { createFolderAtomically, writeFileAtomically } from "../fs/index.js";
import { float32Tensor } from "../tensor/index.js";
import { openCheckpoint } from "./checkpoint.js";
import { checkpointDigest } from "./checkpoint-digest.js";
import { writeSafetensors } from "./safetensors-writer.js";

const root = mkdtempSync(join(tmpdir(), "ocellus-checkpoint-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;

/** A fresh folder with these files; objects become JSON, arrays of names become safetensors of one value each. */
async function folderOf(files: Record<string, object | string[]>): Promise<string> {
  const folder = join(root, String(count++));
  mkdirSync(folder);
  for (const [name, contents] of Object.entries(files)) {
    if (Array.isArray(contents)) {
      await writeSafetensors(
        join(folder, name),
        contents.map((tensor, i) => float32Tensor(tensor, [1], Float32Array.of(i))),
      );
    } else writeFileSync(join(folder, name), JSON.stringify(contents));
  }
  return folder;
}

async function namesIn(folder: string): Promise<string[]> {
  const checkpoint = await openCheckpoint(folder);
  await checkpoint.close();
  return [...checkpoint.names()].sort();
}

const index = (weight_map: object) => ({ metadata: { total_size: 8 }, weight_map });

describe("opening a folder", () => {
  it("merges shards by name, wherever the index says they lie", async () => {
    const folder = await folderOf({
      "model.safetensors.index.json": index({ a: "1.safetensors", b: "2.safetensors" }),
      "1.safetensors": ["a"],
      "2.safetensors": ["b"],
    });
    expect(await namesIn(folder)).toEqual(["a", "b"]);
  });

  it("opens a version-tagged single file, and a folder given by that file", async () => {
    const folder = await folderOf({ "qwen3-vl-8b-v1.1.0.safetensors": ["a"] });
    expect(await namesIn(folder)).toEqual(["a"]);
    expect(await namesIn(join(folder, "qwen3-vl-8b-v1.1.0.safetensors"))).toEqual(["a"]);
  });

  it("knows its files by name however the folder is written", async () => {
    const folder = await folderOf({ "model.safetensors": ["a"] });
    const before = process.cwd();
    process.chdir(folder);
    try {
      for (const path of [".", "./", "model.safetensors", `${folder}/`, join(folder, "..", basename(folder))]) {
        const checkpoint = await openCheckpoint(path);
        expect([checkpoint.path, checkpoint.files[0]!.name]).toEqual([folder, "model.safetensors"]);
        expect(await checkpointDigest(checkpoint)).toHaveLength(64);
        await checkpoint.close();
      }
    } finally {
      process.chdir(before);
    }
  });

  it.each<[string, Record<string, object | string[]>, string[], string[]]>([
    [
      "a whole file before an index, whose shards are of an older save",
      {
        "model.safetensors": ["new"],
        "model.safetensors.index.json": index({ old: "1.safetensors" }),
        "1.safetensors": ["old"],
      },
      ["new"],
      ["1.safetensors", "model.safetensors.index.json"],
    ],
    [
      "safetensors before PyTorch weights",
      { "model.safetensors": ["a"], "pytorch_model.bin": {} },
      ["a"],
      ["pytorch_model.bin"],
    ],
    [
      "an index before files that it does not name",
      {
        "model.safetensors.index.json": index({ a: "1.safetensors" }),
        "1.safetensors": ["a"],
        "adapter_model.safetensors": ["b"],
      },
      ["a"],
      ["adapter_model.safetensors"],
    ],
    ["no state of training", { "model.safetensors": ["a"], "optimizer.pt": {}, "training_args.bin": {} }, ["a"], []],
  ])("reads %s, and says what it leaves", async (_, files, names, leftover) => {
    const checkpoint = await openCheckpoint(await folderOf(files));
    await checkpoint.close();
    expect([...checkpoint.names()]).toEqual(names);
    expect(checkpoint.leftover).toEqual(leftover);
    expect(checkpoint.notes).toHaveLength(Math.sign(leftover.length));
    for (const name of leftover) expect(checkpoint.notes[0]).toContain(name);
  });

  it("asks which file is meant when there are several and no index", async () => {
    const folder = await folderOf({ "v1.safetensors": ["a"], "v2.safetensors": ["a"] });
    await expect(openCheckpoint(folder)).rejects.toThrow(
      ocellusError("invalid_file", { folder, candidates: ["v1.safetensors", "v2.safetensors"] }),
    );
  });

  it.each(["../evil.safetensors", "/etc/passwd", "a\\b.safetensors", "..", "C:x"])(
    "refuses the shard name %s",
    async (name) => {
      const folder = await folderOf({ "model.safetensors.index.json": index({ a: name }) });
      await expect(openCheckpoint(folder)).rejects.toThrow(ocellusError("invalid_file", { tensor: "a", file: name }));
    },
  );

  it("names a missing shard, and a tensor that is not where the index says", async () => {
    const gone = await folderOf({ "model.safetensors.index.json": index({ a: "1.safetensors" }) });
    await expect(openCheckpoint(gone)).rejects.toThrow(ocellusError("not_found", { shard: "1.safetensors" }));
    const moved = await folderOf({
      "model.safetensors.index.json": index({ "w.weight": "1.safetensors" }),
      "1.safetensors": ["w.weights"],
    });
    await expect(openCheckpoint(moved)).rejects.toThrow(
      ocellusError("invalid_file", { tensor: "w.weight", shard: "1.safetensors", nearest: ["w.weights"] }),
    );
  });

  it("refuses a tensor that is in two shards, or is listed twice", async () => {
    const held = await folderOf({
      "model.safetensors.index.json": index({ a: "1.safetensors", b: "2.safetensors" }),
      "1.safetensors": ["a"],
      "2.safetensors": ["a", "b"],
    });
    await expect(openCheckpoint(held)).rejects.toThrow(
      ocellusError("invalid_file", { tensor: "a", shards: ["1.safetensors", "2.safetensors"] }),
    );
    const listed = await folderOf({ "1.safetensors": ["a"] });
    const text = '{"weight_map": {"a": "1.safetensors", "a": "2.safetensors"}}';
    writeFileSync(join(listed, "model.safetensors.index.json"), text);
    await expect(openCheckpoint(listed)).rejects.toThrow(ocellusError("invalid_config", { key: "a" }));
  });

  it("notes tensors that the index leaves out", async () => {
    const folder = await folderOf({
      "model.safetensors.index.json": index({ a: "1.safetensors" }),
      "1.safetensors": ["a", "b"],
    });
    const checkpoint = await openCheckpoint(folder);
    expect(checkpoint.notes).toEqual(["1 tensors are not in the index and were left out: b in 1.safetensors"]);
    await checkpoint.close();
  });

  it("says what is missing from an empty folder, and that a path does not exist", async () => {
    await expect(openCheckpoint(await folderOf({}))).rejects.toThrow(ocellusError("not_found", { found: [] }));
    await expect(openCheckpoint(join(root, "nowhere"))).rejects.toThrow(
      ocellusError("not_found", { path: join(root, "nowhere"), errno: "ENOENT" }),
    );
  });

  it("gives side files as JSON, and names one that is not", async () => {
    const folder = await folderOf({ "model.safetensors": ["a"], "config.json": { model_type: "x" } });
    const checkpoint = await openCheckpoint(folder);
    expect(await checkpoint.readJson("config.json")).toEqual({ model_type: "x" });
    expect(await checkpoint.readJson("absent.json")).toBeUndefined();
    expect(await checkpoint.sideFiles()).toEqual(["config.json"]);
    writeFileSync(join(folder, "config.json"), "{");
    await expect(checkpoint.readJson("config.json")).rejects.toThrow(
      ocellusError("invalid_config", { path: join(folder, "config.json") }),
    );
    await checkpoint.close();
  });

  it("has a digest that follows the weights and the side files", async () => {
    const folder = await folderOf({ "model.safetensors": ["a"], "config.json": { a: 1 }, "tokenizer.json": {} });
    const digest = async () => {
      const checkpoint = await openCheckpoint(folder);
      const result = await checkpointDigest(checkpoint);
      await checkpoint.close();
      return result;
    };
    const before = await digest();
    expect(await digest()).toBe(before);
    writeFileSync(join(folder, "notes.md"), "not the model's");
    expect(await digest()).toBe(before);
    const seen = new Set([before]);
    for (const name of ["config.json", "tokenizer.json", "chat_template.jinja"]) {
      writeFileSync(join(folder, name), "changed");
      seen.add(await digest());
    }
    await writeSafetensors(join(folder, "model.safetensors"), [float32Tensor("a", [1], Float32Array.of(9))]);
    expect(seen.add(await digest()).size).toBe(5);
  });
});

describe("atomic folders", () => {
  it("leave nothing behind when building fails", async () => {
    const target = join(root, "failed");
    const stop = new Error("stop");
    const build = async (folder: string) => {
      writeFileSync(join(folder, "half"), "x");
      throw stop;
    };
    await expect(createFolderAtomically(target, false, build)).rejects.toBe(stop);
    expect(readdirSync(root).filter((name) => name.startsWith("failed"))).toEqual([]);
  });

  it("remove what a killed process left, and keep what a faster one finished", async () => {
    const target = join(root, "raced");
    const abandoned = `${target}.partial-${(await import("node:os")).hostname()}-999999999-00000000`;
    mkdirSync(abandoned);
    await createFolderAtomically(target, false, async (folder) => {
      mkdirSync(target);
      await writeFileAtomically(join(target, "first"), "1");
      await writeFileAtomically(join(folder, "second"), "2");
    });
    expect(existsSync(abandoned)).toBe(false);
    expect(readdirSync(target)).toEqual(["first"]);
  });
});

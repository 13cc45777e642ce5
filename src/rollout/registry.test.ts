import { rmSync } from "node:fs";
import { chmod, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ocellusError } from "../core/base/ocellus-error.testkit.js";
import { uniqueId } from "./answers.js";
import { deploy, removeVersion } from "./commands.js";
import { manifestDigest } from "./manifest.js";
import { about, modelFolder, openRegistry, temporaryFolder } from "./registry.testkit.js";
import { checkSignature, createSigningKeys, signManifest } from "./signing.js";

const small = { "config.json": "{}", "model.safetensors": "weights one", "deep/er/note.md": "hello" };

describe("publishing", () => {
  it("stores each file once, whatever it is called, and gives the version back as a folder", async () => {
    const registry = await openRegistry();
    await registry.publish(await modelFolder(small), { ...about, tag: "v1" });
    await registry.publish(await modelFolder({ ...small, "model.safetensors": "weights two" }), {
      ...about,
      tag: "v2",
      parent: "v1",
      notes: "other weights",
    });
    expect(await readdir(registry.blobs.folder)).toHaveLength(4);
    expect(registry.state.versions.get("v2")!.manifest).toMatchObject({ parent: "v1", notes: "other weights" });
    const folder = await registry.folderOf("v2");
    expect(await readFile(join(folder, "model.safetensors"), "utf8")).toBe("weights two");
    expect(await readFile(join(folder, "deep", "er", "note.md"), "utf8")).toBe("hello");
    expect(await registry.folderOf("v2")).toBe(folder);
  });

  it("follows links, as hubs' caches have them, and leaves hidden files alone", async () => {
    const folder = await modelFolder({ "blobs/x": "shared", ".git/HEAD": "no" });
    await symlink(join(folder, "blobs", "x"), join(folder, "model.safetensors"));
    const { files } = await (await openRegistry()).publish(folder, { ...about, tag: "v1" });
    expect(files.map((file) => file.path)).toEqual(["blobs/x", "model.safetensors"]);
  });

  it("reports progress up to the last byte", async () => {
    const seen: number[] = [];
    await (await openRegistry()).publish(
      await modelFolder(small),
      { ...about, tag: "v1" },
      { onProgress: ({ doneBytes, totalBytes }) => seen.push(doneBytes / totalBytes) },
    );
    expect(seen.at(-1)).toBe(1);
  });

  it("leaves no version and no partial file when it is stopped", async () => {
    const registry = await openRegistry();
    const stop = new AbortController();
    const folder = await modelFolder({ a: "1", b: "2", c: "3" });
    const publishing = registry.publish(
      folder,
      { ...about, tag: "v1" },
      { signal: stop.signal, onProgress: () => stop.abort() },
    );
    await expect(publishing).rejects.toMatchObject({ code: "aborted" });
    expect((await registry.refresh()).versions.size).toBe(0);
    expect((await readdir(registry.blobs.folder)).filter((name) => name.startsWith("."))).toEqual([]);
    await registry.publish(folder, { ...about, tag: "v1" });
    expect(await registry.verify("v1")).toEqual([]);
  });

  it("refuses an empty folder, an unknown parent and a bad tag", async () => {
    const registry = await openRegistry();
    await expect(registry.publish(await temporaryFolder(), { ...about, tag: "v1" })).rejects.toThrow(
      ocellusError("invalid_file", { found: 0 }),
    );
    const folder = await modelFolder(small);
    await expect(registry.publish(folder, { ...about, tag: "v1", parent: "v0" })).rejects.toThrow(
      ocellusError("not_found", { tag: "v0" }),
    );
    await expect(registry.publish(folder, { ...about, tag: "v/1" })).rejects.toThrow(
      ocellusError("invalid_request", { field: "tag", found: "v/1" }),
    );
    expect(registry.state.seq).toBe(0);
  });
});

describe("keeping", () => {
  it("notices one changed byte, a missing file and another length", async () => {
    const registry = await openRegistry();
    const { files } = await registry.publish(await modelFolder(small), { ...about, tag: "v1" });
    const path = registry.blobs.path(files.find((file) => file.path === "model.safetensors")!.digest);
    await chmod(path, 0o644);
    await writeFile(path, "weights onf");
    expect(await registry.verify("v1")).toEqual([expect.stringMatching(/model.safetensors: its bytes have changed/)]);
    await writeFile(path, "weights");
    expect(await registry.verify("v1")).toEqual([expect.stringMatching(/expected 11 bytes, found 7/)]);
  });

  it("removes only what no version needs, and nothing that was just stored", async () => {
    const registry = await openRegistry();
    await registry.publish(await modelFolder(small), { ...about, tag: "v1" });
    await registry.publish(await modelFolder({ ...small, extra: "0123456789" }), { ...about, tag: "v2" });
    await registry.folderOf("v2");
    await registry.run("alice", deploy("prod", "v1"));
    await expect(registry.run("alice", removeVersion("v1"))).rejects.toThrow(
      ocellusError("invalid_request", { tag: "v1", alias: "prod", use: "serves" }),
    );
    await registry.run("alice", removeVersion("v2"));
    expect(await registry.collectGarbage()).toBe(0); // within the hour
    expect(await registry.collectGarbage(0)).toBe(10);
    expect(await registry.verify("v1")).toEqual([]);
    expect(await readFile(join(await registry.folderOf("v1"), "config.json"), "utf8")).toBe("{}");
  });

  it("says so when a file it had stored is gone at the end", async () => {
    const registry = await openRegistry();
    const publishing = registry.publish(
      await modelFolder(small),
      { ...about, tag: "v1" },
      {
        sign: (manifest) => {
          rmSync(registry.blobs.path(manifest.files[0]!.digest));
          return manifest;
        },
      },
    );
    await expect(publishing).rejects.toThrow(ocellusError("io", { path: "config.json", missing: true }));
    expect((await registry.refresh()).versions.size).toBe(0);
  });
});

/** Other bytes of the same length in a stored file: in place, as a bad disk has it, or as another file by its name. */
async function damage(path: string, way: "in place" | "swapped" | "cut" | "gone"): Promise<void> {
  const contents = await readFile(path, "utf8");
  if (way !== "in place" && way !== "cut") rmSync(path);
  else await chmod(path, 0o644);
  if (way !== "gone") await writeFile(path, way === "cut" ? contents.slice(1) : contents.replace(/./, "#"));
}

describe.each(["in place", "swapped", "cut", "gone"] as const)("repairing a file that is %s", (way) => {
  async function damaged() {
    const registry = await openRegistry();
    const { files } = await registry.publish(await modelFolder(small), { ...about, tag: "v1" });
    const folder = await registry.folderOf("v1");
    const { digest } = files.find(({ path }) => path === "model.safetensors")!;
    await damage(registry.blobs.path(digest), way);
    return { registry, folder, digest };
  }

  it.each(["v1", "v2"])("publishing good bytes as %s repairs them, also where they are loaded from", async (tag) => {
    const { registry, folder } = await damaged();
    expect(await registry.verify("v1")).toHaveLength(1);
    await registry.publish(await modelFolder(small), { ...about, tag });
    for (const name of new Set(["v1", tag])) expect(await registry.verify(name)).toEqual([]);
    expect(await readFile(join(folder, "model.safetensors"), "utf8")).toBe("weights one");
    expect(await readdir(registry.blobs.folder)).toHaveLength(3);
  });

  it("takes good bytes from a folder, whatever they are called there, and refuses others", async () => {
    const { registry, folder } = await damaged();
    const bad = await modelFolder({ "model.safetensors": "weights 0ne" });
    const isLinkGood = way === "swapped" || way === "gone"; // the folder that is loaded has the old file
    if (!isLinkGood) {
      expect(await registry.repair("v1", [bad])).toEqual([]);
      expect(await registry.verify("v1")).toHaveLength(1);
    }
    const good = await modelFolder({ "any/name": "weights one", other: "weights 2" });
    expect(await registry.repair("v1", [bad, good])).toContainEqual(
      expect.stringMatching(isLinkGood ? /stored again from .*model.safetensors$/ : /stored again from .*name$/),
    );
    expect(await registry.verify("v1")).toEqual([]);
    expect(await registry.repair("v1", [bad, good])).toEqual([]);
    expect(await readFile(join(folder, "model.safetensors"), "utf8")).toBe("weights one");
  });
});

it("a file that is swapped or added in the folder that is loaded is found, and repaired", async () => {
  const registry = await openRegistry();
  await registry.publish(await modelFolder(small), { ...about, tag: "v1" });
  const folder = await registry.folderOf("v1");
  await damage(join(folder, "model.safetensors"), "swapped");
  await writeFile(join(folder, "more.safetensors"), "x");
  expect(await registry.verify("v1")).toEqual([
    expect.stringContaining("is not the stored file"),
    expect.stringContaining("does not belong"),
  ]);
  expect(await registry.repair("v1", [])).toHaveLength(2);
  expect(await registry.verify("v1")).toEqual([]);
  expect((await readdir(folder)).sort()).toEqual(["config.json", "deep", "model.safetensors"]);
});

describe("carrying", () => {
  it("exports an OCI image layout with ModelPack's types and imports the same version elsewhere", async () => {
    const from = await openRegistry();
    const keys = createSigningKeys();
    const manifest = await from.publish(
      await modelFolder(small),
      { ...about, tag: "v1", notes: "n" },
      { sign: (unsigned) => signManifest(unsigned, keys.privateKey) },
    );
    const layout = join(await temporaryFolder(), "layout");
    await from.export("v1", layout);
    const index = JSON.parse(await readFile(join(layout, "index.json"), "utf8"));
    const blob = async (digest: string) => readFile(join(layout, "blobs", "sha256", digest.slice(7)), "utf8");
    const image = JSON.parse(await blob(index.manifests[0].digest));
    expect(image.artifactType).toBe("application/vnd.cncf.model.manifest.v1+json");
    expect(image.layers.map((layer: any) => [layer.annotations["org.cncf.model.filepath"], layer.mediaType])).toEqual([
      ["config.json", "application/vnd.cncf.model.weight.config.v1.raw"],
      ["deep/er/note.md", "application/vnd.cncf.model.doc.v1.raw"],
      ["model.safetensors", "application/vnd.cncf.model.weight.v1.raw"],
    ]);
    for (const { digest, size } of [index.manifests[0], image.config, ...image.layers])
      expect(Buffer.byteLength(await blob(digest))).toBe(size);

    const to = await openRegistry();
    const imported = await to.import(layout, "bob");
    expect(manifestDigest(imported)).toBe(manifestDigest(manifest));
    expect(checkSignature(imported, [keys.publicKey])).toBeUndefined();
    expect(await to.verify("v1")).toEqual([]);
  });

  it("refuses a layout whose bytes are not what their digest says, and publishes nothing", async () => {
    const from = await openRegistry();
    const { files } = await from.publish(await modelFolder(small), { ...about, tag: "v1" });
    const layout = join(await temporaryFolder(), "layout");
    await from.export("v1", layout);
    const path = join(layout, "blobs", "sha256", files[2]!.digest.slice(7));
    await chmod(path, 0o644);
    await writeFile(path, "weights 0ne");
    const to = await openRegistry();
    await expect(to.import(layout, "bob")).rejects.toThrow(
      ocellusError("invalid_file", {
        path: "model.safetensors",
        expected: expect.any(String),
        found: expect.any(String),
      }),
    );
    expect((await to.refresh()).versions.size).toBe(0);
  });
});

describe("signatures", () => {
  it("hold for the signed bytes and the trusted key only", async () => {
    const registry = await openRegistry();
    const [mine, others] = [createSigningKeys(), createSigningKeys()];
    const plain = await registry.publish(await modelFolder(small), { ...about, tag: "v1" });
    const signed = signManifest(plain, mine.privateKey);
    expect(checkSignature(signed, [others.publicKey, mine.publicKey])).toBeUndefined();
    expect(checkSignature(plain, [mine.publicKey])).toMatch(/not signed/);
    expect(checkSignature(signed, [others.publicKey])).toMatch(/none of the trusted keys/);
    expect(checkSignature({ ...signed, notes: "x" }, [mine.publicKey])).toMatch(/does not fit/);
    expect(() => signManifest(plain, "no key")).toThrow(
      ocellusError("invalid_request", { expected: "Ed25519 private key" }),
    );
  });
});

describe("answers", () => {
  it("are found by their request, also by another process", async () => {
    const folder = await temporaryFolder();
    const registry = await openRegistry({ folder });
    const record = { requestId: "r1", at: Date.now(), model: "prod", tag: "v1", role: "canary", reason: "5 %" };
    registry.answers.add(record);
    registry.answers.add({ ...record, tag: "v2" }); // the same id again: the first one stays
    await registry.answers.flush();
    const other = await openRegistry({ folder });
    expect(await other.answers.find("r1")).toEqual(record);
    expect(await other.answers.find("r2")).toBeUndefined();
    expect((await stat(join(folder, "registry.db"))).isFile()).toBe(true);
  });

  it("are found by the id that a client chose, whatever others chose that is like it", async () => {
    const registry = await openRegistry({ folder: await temporaryFolder() });
    const record = { at: Date.now(), model: "prod", tag: "v1", role: "stable", reason: "" };
    for (let i = 0; i < 12; i++) registry.answers.add({ ...record, requestId: uniqueId(`a${i % 10}b`) });
    for (const id of ["a_b", "A_b", "a\\b"]) registry.answers.add({ ...record, requestId: uniqueId(id) });
    for (const id of ["a_b", "A_b", "a\\b"])
      expect((await registry.answers.find(id))?.requestId.slice(0, -13)).toBe(id);
    expect(await registry.answers.find("a%b")).toBeUndefined();
  });
});

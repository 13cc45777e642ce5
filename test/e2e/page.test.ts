/** The built page in a real Chromium, served by the real server with the bundled demo model: what a person does with it. */
import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { patienceMs, until } from "../../src/core/base/until.testkit.js";
import type { LanguageModel, VisionLanguageModel } from "../../src/core/runtime/index.js";
import { readGoldenSet } from "../../src/evals/index.js";
import { useVersions } from "../../src/server/index.js";
import { summariesZh } from "../../web/src/api-docs/summaries-zh.js";
import { en } from "../../web/src/words-en.js";
import { zh } from "../../web/src/words-zh.js";
import { faultsOf, noBrowser, openBrowser, openHtml } from "../support/browser.js";
import { builtPage } from "../support/built-page.js";
import { repository, temporaryFolder } from "../support/folders.js";
import { loadTiny, startServer, type TestServer } from "../support/server.js";
import { type OpenVersions, openVersions } from "../support/versioned-server.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());

const image = (name: string) => join(repository, "examples/pictures", name);
/** Not the form that waits: the server answers in this process. */
const execute = promisify(execFile);
const rooms = ["chat", "table", "compare", "uses", "collections", "monitor", "versions", "guards", "model"] as const;

let tiny: VisionLanguageModel;
let server: TestServer;
let kept: OpenVersions;
let browser: Browser;
let page: Page;

/** Says two tokens and then waits to be stopped: a busy machine has time to press the button. */
function halting(model: VisionLanguageModel): LanguageModel {
  return {
    info: model.info,
    stats: model.stats,
    tokenizer: model.tokenizer,
    pixelBytes: (...args) => model.pixelBytes(...args),
    prepare: (...args) => model.prepare(...args),
    prepareText: (...args) => model.prepareText(...args),
    close: () => model.close(),
    async *generate(prepared) {
      const { signal } = prepared.options;
      let numEvents = 0;
      for await (const event of model.generate(prepared)) {
        if (++numEvents > 2) await sleep(patienceMs, undefined, signal && { signal });
        yield event;
      }
    },
  };
}

async function open(options: BrowserContextOptions = {}, path = ""): Promise<void> {
  const context = await browser.newContext({ locale: "en-US", colorScheme: "light", ...options });
  context.setDefaultTimeout(patienceMs);
  page = await context.newPage();
  page.on("pageerror", (error) => mishaps.push(error.message));
  page.on("console", (message) => message.type() === "error" && mishaps.push(message.text()));
  loaded.length = 0;
  page.on("request", (request) => eager.has(request.resourceType()) && loaded.push(request.url()));
  await page.goto(`${server.url}/${path}`);
}

/** Without these nothing can be seen or done; fonts and pictures come after. */
const eager = new Set(["document", "script", "stylesheet"]);
/** Addresses of such that the page has asked for. */
const loaded: string[] = [];

/** Errors and breaches of the content security policy that the browser told. */
const mishaps: string[] = [];

const field = () => page.getByRole("textbox", { name: "Ask", exact: true });
const answers = () => page.locator(".answer");
const button = (name: string) => page.getByRole("button", { name, exact: true });

async function written(count = 1): Promise<string> {
  const last = answers().nth(count - 1);
  await last.getByRole("button", { name: "Code", exact: true }).waitFor();
  return last.locator(".prose").innerText();
}

async function ask(text: string): Promise<void> {
  await field().fill(text);
  await field().press("Enter");
}

describe.skipIf(noBrowser)("the page", () => {
  beforeAll(async () => {
    const webFolder = await builtPage();
    tiny = await loadTiny();
    const config = { collections: temporaryFolder(), insecureLocalAdmin: true };
    server = await startServer({ "ocellus-tiny": tiny, halting: halting(tiny) }, config, { webFolder });
    kept = await openVersions({ v1: {} });
    useVersions(server.services, kept.versions);
    await makeCatalogue();
    server.pool.add("ocellus-tiny", tiny, join(repository, "checkpoints/ocellus-tiny"));
    browser = await openBrowser();
  });
  afterEach(async () => {
    await page?.context().close();
    expect(mishaps.splice(0)).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await kept?.close();
    await tiny?.close();
  });

  it("answers a newcomer's first click, and has kept the conversation after a reload", async () => {
    await open();
    await page.locator(".examples button").first().click();
    expect(await written()).toMatch(/red .*dress/i);
    expect(await page.locator(".facts").innerText()).toMatch(/tokens\/s/);
    await page.reload();
    expect(await written()).toMatch(/red .*dress/i);
    await page.locator(".shown").getByRole("button", { name: "Show dress.jpg large" }).waitFor();
  });

  it.each([
    ["en", [/red dotted dress/i, /\$239/, /contact support/i]],
    ["zh", [/红色圆点连衣裙/, /\$239/, /联系客服/]],
  ] as const)("has three examples that the demo model answers right: %s", async (language, expected) => {
    await open({ locale: language === "zh" ? "zh-CN" : "en-US" });
    await page.locator(".demo-note code").waitFor();
    for (const [place, right] of expected.entries()) {
      await page.locator(".new-chat").click();
      await page.locator(".examples.sharp button:enabled").nth(place).click();
      await page.locator(".answer .facts").waitFor();
      const prose = page.locator(".answer .prose"); // what makes Markdown of it is loaded with the first answer
      await until(async () => expect(await prose.innerText()).toMatch(right));
    }
  });

  it("shows an answer while it is written, and stops it", async () => {
    await open();
    await page.getByRole("combobox", { name: "Model" }).selectOption("halting");
    await page.locator(".examples button").first().click();
    await page.locator(".answer[aria-busy=true] .prose").waitFor();
    await button("Stop").click();
    await page.getByText("Stopped.").waitFor();
    const { text } = await tiny.answer([
      { role: "user", content: [{ type: "image", image: image("dress.jpg") }, "Describe this product."] },
    ]);
    const begun = await page.locator(".prose").innerText();
    expect(begun.length).toBeLessThan(text.length);
    expect(text.startsWith(begun.trim())).toBe(true);
  });

  it("sends two pictures that were picked, and the ones that are pasted and dropped", async () => {
    await open();
    await page.locator("input[type=file]").setInputFiles([image("dress.jpg"), image("shirt.png")]);
    await page.getByRole("button", { name: "Show shirt.png large" }).waitFor();
    await give("paste", "boots.jpg");
    await give("drop", "sale.jpg");
    const sent = page.waitForRequest(/chat\/completions/);
    await ask("Describe it.");
    const { messages } = (await sent).postDataJSON() as { messages: { content: { type: string }[] }[] };
    expect(messages[0]!.content.map(({ type }) => type)).toEqual([...Array(4).fill("image_url"), "text"]);
    expect(await written()).not.toBe("");
  });

  it("asks again in other words, and once more in the same", async () => {
    await open();
    await page.locator(".examples button").first().click();
    await written();
    await button("Edit").click();
    await page.getByRole("textbox", { name: "Edit" }).fill("What colour is it?");
    await button("Ask again").click();
    await page.locator(".asked").getByText("What colour is it?").waitFor();
    const edited = await written();
    expect(edited).toMatch(/red/i);
    await button("Try again").click();
    expect(await written()).toBe(edited);
    expect(await answers().count()).toBe(1);
  });

  it("does not send a question before its picture is decoded", async () => {
    await open();
    await page.locator(".examples button:enabled").first().waitFor();
    const photo = await sharp({ create: { width: 800, height: 600, channels: 3, background: "teal" } })
      .jpeg()
      .toBuffer();
    const sent = page.waitForRequest(/chat\/completions/);
    await page.evaluate(`{
      const decode = HTMLImageElement.prototype.decode; // a slow machine
      const isDecoded = new Promise((done) => (globalThis.endDecoding = done));
      HTMLImageElement.prototype.decode = async function () { await isDecoded; return decode.call(this); };
    }`);
    await page.locator("input[type=file]").setInputFiles({ name: "photo.jpg", mimeType: "image/jpeg", buffer: photo });
    await ask("What is this?");
    await page.getByText("Reading the picture…").waitFor();
    await page.evaluate("globalThis.endDecoding()");
    const { messages } = (await sent).postDataJSON() as { messages: { content: { type: string }[] }[] };
    expect(messages[0]!.content.map(({ type }) => type)).toEqual(["image_url", "text"]);
    expect(await written()).not.toBe("");
    await ask("And now?"); // of a file that is no picture nothing is sent
    await written(2);
    await page
      .locator("input[type=file]")
      .setInputFiles({ name: "notes.jpg", mimeType: "image/jpeg", buffer: Buffer.from("no picture") });
    await ask("What is this?");
    await page.getByText("notes.jpg is no picture").waitFor();
    expect(await field().inputValue()).toBe("What is this?");
    expect(await answers().count()).toBe(2);
  });

  it("shows a picture large, and larger", async () => {
    await open();
    await page.locator(".examples button").first().click();
    await written();
    await page.locator(".shown").getByRole("button", { name: "Show dress.jpg large" }).click();
    const picture = page.locator(".viewer .zoom-window img");
    await picture.waitFor();
    const small = (await picture.boundingBox())!;
    expect(small.height).toBeGreaterThan(0.8 * page.viewportSize()!.height);
    expect(await faultsOf(page)).toEqual([]);
    await page.locator(".viewer").getByRole("button", { name: "Zoom in" }).click();
    await until(async () => expect((await picture.boundingBox())!.width).toBeGreaterThan(1.2 * small.width));
    await page.keyboard.press("Escape");
    await picture.waitFor({ state: "detached" });
  });

  it("keeps every answer that is asked for again, and what came after one", async () => {
    await open();
    await page.locator(".examples button").first().click();
    const first = await written();
    await button("Try again").click();
    await page.getByText("2 / 2").waitFor();
    await written();
    await button("Earlier answer").click();
    await page.getByText("1 / 2").waitFor();
    expect(await written()).toBe(first);
    await ask("What colour is it?");
    await written(2);
    await button("Try again").first().click();
    await until(async () => expect(await page.locator(".earlier li").count()).toBe(2));
    await written();
    expect(await answers().count()).toBe(1);
    await page.locator(".earlier li a").last().click();
    await written(2);
    expect(await page.locator(".question").nth(1).innerText()).toContain("What colour is it?");
  });

  it("brings a deleted conversation back", async () => {
    await open();
    await page.locator(".examples button").first().click();
    const text = await written();
    await page.locator(".earlier li button").click();
    expect(await page.locator(".earlier li").count()).toBe(0);
    await button("Undo").click();
    await page.locator(".earlier li button").click();
    await button("Undo").click();
    await page.locator(".earlier li a").click();
    expect(await written()).toBe(text);
    await page.reload();
    expect(await written()).toBe(text);
    await page.locator(".earlier li button").click();
    await page.reload(); // closed at once: it is deleted all the same
    await page.locator(".examples button:enabled").first().waitFor();
    expect(await page.locator(".earlier li").count()).toBe(0);
  });

  it("is open in two tabs that lose nothing of each other", async () => {
    await open();
    await page.locator(".examples button").first().click();
    await written();
    const [first, second] = [page, await page.context().newPage()];
    await second.goto(first.url());
    page = second;
    await written();
    const tabs = [first, second];
    // Neither hears of the other's question before it sends its own.
    for (const tab of tabs) await tab.evaluate("BroadcastChannel.prototype.postMessage = () => {}");
    for (const [i, tab] of tabs.entries()) {
      page = tab;
      await ask(`What colour is it? ${i}`);
    }
    for (const [i, tab] of tabs.entries()) {
      page = tab;
      await written(2);
      expect(await page.locator(".question .asked p").last().innerText()).toBe(`What colour is it? ${i}`);
      await page.reload();
    }
    const earlier = page.locator(".earlier li a");
    await until(async () => expect(await earlier.count()).toBe(2));
    const asked = new Set<string>();
    for (let place = 0; place < 2; place++) {
      await earlier.nth(place).click();
      await page.locator(`.earlier li:nth-child(${place + 1}) [aria-current]`).waitFor();
      await written(2);
      asked.add(await page.locator(".question .asked p").last().innerText());
    }
    expect([...asked].sort()).toEqual(["What colour is it? 0", "What colour is it? 1"]);
    // And what one saves is shown by the other.
    await first.goto(second.url());
    await ask("What colour is it? 2");
    page = first;
    await written(3);
  });

  it("tells thousands of quick words once a frame, and has kept what it had when it is reloaded", async () => {
    await open();
    await page.locator(".examples button:enabled").first().waitFor();
    const numWords = 6000;
    const event = (delta: object) => `data: ${JSON.stringify({ choices: [{ index: 0, delta }] })}\n\n`;
    const words = Array.from({ length: numWords }, (_, i) => event({ content: i % 60 === 59 ? ".\n\n" : `w${i} ` }));
    await page.route(/chat\/completions/, (route) =>
      route.fulfill({ contentType: "text/event-stream", body: `${words.join("")}data: [DONE]\n\n` }),
    );
    await page.evaluate(`{
      globalThis.changes = 0;
      new MutationObserver(() => globalThis.changes++).observe(document.body, { subtree: true, childList: true, characterData: true });
    }`);
    await ask("Count.");
    expect(await written()).toContain(`w${numWords - 2}`);
    expect(await page.evaluate("globalThis.changes")).toBeLessThan(numWords / 4);
    await page.reload();
    expect(await written()).toContain(`w${numWords - 2}`);
  });

  it("does not leave for a file that is dropped where none is wanted", async () => {
    await open({}, "#/monitor");
    await page.locator(".value").first().waitFor();
    const isTaken = await page.evaluate(`{
      const data = new DataTransfer();
      data.items.add(new File(["x"], "a.txt"));
      !document.querySelector("h1").dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: data }));
    }`);
    expect(isTaken).toBe(true);
  });

  it("says what the server refused, and continues", async () => {
    await open();
    await ask("word ".repeat(6000));
    const problem = page.getByRole("alert");
    await problem.waitFor();
    expect(await problem.locator("strong").innerText()).toBe(en.problems.too_large);
    expect(await problem.innerText()).toMatch(/at most \d+ are accepted[\s\S]*req_/);
    await button("切换到中文").click();
    await problem.getByText(zh.problems.too_large).waitFor();
    expect(await problem.innerText()).not.toMatch(/[a-z]{3}/i); // what the server said is behind "details"
    await problem.locator("summary").click();
    expect(await problem.locator("[lang=en]").innerText()).toMatch(/at most \d+ are accepted/);
    await button("Switch to English").click();
    mishaps.splice(0); // the browser notes every refusal
    expect(await overflow()).toBe(0);
    await button("New chat")
      .or(page.getByRole("link", { name: "New chat" }))
      .click();
    await page.locator(".examples button").first().click();
    expect(await written()).not.toBe("");
  });

  it("sends the system prompt, the sampling and the schema of the settings, and shows them as code", async () => {
    await open();
    await button("Settings").click();
    await page.getByLabel("System prompt").fill("Be brief.");
    await page.getByLabel("Temperature").fill("0.5");
    await page.getByRole("radio", { name: "Schema" }).check();
    await button("Insert an example").click();
    await button("Close").last().click();
    const sent = page.waitForRequest(/chat\/completions/);
    await page.locator(".examples button").first().click();
    expect((await sent).postDataJSON()).toMatchObject({
      temperature: 0.5,
      messages: [{ role: "system", content: "Be brief." }, { role: "user" }],
      response_format: { type: "json_schema", json_schema: { schema: { required: ["product", "colour", "count"] } } },
    });
    await button("Code").click();
    for (const [language, piece] of [
      ["curl", "base64 < 'dress.jpg'"],
      ["TypeScript", 'picture("dress.jpg")'],
      ["Python", "temperature=0.5,"],
    ] as const) {
      await page.getByRole("radio", { name: language }).check();
      expect(await page.locator(".code-dialog pre").innerText()).toContain(piece);
    }
  });

  it("gives programs that ask the same again, whatever is in the question", async () => {
    await open();
    await page.locator("input[type=file]").setInputFiles([image("dress.jpg")]);
    await page.getByRole("button", { name: "Show dress.jpg large" }).waitFor();
    await ask('What\'s the colour? $HOME `date` "quoted" \\n 红色 END');
    const text = (await written()).trim();
    await button("Code").click();
    const program = async (language: string) => {
      await page.getByRole("radio", { name: language }).check();
      return page.locator(".code-dialog pre").innerText();
    };
    const inImages = { cwd: join(repository, "examples/pictures") };
    const { stdout: json } = await execute("sh", ["-c", await program("curl")], inImages);
    expect(JSON.parse(json).choices[0].message.content.trim()).toBe(text);
    const tsx = join(repository, "node_modules/tsx/dist/cli.mjs");
    const { stdout } = await execute(
      process.execPath,
      [tsx, "--input-type=module", "--eval", await program("TypeScript")],
      inImages,
    );
    expect(stdout.trim()).toBe(text);
  });

  it("shows how likely every token was, and on a click what else was likely in its place", async () => {
    await open();
    await page.locator(".examples button").first().click();
    const text = await written();
    await button("Probabilities").click();
    const tokens = page.locator(".tokens button");
    await tokens.first().waitFor();
    expect((await tokens.allInnerTexts()).join("").replaceAll("\u00a0", " ").trim()).toBe(`${text.trim()}■`);
    await tokens.nth(2).click();
    expect(await tokens.nth(2).getAttribute("aria-pressed")).toBe("true");
    const share = (await tokens.nth(2).getAttribute("aria-label"))!.split(", ").at(-1)!;
    expect(share).toMatch(/^[\d.]+%$/);
    expect(await page.locator(".alternatives li[data-chosen=true]").innerText()).toContain(share);
    expect(await page.locator(".alternatives li").count()).toBeGreaterThan(1);
  });

  it("leads through a whole conversation by keyboard alone, and the focus comes back from what opens over it", async () => {
    await open();
    await page.locator(".examples button:enabled").first().waitFor();
    const press = (key: string) => page.keyboard.press(key);
    const hasFocus = (selector: string) => page.locator(`${selector}:focus`).waitFor();
    await tabTo("select.model-name");
    await press("ArrowDown");
    await tabTo(".examples button");
    await press("Enter");
    await page.locator(".answer[aria-busy=true] .prose").waitFor();
    await press("Escape");
    await page.getByText("Stopped.").waitFor();
    await tabTo("select.model-name");
    await press("ArrowUp");
    await tabTo("[data-retry]");
    await press("Space");
    await written();
    await hasFocus("[data-retry]");
    await tabTo(".actions .action:text-is('Probabilities')");
    await press("Enter");
    await tabTo(".tokens button");
    await press("ArrowRight");
    await press("ArrowRight");
    await hasFocus(".tokens button:nth-child(3)[aria-pressed=true]");
    const code = ".actions .action:text-is('Code')";
    await tabTo(code);
    await press("Enter");
    await page.locator(".code-dialog").waitFor();
    await press("Escape");
    await hasFocus(code);
    await tabTo(".picture > button");
    await press("Enter");
    await page.locator(".viewer").waitFor();
    await press("Escape");
    await hasFocus(".picture > button");
    const settings = ".top-bar [aria-expanded]";
    await tabTo(settings);
    await press("Enter");
    await hasFocus(".settings");
    await press("Escape");
    await hasFocus(settings);
    await tabTo(".asked .action");
    await press("Enter");
    await press("Escape"); // nothing is changed
    await hasFocus(".asked .action");
    await tabTo(".composer textarea");
    await page.keyboard.type("What colour is it?");
    await press("Enter");
    expect(await written(2)).toMatch(/red/i);
    await tabTo(".earlier li button");
    await press("Enter");
    await tabTo(".undo-bar button");
    await press("Enter");
    await tabTo(".earlier li a");
    await press("Enter");
    await written(2);
  });

  it("sends a moving picture as its first frame, and says so", async () => {
    await open();
    await page.locator(".examples button:enabled").first().waitFor();
    const frames = await Promise.all(
      ["red", "navy"].map((background) =>
        sharp({ create: { width: 40, height: 30, channels: 3, background } })
          .png()
          .toBuffer(),
      ),
    );
    const buffer = await sharp(frames, { join: { animated: true } })
      .gif()
      .toBuffer();
    const sent = page.waitForRequest(/chat\/completions/);
    await page.locator("input[type=file]").setInputFiles({ name: "moving.gif", mimeType: "image/gif", buffer });
    await page.locator(".strip").getByText("First frame only").waitFor();
    await ask("What colour is it?");
    const { messages } = (await sent).postDataJSON() as { messages: { content: { image_url: { url: string } }[] }[] };
    const [, base64] = messages[0]!.content[0]!.image_url.url.split("data:image/png;base64,");
    const { dominant } = await sharp(Buffer.from(base64!, "base64")).stats();
    expect(dominant.r).toBeGreaterThan(200);
    expect(dominant.b).toBeLessThan(50);
    await page.locator(".shown").getByText("First frame only").waitFor();
  });

  it("speaks two languages and wears two themes, and remembers both", async () => {
    await open();
    await button("切换到中文").click();
    await button("深色主题").click();
    await page.reload();
    await page.getByRole("heading", { name: "给它看一张图片。" }).waitFor();
    expect(await page.locator("html").getAttribute("lang")).toBe("zh-CN");
    expect(await page.locator("html").getAttribute("data-theme")).toBe("dark");
    await page.locator(".examples button").first().click();
    await page.getByRole("button", { name: "代码", exact: true }).waitFor();
    expect(await page.locator(".prose").innerText()).toMatch(/红色/);
    await page.getByRole("button", { name: "Switch to English" }).click();
    await page.getByRole("button", { name: "Probabilities" }).waitFor();
  });

  it("fits a phone 390 pixels wide, on every page", async () => {
    await open({ viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
    await page.locator(".examples button").first().tap();
    await written();
    for (const room of rooms.slice(1)) {
      await button("Menu").tap();
      await page.locator(`.sidebar nav a[href="#/${room}"]`).tap();
      await page.locator(`.sidebar[data-open=false]`).waitFor({ state: "attached" });
      await page.locator("h1").waitFor();
      expect(await overflow(), room).toBe(0);
    }
  });

  it("shows two answers side by side, the four uses, the load, and the inside of the model", async () => {
    await open({}, "#/compare");
    await button("Example").click();
    await page.getByRole("button", { name: "Show pair.jpg large" }).waitFor();
    await page.getByRole("combobox", { name: "Right: Model" }).selectOption("ocellus-tiny");
    await button("Ask").click();
    expect(await written(2)).toBe(await written(1));
    await page.goto(`${server.url}/#/uses`);
    const panels = page.locator(".use");
    await panels.nth(3).waitFor();
    expect(await panels.count()).toBe(4);
    await panels.first().getByRole("button", { name: "Example" }).click();
    await panels.first().getByRole("button", { name: "Run" }).click();
    expect(await written(2)).toMatch(/red/i);
    await page.goto(`${server.url}/#/monitor`);
    const requests = page.getByRole("region", { name: "Requests" }).locator(".value");
    await requests.waitFor();
    expect(Number(await requests.innerText())).toBeGreaterThanOrEqual(4);
    await page.goto(`${server.url}/#/model`);
    await page.locator(".room-name").getByText("Vision tower").click();
    await page.getByText("vision_tower.blocks.*.attn.qkv.weight").waitFor();
    expect(await page.locator(".room[open] summary").innerText()).toMatch(/2\.79 M[\s\S]*6 layers · bf16 .* → f32 /);
  });

  it("finds a dropped picture's neighbours with their scores, and what a catalogue has twice", async () => {
    await open({}, "#/collections");
    const results = page.getByRole("list", { name: "Found" }).getByRole("listitem");
    await page.getByRole("combobox", { name: "Collection" }).waitFor();
    await give("drop", "dress.jpg", "main");
    await results.first().locator("img").waitFor();
    expect(await results.first().innerText()).toMatch(/(dress|copy)\.jpg[\s\S]*likeness 1\.000/);
    expect(await results.count()).toBe(catalogue.length);
    await page.getByLabel("Words to find").fill("a dress");
    const panels = page.locator(".panel");
    await panels.first().getByRole("button", { name: "Find", exact: true }).click();
    await page.getByRole("alert").waitFor();
    expect(await page.getByRole("alert").innerText()).toMatch(/no tower for texts/);
    mishaps.splice(0); // the browser notes every refusal
    await panels.last().getByRole("button", { name: "Find", exact: true }).click();
    await page.getByText("1 group", { exact: true }).waitFor();
    expect(await panels.last().getByRole("listitem").allInnerTexts()).toEqual(["dress.jpg", "copy.jpg"]);
    await page.getByLabel("Count as duplicates").selectOption("0.95");
    await panels.last().getByRole("button", { name: "Find", exact: true }).click();
    await page.getByText("2 groups", { exact: true }).waitFor();
    expect(await overflow()).toBe(0);
  });

  it("makes a table of a folder of pictures, that is corrected, saved, and there after a reload", async () => {
    const folder = temporaryFolder();
    for (const name of ["dress.jpg", "shirt.png", "coat.jpg"]) copyFileSync(image(name), join(folder, name));
    writeFileSync(join(folder, "notes.txt"), "none");
    writeFileSync(join(folder, "broken.png"), "none");
    await open({}, "#/table");
    const chooser = page.waitForEvent("filechooser");
    await button("Choose a folder").click();
    await (await chooser).setFiles(folder);
    await page.getByText("1 file is no picture.").waitFor();
    await page.getByRole("textbox", { name: "Question" }).fill("What colour is it?");
    await page.getByRole("combobox", { name: "Model" }).waitFor({ state: "detached" });
    await button("Ask about 4 pictures").click();
    await button("Try 1 failed again").waitFor();
    const rows = page.locator(".grid tbody tr");
    const texts = async () => (await rows.allInnerTexts()).map((text) => text.replace(/\s+/g, " "));
    expect(await texts()).toEqual([
      expect.stringMatching(/broken\.png no picture/),
      expect.stringMatching(/coat\.jpg Purple\. \d+/),
      expect.stringMatching(/dress\.jpg Red\. \d+/),
      expect.stringMatching(/shirt\.png Blue\. \d+/),
    ]);
    await page.getByRole("button", { name: "Answer: Red.; correct it" }).click();
    await page.getByRole("textbox", { name: "Answer" }).fill('=crimson, "dark"');
    await button("Checked, next").click();
    await page.getByText("4 of 4", { exact: true }).last().waitFor();
    expect(await faultsOf(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await page.getByRole("radio", { name: /^Corrected/ }).check();
    expect(await texts()).toEqual([expect.stringContaining("checked")]);
    const csv = await downloaded(() => button("CSV").click());
    expect(csv.name).toBe("table.csv");
    expect(csv.bytes.toString()).toContain(`/dress.jpg,"'=crimson, ""dark""",1.000,answer,yes,\r\n`);
    const zip = await downloaded(() => button("Golden set").click());
    const set = join(temporaryFolder(), "golden");
    for (const [name, bytes] of storedFiles(zip.bytes)) {
      mkdirSync(dirname(join(set, "..", name)), { recursive: true });
      writeFileSync(join(set, "..", name), bytes);
    }
    const { questions, numUnreviewed } = await readGoldenSet(set);
    expect(questions.map(({ question, answer }) => [question, answer])).toEqual([
      ["What colour is it?", '=crimson, "dark"'],
    ]);
    expect(numUnreviewed).toBe(2);
    await page.reload();
    await rows.nth(3).waitFor();
    expect((await texts())[2]).toContain("crimson");
    await page.getByRole("radio", { name: "Fields" }).check();
    await page.getByRole("textbox", { name: "Name of the field" }).fill("kind");
    await page.getByRole("combobox", { name: "Type" }).selectOption("choice");
    await page.getByRole("textbox", { name: "Values" }).fill("dress, coat");
    const sent = page.waitForRequest(/chat\/completions/);
    await button("Try 1 failed again").waitFor();
    await button("Ask all again").click();
    const schema = { properties: { kind: { enum: ["dress", "coat"] } }, required: ["kind"] };
    expect((await sent).postDataJSON()).toMatchObject({
      response_format: { type: "json_schema", json_schema: { schema } },
      ocellus: { fields: true },
    });
    await button("Try 1 failed again").waitFor();
    await page
      .getByRole("button", { name: /^kind: (dress|coat); correct it/ })
      .first()
      .waitFor();
  });

  it("is one table in two tabs: one of them asks, and what is corrected in the other meanwhile stays", async () => {
    await open({}, "#/table");
    let answerNow = () => {};
    const held = new Promise<void>((done) => {
      answerNow = done;
    });
    await page.route(/chat\/completions/, (route) => held.then(() => route.continue()));
    const [first, second] = [page, await page.context().newPage()];
    await button("Try the examples").click();
    await second.goto(first.url());
    await first.getByRole("button", { name: /^Ask about \d+ pictures$/ }).click();
    await second.getByText("Another tab is asking").waitFor();
    await second.getByRole("button", { name: /^Look at dress/ }).click();
    await second.getByRole("textbox", { name: "Answer" }).fill("crimson");
    await second.getByRole("textbox", { name: "Answer" }).press("Enter");
    await second.keyboard.press("Escape");
    const corrected = (tab: Page) => tab.getByRole("button", { name: "Answer: crimson; correct it" });
    await corrected(first).waitFor();
    answerNow();
    for (const tab of [first, second]) {
      await tab.getByRole("button", { name: "Ask all again" }).waitFor();
      await tab.getByRole("button", { name: "Answer: A pullover.; correct it" }).first().waitFor();
      await tab.getByRole("radio", { name: "Waiting 0" }).waitFor();
      await corrected(tab).waitFor();
    }
    await second.getByRole("textbox", { name: "Question" }).fill("What colour is it?");
    await until(async () =>
      expect(await first.getByRole("textbox", { name: "Question" }).inputValue()).toBe("What colour is it?"),
    );
    await first.reload();
    await corrected(first).waitFor();
    expect(await first.locator(".grid tbody tr [data-corrected=true]").count()).toBe(1);
  });

  it("draws of thousands of rows those in sight, and searches all", async () => {
    await open({}, "#/table");
    const chooser = page.waitForEvent("filechooser");
    await button("Choose pictures").click();
    const pixel = await sharp({ create: { width: 2, height: 2, channels: 3, background: "teal" } })
      .png()
      .toBuffer();
    const files = Array.from({ length: 2000 }, (_, i) => ({ name: `p${i}.png`, mimeType: "image/png", buffer: pixel }));
    await (await chooser).setFiles(files);
    const rows = page.locator(".grid tbody tr");
    await rows.first().waitFor();
    expect(await page.locator(".grid").getAttribute("aria-rowcount")).toBe("2001");
    expect(await rows.count()).toBeLessThan(60);
    await page.getByRole("searchbox", { name: "Search the table" }).fill("p1999");
    await page.getByText("p1999.png").waitFor();
    expect(await rows.count()).toBe(1);
  });

  it("finds conversations by their words, names them, and gives them away as files that open again", async () => {
    await open();
    await page.locator(".examples button").first().click();
    const text = (await written()).trim();
    await button("Name, save or share").click();
    expect(await faultsOf(page)).toEqual([]);
    const html = await downloaded(() => page.getByRole("button", { name: /^Page/ }).click());
    const json = await downloaded(() => page.getByRole("button", { name: /^JSON/ }).click());
    const markdown = await downloaded(() => page.getByRole("button", { name: /^Markdown/ }).click());
    await page.getByRole("textbox", { name: "Name" }).fill("Kleider");
    await button("Save").click();
    await page.locator(".earlier").getByRole("link", { name: "Kleider" }).waitFor();
    const [, words] = [...storedFiles(markdown.bytes)].find(([name]) => name.endsWith(".md"))!;
    expect(words.toString()).toContain(text);
    const openFile = async (name: string, buffer: Buffer) => {
      const chooser = page.waitForEvent("filechooser");
      await button("Open a saved conversation").click();
      await (await chooser).setFiles({ name, mimeType: "application/json", buffer });
    };
    await openFile(json.name, json.bytes);
    await until(async () => expect(await page.locator(".earlier li").count()).toBe(2));
    expect((await written()).trim()).toBe(text);
    await page.locator(".shown img").waitFor();
    const shared = await openHtml(browser, html.bytes.toString(), mishaps);
    expect(await shared.locator(".answer").innerText()).toContain(text);
    expect(await shared.locator("img").evaluate((img) => Reflect.get(img, "naturalWidth"))).toBe(448);
    expect(await shared.locator("script").count()).toBe(0);
    await shared.close();
    await page.locator(".new-chat").click();
    for (const question of ["What is this?", "这是什么？"]) {
      await page.locator(".new-chat").click();
      await ask(question);
      await written();
    }
    await page.getByRole("searchbox", { name: "Search conversations" }).fill("什么");
    await until(async () => expect(await page.locator(".earlier li").count()).toBe(1));
    await openFile("none.json", Buffer.from("{}"));
    await page.getByText("none.json is no conversation").waitFor();
  });

  it("reads every value of a model when it is asked to, and shows them as the inspect report does", async () => {
    await open({}, "#/model");
    await page.getByRole("combobox", { name: "Model" }).selectOption("ocellus-tiny");
    await button("Read every value").click();
    await page.getByRole("heading", { name: "The model, room by room" }).waitFor();
    await page.getByRole("heading", { name: "What 4 bits would lose" }).waitFor();
    await page.getByRole("searchbox", { name: "Find a tensor by name" }).fill("blocks.3 qkv.weight");
    await page
      .getByRole("button", { name: /blocks\.3\.attn\.qkv\.weight/ })
      .last()
      .click();
    await page.getByRole("img", { name: /How often each value occurs/ }).waitFor();
    expect(await faultsOf(page)).toEqual([]);
    expect(await overflow()).toBe(0);
    await button("切换到中文").click();
    await page.getByRole("heading", { name: "4 位会损失什么" }).waitFor();
  });

  it.each(["light", "dark"] as const)(
    "has no serious fault of accessibility around a real answer in the %s theme",
    async (colorScheme) => {
      await open({ colorScheme });
      await page.locator(".examples button:enabled").first().waitFor();
      expect(await faultsOf(page), "empty").toEqual([]);
      await page.locator(".examples button").first().click();
      await written();
      await button("Probabilities").click();
      await button("Settings").click();
      expect(await faultsOf(page), "chat").toEqual([]);
    },
  );

  it("may load and send nothing but its own, and is asked for again while its assets are kept", async () => {
    const [root, html] = await fetched("/");
    expect(root.headers.get("content-security-policy")).toMatch(/^default-src 'self';/);
    for (const path of ["/", "/openapi.json", "/v1/models", "/no-such-page"]) {
      const { headers } = (await fetched(path))[0];
      const told = ["x-content-type-options", "referrer-policy", "x-frame-options"].map((name) => headers.get(name));
      expect(told, path).toEqual(["nosniff", "no-referrer", "DENY"]);
    }
    expect(root.headers.get("cache-control")).toBe("no-cache");
    const [asset] = await fetched(/\.\/(assets\/[^"]+\.js)/.exec(html)![1]!);
    expect(asset.headers.get("cache-control")).toMatch(/immutable/);
  });

  it.each(["en-US", "zh-CN"])(
    "is there with 120 kB of markup, script and style as they are sent, in %s",
    async (locale) => {
      await open({ locale });
      await page.locator(".examples button:enabled").first().waitFor();
      const sizes = await Promise.all(loaded.map((url) => numSentBytes(new URL(url))));
      expect(sizes.length).toBeGreaterThan(2);
      expect(sizes.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(120_000);
    },
  );

  it("has a room for the API in both languages, where a call is found, tried and answered", async () => {
    await open({ viewport: { width: 390, height: 844 } }, "docs");
    await page.waitForURL(/#\/docs$/);
    await page.getByRole("heading", { name: "The API" }).waitFor();
    await page.getByLabel("Search").fill("count_tokens");
    await page.getByText("/v1/messages/count_tokens", { exact: true }).click();
    await page.getByText("input_tokens").waitFor();
    await button("Send").click();
    await page.getByText(/^200 after/).waitFor();
    expect(await page.locator(".answered pre").innerText()).toMatch(/"input_tokens": \d+/);
    await page.getByLabel("Body").fill("{");
    expect(await button("Send").isDisabled()).toBe(true);
    await page.getByLabel("Search").fill("chat/completions");
    await page.getByText("/v1/chat/completions", { exact: true }).click();
    await page.getByLabel("Body").fill('{"model": "ocellus-tiny", "messages": 1}');
    await button("Send").click();
    await page.getByText(/^400 after/).waitFor();
    mishaps.splice(0); // the browser notes every refusal
    expect(await overflow()).toBe(0);
    await page.evaluate("localStorage.setItem('ocellus.preferences', JSON.stringify({ language: 'zh' }))");
    await page.reload();
    await page.getByText(summariesZh.postChatCompletions!).waitFor();
  });

  it("is not needed: a server without it describes its API without scripts, in the reader's language and theme", async () => {
    const bare = await startServer({});
    try {
      for (const [colorScheme, locale, title] of [
        ["light", "en-US", "Ocellus API"],
        ["dark", "zh-CN", "Ocellus 接口"],
      ] as const) {
        await open({ colorScheme, locale, viewport: { width: 390, height: 844 } }, "health/live");
        await page.goto(`${bare.url}/docs`);
        expect(await page.title()).toBe(title);
        await page.getByText("/v1/chat/completions", { exact: true }).click();
        await page.getByText("max_pixels").first().waitFor();
        expect(await page.evaluate(`getComputedStyle(document.querySelector(".post")).textTransform`)).toBe(
          "uppercase",
        );
        expect(await overflow(), colorScheme).toBe(0);
        expect(await faultsOf(page, { all: true }), colorScheme).toEqual([]);
        await page.context().close();
      }
      mishaps.splice(0); // it has no icon
      const { headers } = await fetch(`${bare.url}/docs`);
      expect(headers.get("content-security-policy")).toMatch(/^default-src 'none'; style-src 'unsafe-inline';/);
    } finally {
      await bare.close();
    }
  });
});

describe("a clone without the built page", () => {
  it("is told the command that builds it", async () => {
    const bare = await startServer({}, {}, { webFolder: temporaryFolder() });
    const response = await fetch(bare.url);
    expect([response.status, await response.text()]).toEqual([503, expect.stringContaining("npm run build:web")]);
    await bare.close();
  });
});

const catalogue = ["dress.jpg", "boots.jpg", "screen-error.jpg", "screen-done.jpg", "copy.jpg"];

/** A collection with one picture that is there twice, and two dialogs that look alike. */
async function makeCatalogue(): Promise<void> {
  const root = "/v1/ocellus/collections";
  await server.post(root, { name: "shop" });
  const entries = catalogue.map((source) => {
    const bytes = readFileSync(image(source === "copy.jpg" ? "dress.jpg" : source));
    return { source, image_url: `data:image/jpeg;base64,${bytes.toString("base64")}` };
  });
  const { status } = await server.post(`${root}/shop/entries`, { entries });
  expect(status).toBe(200);
}

/** As a browser is sent it: `fetch` undoes the compression. */
function numSentBytes(url: URL): Promise<number> {
  return new Promise((done, fail) => {
    get(url, { headers: { "accept-encoding": "gzip" } }, (response) => {
      let bytes = 0;
      response.on("data", (piece: Buffer) => (bytes += piece.length)).on("end", () => done(bytes));
    }).on("error", fail);
  });
}

async function fetched(path: string): Promise<[Response, string]> {
  const response = await fetch(new URL(path, server.url));
  return [response, await response.text()];
}

/** Hands the page a file as the clipboard or a drag does. Code for the browser is text: its types are not the tests'. */
async function give(type: "paste" | "drop", name: string, onto = "textarea"): Promise<void> {
  const bytes = JSON.stringify([...readFileSync(image(name))]);
  const event = type === "paste" ? "ClipboardEvent" : "DragEvent";
  await page.evaluate(`{
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(${bytes})], "${name}", { type: "image/jpeg" }));
    const options = { bubbles: true, cancelable: true, clipboardData: data, dataTransfer: data };
    document.querySelector("${onto}").dispatchEvent(new ${event}("${type}", options));
  }`);
  await page.getByRole("button", { name: `Show ${name} large` }).waitFor();
}

/** Presses Tab until the focus is on what the selector names. */
async function tabTo(selector: string): Promise<void> {
  for (let presses = 0; presses < 100; presses++) {
    await page.keyboard.press("Tab");
    if ((await page.locator(selector).and(page.locator(":focus")).count()) > 0) return;
  }
  throw new Error(`a hundred presses of Tab did not reach ${selector}`);
}

async function downloaded(act: () => Promise<void>): Promise<{ name: string; bytes: Buffer }> {
  const waiting = page.waitForEvent("download");
  await act();
  const download = await waiting;
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

/** Of an archive that compresses nothing, by its directory at the end. */
function* storedFiles(zip: Buffer): Generator<[name: string, bytes: Buffer]> {
  for (let at = zip.readUInt32LE(zip.lastIndexOf("PK\x05\x06") + 16); zip.readUInt32LE(at) === 0x02014b50; ) {
    const [size, nameLength] = [zip.readUInt32LE(at + 20), zip.readUInt16LE(at + 28)];
    const local = zip.readUInt32LE(at + 42);
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    yield [zip.toString("utf8", at + 46, at + 46 + nameLength), zip.subarray(start, start + size)];
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
}

function overflow(): Promise<number> {
  return page.evaluate("document.documentElement.scrollWidth - innerWidth");
}

/** The demo in Chromium: built, answered by WebAssembly, stored, and asked again when its server is gone. */
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import labels from "../examples/pictures/labels.json" with { type: "json" };
import { buildDemo } from "../scripts/demo-web.js";
import { type StaticServer, serveFolder } from "../scripts/static-server.js";
import { faultsOf, noBrowser, openBrowser } from "./support/browser.js";
import { temporaryFolder } from "./support/folders.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());
vi.stubEnv("NODE_ENV", "production"); // what is built is what ships

describe.skipIf(noBrowser)("the demo without a server", () => {
  let sizeBytes: number;
  let server: StaticServer;
  let browser: Browser;
  let page: Page;
  const faults: string[] = [];
  const requests: string[] = [];

  beforeAll(async () => {
    const out = join(temporaryFolder(), "site");
    sizeBytes = await buildDemo(out);
    server = await serveFolder(out);
    browser = await openBrowser();
    page = await browser.newPage({ locale: "en-GB", colorScheme: "light" });
    page.on("pageerror", (error) => faults.push(error.message));
    page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
    page.context().on("request", (request) => requests.push(request.url()));
    await page.goto(server.url);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  /** Chooses an example, which asks its question; the answer once it is whole. */
  async function answerTo(title: string): Promise<string> {
    await page.getByRole("button", { name: title }).click();
    await page.locator("section[aria-busy=false] .said").waitFor();
    return (await page.locator(".said").textContent())!;
  }
  const ready = () => page.locator(".fetching").waitFor({ state: "detached" });
  const [dress] = labels;
  const expected = dress!.questions.find(({ language, kind }) => language === "en" && kind === "describe")!.answer;

  it("has less than 16 MB in all, as its host stores it", () => {
    expect(sizeBytes).toBeLessThan(16e6);
  });

  it("answers, shows where it looked, and asks no other host", async () => {
    await ready();
    expect(await answerTo(dress!.title)).toBe(expected);
    await page.locator("canvas.heat").waitFor();
    expect(await page.evaluate("crossOriginIsolated")).toBe(true);
    expect(requests.filter((url) => !url.startsWith(server.url) && !/^(blob|data):/.test(url))).toEqual([]);
    expect(faults).toEqual([]);
  });

  it("asks nothing of any host for another answer", async () => {
    const before = requests.length;
    await page.getByLabel("Your question").fill("What colour is it?");
    await page.getByRole("button", { name: "Ask", exact: true }).click();
    await page.locator("section[aria-busy=true]").waitFor({ state: "detached" });
    await page.locator("canvas.heat").waitFor();
    expect(requests.slice(before).filter((url) => url.startsWith("http"))).toEqual([]);
  });

  it("is readable by all in both themes, and speaks Chinese", async () => {
    expect(await faultsOf(page)).toEqual([]);
    await page.getByRole("button", { name: "Dark theme" }).click();
    expect(await faultsOf(page)).toEqual([]);
    await page.getByRole("button", { name: "中文" }).click();
    await page.getByRole("heading", { name: "图片不会离开此页面" }).waitFor();
    await page.getByRole("button", { name: "English" }).click();
  });

  it("works when its server is gone", async () => {
    await page.getByText("Works offline from now on.").waitFor();
    await server.close();
    await page.reload();
    await ready();
    expect(await answerTo(dress!.title)).toBe(expected);
  });
});

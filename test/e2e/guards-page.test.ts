/** The page of the guards in real Chromium: the policy in force, a sentence and a picture tried, a false hit proposed. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Guards } from "../../src/guardrails/index.js";
import { en } from "../../web/src/words-en.js";
import { faultsOf, noBrowser, openBrowser } from "../support/browser.js";
import { builtPage } from "../support/built-page.js";
import { temporaryFolder } from "../support/folders.js";
import { forbiddenImage, forbiddenWord, openGuards, strictPolicy, witness } from "../support/guards.js";
import { startServer, type TestServer } from "../support/server.js";

describe.skipIf(noBrowser)("the guards' page", () => {
  const folder = temporaryFolder();
  let server: TestServer;
  let guards: Guards;
  let browser: Browser;
  let page: Page;
  const mishaps: string[] = [];
  beforeAll(async () => {
    const webFolder = await builtPage();
    guards = await openGuards(folder, { ...(await strictPolicy()), audit: { file: "audit.jsonl" } });
    server = await startServer({ scripted: witness() }, { insecureLocalAdmin: true }, { guards, webFolder });
    browser = await openBrowser();
    page = await (await browser.newContext()).newPage();
    page.on("pageerror", (error) => mishaps.push(String(error)));
    page.on("console", (message) => message.type() === "error" && mishaps.push(message.text()));
    await page.goto(`${server.url}/#/guards`);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await guards?.close();
  });

  it("shows the policy, tries words and pictures, and takes a false hit", async () => {
    await page.getByText(`Policy ${guards.policy.version}`).waitFor();
    await page.getByRole("textbox", { name: "A sentence to check" }).fill(`the town of ${forbiddenWord}`);
    const chooser = page.waitForEvent("filechooser");
    await page.getByRole("button", { name: "Choose pictures to check" }).click();
    await (await chooser).setFiles({ name: "grey.png", mimeType: "image/png", buffer: forbiddenImage });
    await page.getByRole("button", { name: "Show grey.png large" }).waitFor();
    await page.getByRole("button", { name: "Check", exact: true }).click();
    const result = page.locator(".tried");
    await result.getByText("blocked").first().waitFor();
    expect(await result.innerText()).toMatch(
      /Guard words found words, 60% sure[\s\S]*Guard known found violence, 100% sure/,
    );
    expect(await result.locator("mark").innerText()).toBe(forbiddenWord);
    expect(await result.locator(".veiled").getAttribute("data-shown")).toBe("false");
    await result.getByRole("button", { name: "Show the picture" }).click();
    await result.getByRole("button", { name: "Show grey.png large" }).waitFor();
    await result.getByRole("button", { name: "Not a hit" }).first().click();
    await page.getByText("Noted for whoever keeps the lists.").waitFor();
    expect(readFileSync(join(folder, "policy.json.proposals.jsonl"), "utf8")).toContain(`the town of ${forbiddenWord}`);
    const stopped = page.getByRole("region", { name: "What was stopped" });
    await stopped.getByText("A picture of yours was stopped. Guard known found violence").waitFor();
    expect(await faultsOf(page)).toEqual([]);
    await page.setViewportSize({ width: 390, height: 844 });
    expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBe(0);
    expect(mishaps).toEqual([]);
  });

  it("shows what was refused in a conversation, and what one more rule would have done to the log", async () => {
    await page.goto(`${server.url}/#/chat`);
    await page.getByRole("textbox", { name: "Ask", exact: true }).fill(`tell me of ${forbiddenWord}`);
    await page.keyboard.press("Enter");
    await page.getByRole("alert").waitFor();
    mishaps.splice(0); // the browser notes every refusal
    await page.goto(`${server.url}/#/guards`);
    const stopped = page.getByRole("region", { name: "What was stopped" }).getByRole("listitem").first();
    await stopped.getByText(`tell me of ${forbiddenWord}`).waitFor();
    await page.getByRole("combobox", { name: "Then" }).selectOption("flag");
    await page.getByRole("combobox", { name: "Guard", exact: true }).selectOption("words");
    await page.getByRole("button", { name: "Look at the log" }).click();
    await page.getByText("2 × blocked would have been flagged").waitFor();
    expect(mishaps).toEqual([]);
  });

  it("asks again with another key, and then shows no problem of the old one", async () => {
    const isKeyed = (headers: Record<string, string>) => headers.authorization === "Bearer sk-new";
    await page.route(/\/v1\//, (route) => {
      if (isKeyed(route.request().headers())) return route.continue({ headers: {} });
      const error = { message: "no", type: "authentication_error", param: null, code: "unauthorized" };
      return route.fulfill({ status: 401, json: { error } });
    });
    await page.reload();
    await page.getByRole("alert").getByText(en.problems.unauthorized).waitFor();
    await page.getByLabel("This server asks for a key.").fill("sk-new");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText(`Policy ${guards.policy.version}`).waitFor();
    expect(await page.getByRole("alert").count()).toBe(0);
  });
});

/** The page of versions in a real Chromium: what a person sees of a rollout, and does about it. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { patienceMs, until } from "../../src/core/base/until.testkit.js";
import { writeCheckpoint } from "../../src/inspect/unknown-family.testkit.js";
import { deploy, promote, startCanary, startShadow } from "../../src/rollout/index.js";
import { createKey, KeyRing, keyFileText } from "../../src/server/index.js";
import { faultsOf, noBrowser, openBrowser } from "../support/browser.js";
import { builtPage } from "../support/built-page.js";
import { temporaryFolder } from "../support/folders.js";
import { startServer } from "../support/server.js";
import {
  type Behaviour,
  startVersionedServer,
  type VersionedOptions,
  type VersionedServer,
} from "../support/versioned-server.js";

let webFolder: string;
let browser: Browser;
let page: Page;
const open: { close(): Promise<unknown> }[] = [];
const mishaps: string[] = [];

async function show(url: string, options: BrowserContextOptions = {}): Promise<void> {
  const context = await browser.newContext({ locale: "en-US", colorScheme: "light", ...options });
  context.setDefaultTimeout(patienceMs);
  open.unshift(context);
  page = await context.newPage();
  page.on("pageerror", (error) => mishaps.push(error.message));
  page.on("console", (message) => message.type() === "error" && mishaps.push(message.text()));
  await page.goto(`${url}/#/versions`);
}

async function setUp(
  options: VersionedOptions["options"] = {},
  behaviours: Record<string, Behaviour> = { v1: {}, v2: {}, v3: {} },
): Promise<VersionedServer> {
  const setup = await startVersionedServer(behaviours, { options: { webFolder, ...options } });
  open.push(setup);
  return setup;
}

/** v2 is served after v1, and half of the users try v3. */
async function rollOut({ registry, deployments, ask }: VersionedServer): Promise<void> {
  await registry.run("alice@laptop", deploy("prod", "v2"));
  await registry.run("alice@laptop", startCanary("prod", "v3", { steps: [0.5, 1], analysis: true }));
  await deployments.settle();
  for (let user = 0; user < 12; user++) await ask({}, { user: `user ${user}` });
}

const button = (name: string) => page.getByRole("button", { name, exact: true });
const dialog = () => page.getByRole("dialog");
const prod = () => page.getByRole("region", { name: "prod", exact: true });
const newest = () => page.getByRole("region", { name: "History" }).getByRole("listitem").first();

/** Presses a button, reads what it says it will do, and agrees. */
async function agree(name: string): Promise<string> {
  await button(name).click();
  const text = await dialog().locator("p").innerText();
  await dialog().getByRole("button", { name, exact: true }).click();
  await dialog().waitFor({ state: "detached" });
  return text;
}

describe.skipIf(noBrowser)("the page of versions", () => {
  beforeAll(async () => {
    webFolder = await builtPage();
    browser = await openBrowser();
  });
  afterEach(async () => {
    for (const one of open.splice(0)) await one.close();
    expect(mishaps.splice(0)).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
  });

  it("shows a canary with its share and the figures of the analysis, and follows what others change", async () => {
    const setup = await setUp();
    await show(setup.server.url);
    await prod().getByText("prod serves v1").waitFor();
    await rollOut(setup);
    await prod().getByText("tries v3 with 50% of the users").waitFor();
    const failed = prod().getByRole("row", { name: /^Failed/ });
    await until(async () => {
      const counts = [...(await failed.innerText()).matchAll(/users?, (\d+) answers?/g)].map(([, count]) =>
        Number(count),
      );
      expect(counts[0]! + counts[1]!).toBe(12);
    });
    await setup.registry.run("bob@laptop", promote("prod", { reason: "seen enough" }));
    await prod().getByText("prod serves v3").waitFor();
    expect(await newest().innerText()).toMatch(/prod serves v3, promoted\s+seen enough\s+.*bob@laptop/);
  });

  it("says what a button will do, does it, and not when it is cancelled", async () => {
    const setup = await setUp();
    await rollOut(setup);
    await show(setup.server.url);
    await button("Roll back").click();
    await dialog().getByRole("button", { name: "Cancel" }).click();
    expect(setup.registry.state.aliases.get("prod")!.canary).toBeDefined();
    expect(await agree("Pause the analysis")).toMatch(/neither promotes v3 nor turns it back/);
    expect(await agree("Resume the analysis")).toMatch(/may promote v3/);
    await page.getByRole("slider").fill("70");
    expect(await agree("Set to 70%")).toMatch(/v3 gets 70% of the users of prod in place of 50%/);
    await prod().getByText("tries v3 with 70% of the users").waitFor();
    expect(await agree("Roll back")).toMatch(/All users of prod get v2 at once/);
    await button("Promote").waitFor({ state: "detached" });
    expect(await agree("Roll back")).toMatch(/get v1 in place of v2.*loaded here: this takes effect at once/);
    await prod().getByText("prod serves v1").waitFor();
    expect((await setup.ask()).said).toBe("v1");
  });

  it("promotes the canary that was shown, and not another that came while the dialog was open", async () => {
    const setup = await setUp();
    await rollOut(setup);
    await show(setup.server.url);
    await button("Promote").click();
    await setup.registry.run("bob@laptop", promote("prod"));
    await setup.registry.run("bob@laptop", startCanary("prod", "v1", { steps: [0.1], analysis: false }));
    await dialog().getByRole("button", { name: "Promote" }).click();
    expect(await prod().getByRole("alert").innerText()).toMatch(/v1, not v3.*look again/);
    mishaps.splice(0); // the browser notes every refusal
    expect(setup.registry.state.aliases.get("prod")).toMatchObject({ tag: "v3", canary: { tag: "v1" } });
  });

  it("tries another version with a share, from the mark that was pressed, and ends it; then deploys and shadows", async () => {
    const { registry } = await setUp();
    const now = () => registry.state.aliases.get("prod");
    await show((open.at(-1) as VersionedServer).server.url);
    await prod().getByText("Change version…").click();
    await prod().getByLabel("Version").selectOption("v2");
    await prod().getByRole("button", { name: "25%" }).click();
    await prod().getByText("Climbs 25% → 50% → 100%").waitFor();
    expect(await agree("Try v2 with 25%")).toMatch(/25% of the users of prod get v2.*v2 is loaded first/);
    await prod().getByText("tries v2 with 25% of the users").waitFor();
    expect(now()!.canary).toMatchObject({ tag: "v2", plan: { steps: [0.25, 0.5, 1], analysis: true } });
    expect(await agree("Shadow with v3")).toMatch(/v3 runs beside v1\. It is asked what users of prod have asked/);
    expect(await agree("End the shadow")).toMatch(/v3 does not run beside prod any more/);
    await button("End the shadow").waitFor({ state: "detached" });
    await agree("Roll back");
    await prod().getByRole("radio", { name: "Deploy it" }).check();
    await prod().getByLabel("Version").selectOption("v2");
    expect(await agree("Deploy v2")).toMatch(/All users of prod get v2 in place of v1, without a trial.*at once/);
    await prod().getByText("prod serves v2").waitFor();
    expect(now()).toMatchObject({ tag: "v2", previous: ["v1"] });
    expect(now()!.shadow ?? now()!.canary).toBeUndefined();
  });

  it("compares first, lets each step last, and asks a gate before it, as the fields say", async () => {
    const { registry, server } = await setUp();
    const plan = () => registry.state.aliases.get("prod")!.canary?.plan;
    await show(server.url);
    await prod().getByText("Change version…").click();
    await prod().getByLabel("Version").selectOption("v2");
    await prod().getByLabel("First compare only").check();
    await prod().getByLabel("Its answers must be so alike").fill("90");
    await prod().getByLabel("Each step lasts at least").fill("30");
    await prod().getByLabel("Address to ask").fill("http://127.0.0.1:9/gate");
    await prod().getByText("Climbs 0% → 5% → 25% → 50% → 100%").waitFor();
    expect(await agree("Try v2 with 0%")).toMatch(/they all stay with v1.*at least 30 min.*:9\/gate is asked/);
    await prod().getByText("Each step lasts at least 30 min. Asked before each step").waitFor();
    expect(plan()).toMatchObject({ steps: [0, 0.05, 0.25, 0.5, 1], analysis: true, stepSeconds: 1800 });
    expect(plan()).toMatchObject({ agreement: { floor: 0.9 }, gate: "http://127.0.0.1:9/gate" });
    await agree("Roll back");
    await prod().getByLabel("Let the analysis decide").uncheck();
    await prod().getByLabel("First compare only").uncheck();
    await prod().getByLabel("Address to ask").fill("ftp://127.0.0.1/gate");
    await agree("Try v2 with 5%");
    expect(await prod().getByRole("alert").innerText()).toMatch(/gate/);
    mishaps.splice(0); // the browser notes every refusal
    await prod().getByLabel("Address to ask").fill("");
    await prod().getByLabel("Unit").selectOption("days");
    expect(await agree("Try v2 with 5%")).toMatch(/The clock goes on.*nobody looks at its answers.*30 d/);
    await prod().getByText("tries v2 with 5% of the users").waitFor();
    expect(plan()).toEqual({ steps: [0.05, 0.25, 0.5, 1], analysis: false, stepSeconds: 2_592_000 });
  });

  it("begins nothing when the alias has moved on while the dialog was open; and makes new aliases", async () => {
    const { registry, server } = await setUp();
    await show(server.url);
    await prod().getByText("Change version…").click();
    await prod().getByLabel("Version").selectOption("v2");
    await button("Try v2 with 5%").click();
    await registry.run("bob@laptop", deploy("prod", "v3"));
    await dialog().getByRole("button", { name: "Try v2 with 5%" }).click();
    expect(await prod().getByRole("alert").innerText()).toMatch(/version of prod is v3, not v1: look again/);
    mishaps.splice(0); // the browser notes every refusal
    expect(registry.state.aliases.get("prod")).not.toHaveProperty("canary");
    await page.getByText("New alias…").click();
    await page.getByLabel("Name that clients ask for").fill("staging");
    expect(await agree("Deploy v3")).toMatch(/Clients may ask for staging and get v3/);
    await page.getByRole("heading", { name: "staging serves v3" }).waitFor();
  });

  it("draws what both versions' answers were like over time, and says it in a table", async () => {
    const setup = await setUp({}, { v1: {}, v2: {}, v3: { fails: () => true } });
    await rollOut(setup);
    await show(setup.server.url);
    const failed = page.getByRole("img", { name: /^Failed: v2 0% \(0%–[\d.]+%\); v3 100% \([\d.]+%–100%\)/ });
    await failed.waitFor();
    expect(await failed.locator(".line.canary").getAttribute("d")).toMatch(/^M[\d.]+ 0\.0/); // at the top
    await prod().getByText("As a table").click();
    const numAnswers = async () => {
      const text = await prod()
        .getByRole("row", { name: /^Failed .*\(/ })
        .innerText();
      return [...text.matchAll(/of (\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0);
    };
    expect(await numAnswers()).toBe(12);
    for (let user = 0; user < 8; user++) await setup.ask({}, { user: `user ${user}` });
    await until(async () => expect(await numAnswers()).toBe(20));
    await prod().getByRole("radio", { name: "24 h" }).check();
    await prod().getByText("Each point is 40 min").waitFor();
    expect(await prod().locator(".mark-label").first().textContent()).toBe("50%");
  });

  it("says how alike the answers of a shadow are, in both languages", async () => {
    const setup = await setUp({}, { v1: { says: "a red dress" }, v2: { says: "a blue dress" } });
    await setup.registry.run("alice@laptop", startShadow("prod", "v2"));
    await setup.deployments.settle();
    for (let i = 0; i < 3; i++) await setup.ask();
    await show(setup.server.url);
    const told = /v2, 66\.7% alike to v1 over 3 questions\. 0 answers the same, 0 failed, 0 questions left out/;
    await prod().getByText(told).waitFor();
    await show(setup.server.url, { locale: "zh-CN", colorScheme: "dark" });
    await prod().getByText("3 个问题上与 v1 的回答相似度为 66.7%").waitFor();
  });

  it("shows what differs between two versions, and how far the values moved when that was asked for", async () => {
    const checkpoint = (name: string, theta: number, moved: number) =>
      writeCheckpoint(
        join(temporaryFolder(), name),
        { "visual.blocks.0.attn.qkv.weight": [8, 8], "model.layers.0.mlp.up_proj.weight": [8, 8] },
        { rope_theta: theta },
        (tensor, i) => Math.sin(i + 1) + (tensor.startsWith("model") ? moved : 0),
      );
    const { server } = await setUp(
      {},
      {
        v1: { folder: await checkpoint("a", 10_000, 0) },
        v2: { folder: await checkpoint("b", 20_000, 0.1) },
      },
    );
    await show(server.url);
    await button("Compare v2").click();
    const compared = page.getByRole("region", { name: "What differs" });
    await compared.getByRole("row", { name: /rope_theta.*10000 → 20000/ }).waitFor();
    await button("Compare every value").click();
    await compared.getByText("only the decoder moved; the configs differ").waitFor();
    await compared.getByText("Decoder", { exact: true }).click();
    expect(await compared.getByRole("row", { name: /model\.layers\.0/ }).innerText()).toMatch(/\t\d+(\.\d+)?%$/);
    expect([await faultsOf(page), await compared.getByText("equal").count()]).toEqual([[], 1]);
  });

  it("asks for an admin key where one is needed, and continues with it", async () => {
    const { secret, key } = createKey("alice");
    const path = join(temporaryFolder(), "admin.json");
    await writeFile(path, keyFileText([key]));
    const setup = await setUp({ adminKeys: await KeyRing.open(path) });
    await show(setup.server.url);
    await page.getByLabel("Versions are changed with an admin key.").fill(secret);
    mishaps.splice(0); // the browser notes every refusal
    await button("Save").click();
    await prod().waitFor();
    await setup.registry.run("bob@laptop", deploy("prod", "v2"));
    await agree("Roll back");
    await until(async () => expect(await newest().innerText()).toMatch(/alice@admin/));
  });

  it("says how to start a server that has versions, where this one has none", async () => {
    const server = await startServer({}, {}, { webFolder });
    open.push(server);
    await show(server.url);
    await page.getByText("ocellus serve --registry ./registry").waitFor();
    mishaps.splice(0); // the browser notes every refusal
  });

  it.each([
    ["light", "en-US"],
    ["dark", "zh-CN"],
  ] as const)(
    "fits a phone and has no serious fault of accessibility, in the %s theme in %s",
    async (colorScheme, locale) => {
      const setup = await setUp();
      await rollOut(setup);
      await show(setup.server.url, { colorScheme, locale, viewport: { width: 390, height: 844 } });
      await page.locator(".canary .rates").waitFor();
      await page.locator(".chart").first().waitFor();
      for (const closed of await page.locator(".opens > summary").all()) await closed.click();
      const overflow = () => page.evaluate("document.documentElement.scrollWidth - innerWidth");
      expect([await overflow(), await faultsOf(page)]).toEqual([0, []]);
      await page.locator(".alias .soft").first().click();
      await dialog().waitFor();
      expect([await overflow(), await faultsOf(page)]).toEqual([0, []]);
    },
  );
});

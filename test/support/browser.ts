/** Pages of ours in a real browser: a page that writes down its faults. */
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { AxeResults } from "axe-core";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { temporaryFolder } from "./folders.js";

export { noBrowser, openBrowser, openUserBrowser, type UserBrowser } from "./chromium.js";

/** Opens a page of ours from a file. `faults` gets errors, what is logged, and every request but for files and data. */
export async function openHtml(
  browser: Browser,
  html: string,
  faults: string[],
  options: BrowserContextOptions = {},
): Promise<Page> {
  const path = join(temporaryFolder(), "page.html");
  writeFileSync(path, html);
  const page = await browser.newPage(options);
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => faults.push(message.text()));
  page.on("request", (request) => /^(file|data):/.test(request.url()) || faults.push(request.url()));
  await page.goto(pathToFileURL(path).href);
  return page;
}

/** Colours fade for a moment. */
const fadesEnd = `new Promise(requestAnimationFrame).then(() => Promise.allSettled(
  document.getAnimations().filter((each) => each instanceof CSSTransition).map((each) => each.finished)))`;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface AxeOptions {
  /** Else only the serious and the critical ones. */
  readonly all?: boolean;
  /** Else all. */
  readonly rules?: readonly string[] | undefined;
}

/** Violations of axe's rules, each with its first place. */
export async function faultsOf(page: Page, { all = false, rules }: AxeOptions = {}): Promise<string[]> {
  await page.evaluate(fadesEnd);
  if (!(await page.evaluate("'axe' in globalThis"))) await page.evaluate(axe);
  const { violations } = await page.evaluate<AxeResults>(`axe.run(${JSON.stringify(rules ? { runOnly: rules } : {})})`);
  return violations
    .filter(({ impact }) => all || impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes[0]!.html.slice(0, 200)} ${nodes[0]!.failureSummary}`);
}

/**
 * The demo page in Chromium, by WebAssembly: how long until its model can be asked, and until it has answered about the first
 * picture, at the first visit and at the next one, from this machine's disk.
 *   npm run bench -- demo-web [--rounds 3]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildDemo } from "../scripts/demo-web.js";
import { serveFolder } from "../scripts/static-server.js";
import { formatBytes } from "../src/core/base/index.js";
import { openBrowserProfile } from "../test/support/chromium.js";
import { median } from "./support/median.js";

const names = ["opened, ms", "first text after the click, ms", "whole answer after the click, ms"] as const;

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { rounds: { type: "string", default: "3" } } });
  const folder = mkdtempSync(join(tmpdir(), "ocellus-demo-bench-"));
  process.env.NODE_ENV = "production"; // as `npm run demo:web` builds it
  console.log(`${formatBytes(await buildDemo(join(folder, "site")))} in all`);
  const server = await serveFolder(join(folder, "site"));
  const visits: Record<string, number[][]> = { "first visit": [], "next visit": [] };
  try {
    for (let round = 0; round < Number(values.rounds); round++) {
      const context = await openBrowserProfile(join(folder, `profile-${round}`));
      for (const times of Object.values(visits)) times.push(await visit(await context.newPage(), server.url));
      await context.close();
    }
  } finally {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  }
  const rows = Object.entries(visits).map(([name, times]) => {
    return [
      name,
      Object.fromEntries(names.map((figure, i) => [figure, Math.round(median(times.map((of) => of[i]!)))])),
    ];
  });
  console.table(Object.fromEntries(rows));
}

type Page = Awaited<ReturnType<Awaited<ReturnType<typeof openBrowserProfile>>["newPage"]>>;

async function visit(page: Page, url: string): Promise<number[]> {
  const started = performance.now();
  await page.goto(url);
  await page.locator(".fetching").waitFor({ state: "detached" });
  const openedMs = performance.now() - started;
  const asked = performance.now();
  await page.locator(".thumbs button").first().click();
  await page.locator(".said:not(:empty)").waitFor();
  const firstMs = performance.now() - asked;
  await page.locator("section[aria-busy=false] .said").waitFor();
  const wholeMs = performance.now() - asked;
  await page.close();
  return [openedMs, firstMs, wholeMs];
}

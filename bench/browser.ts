/**
 * `ocellus/web` beside transformers.js: one model that both run, on the same page server, machine and Chromium, one after the other,
 * each in a browser profile of its own: opening with nothing stored, opening stored, first token, tokens a second, memory.
 *
 *   npm run bench -- browser --checkpoint FOLDER --export FOLDER --home FOLDER [--device cpu] [--threads 2] [--rounds 3] [--tokens 64]
 *     [--json]
 *
 * `--home` is where `bash bench/peers/install.sh FOLDER transformers.js` put it, `--export` what `bash bench/peers/install.sh FOLDER
 * onnx-export CHECKPOINT` wrote beside it: the same checkpoint in 4 bits, block 32, as transformers.js expects it, made by ONNX
 * Runtime's own model builder, whose attention is fused as ours is.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { BrowserContext, Page } from "playwright-core";
import { build } from "vite";
import { serveFolder } from "../scripts/static-server.js";
import { pack, webPlan } from "../src/core/pack/index.js";
import { openBrowserProfile } from "../test/support/chromium.js";
import { median } from "./support/median.js";

const peers = ["ours", "theirs"] as const;
type Peer = (typeof peers)[number];

/** Some 60 tokens, and an answer that does not end early. */
const prompt =
  "Write a long story about a lighthouse keeper who finds a bottle with a letter in it. Describe the sea, the weather, the rocks and the lamp in detail, tell what the letter says, who wrote it and why, and let the keeper answer it at the end.";

interface Answer {
  readonly firstMs: number;
  readonly tokensPerSecond: number;
  readonly completionTokens: number;
  readonly text: string;
}

interface Round {
  readonly coldOpenMs: number;
  readonly storedOpenMs: number;
  readonly firstMs: number;
  readonly tokensPerSecond: number;
  readonly memoryBytes: number;
}

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      checkpoint: { type: "string" },
      export: { type: "string" },
      home: { type: "string" },
      device: { type: "string", default: "cpu" },
      threads: { type: "string", default: "2" },
      rounds: { type: "string", default: "3" },
      tokens: { type: "string", default: "64" },
      json: { type: "boolean", default: false },
    },
  });
  const { checkpoint, home, export: exported } = values;
  if (!checkpoint || !home || !exported)
    throw new Error("name --checkpoint, --export and --home; see bench/browser.ts");
  const site = mkdtempSync(join(tmpdir(), "ocellus-browser-bench-"));
  await buildSite(site, resolve(checkpoint), resolve(exported), resolve(home));
  const server = await serveFolder(site);
  const [device, threads, numTokens] = [values.device, Number(values.threads), Number(values.tokens)];
  const rounds: Record<Peer, Round[]> = { ours: [], theirs: [] };
  try {
    for (let round = 0; round < Number(values.rounds); round++)
      for (const peer of round % 2 === 0 ? peers : peers.toReversed())
        rounds[peer].push(await measure(peer, server.url, { device, threads, numTokens }));
  } finally {
    await server.close();
    rmSync(site, { recursive: true, force: true });
  }
  const medians = peers.map((peer) => [peer, mediansOf(rounds[peer])] as const);
  if (values.json) console.log(JSON.stringify({ rounds, medians: Object.fromEntries(medians) }));
  else console.table(Object.fromEntries(medians));
}

function mediansOf(rounds: readonly Round[]): Round {
  const names = Object.keys(rounds[0]!) as (keyof Round)[];
  return Object.fromEntries(
    names.map((name) => [name, median(rounds.map((round) => round[name]))]),
  ) as unknown as Round;
}

interface Setting {
  readonly device: string;
  readonly threads: number;
  readonly numTokens: number;
}

/** The first answer of a page compiles and allocates: the second is measured, to a prompt that begins otherwise, as a cache may know the first. */
async function measure(peer: Peer, url: string, setting: Setting): Promise<Round> {
  const profile = mkdtempSync(join(tmpdir(), "ocellus-profile-"));
  const context = await openBrowserProfile(profile);
  try {
    const coldOpenMs = await inPage(context, peer, url, setting, async (_, openMs) => openMs);
    return await inPage(context, peer, url, setting, async (page, storedOpenMs) => {
      await ask(page, `Please listen. ${prompt}`, setting.numTokens);
      const { firstMs, tokensPerSecond, completionTokens, text } = await ask(page, prompt, setting.numTokens);
      console.error(`${peer}: ${completionTokens} tokens, ${JSON.stringify(text.slice(0, 60))}…`);
      return { coldOpenMs, storedOpenMs, firstMs, tokensPerSecond, memoryBytes: await memoryOf(context) };
    });
  } finally {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  }
}

async function inPage<T>(
  context: BrowserContext,
  peer: Peer,
  url: string,
  { device, threads }: Setting,
  use: (page: Page, openMs: number) => Promise<T>,
): Promise<T> {
  const page = await context.newPage();
  page.on("pageerror", (error) => console.error(`${peer}: ${error.message}`));
  await page.goto(`${url}${peer}.html`);
  const setting = { modelUrl: `${url}models/${peer}/`, wasmPaths: `${url}ort/${peer}/`, device, threads };
  const openMs = await page.evaluate<number>(`(async () => {
    const started = performance.now();
    globalThis.ask = await bench.open(${JSON.stringify(setting)});
    return performance.now() - started;
  })()`);
  const result = await use(page, openMs);
  await page.close();
  return result;
}

function ask(page: Page, question: string, numTokens: number): Promise<Answer> {
  return page.evaluate<Answer>(`ask(${JSON.stringify(question)}, ${numTokens})`);
}

/** Of the page's process, its share of what several processes map counted in part. Linux only. */
async function memoryOf(context: BrowserContext): Promise<number> {
  const session = await context.browser()!.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  const pages = processInfo.filter(({ type }) => type === "renderer");
  const sizes = pages.map(({ id }) => /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${id}/smaps_rollup`, "utf8"))?.[1]);
  return 1024 * Math.max(...sizes.map(Number));
}

async function buildSite(site: string, checkpoint: string, exported: string, home: string): Promise<void> {
  await pack(checkpoint, { plan: webPlan({}), forWeb: true, into: join(site, "models/ours") });
  symlinkSync(exported, join(site, "models/theirs"));
  const modules = join(home, "transformers.js/node_modules");
  const own = dirname(createRequire(import.meta.url).resolve("onnxruntime-web/ort-wasm-simd-threaded.wasm"));
  const theirs = join(modules, "onnxruntime-web/dist");
  for (const [peer, path] of [
    ["ours", own],
    ["theirs", theirs],
  ] as const) {
    mkdirSync(join(site, "ort"), { recursive: true });
    cpSync(path, join(site, "ort", peer), { recursive: true });
    writeFileSync(
      join(site, `${peer}.html`),
      `<!doctype html><title>${peer}</title><script type="module" src="${peer}.js"></script>`,
    );
  }
  if (!existsSync(join(modules, "@huggingface/transformers")))
    throw new Error(`${modules} has no transformers.js; run bench/peers/install.sh`);
  for (const peer of peers)
    await build({
      root: import.meta.dirname,
      configFile: false,
      logLevel: "warn",
      worker: { format: "es" },
      resolve: {
        alias: { "@huggingface/transformers": join(modules, "@huggingface/transformers/dist/transformers.web.js") },
      },
      build: {
        outDir: site,
        emptyOutDir: false,
        lib: { entry: join(import.meta.dirname, `browser/${peer}.js`), formats: ["es"], fileName: () => `${peer}.js` },
      },
    });
}

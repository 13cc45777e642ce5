/**
 * What a gateway costs and what its routing is worth, before stand-ins for engines that are a process of their own:
 * `npm run bench -- gateway [overhead] [streams] [zipf]`. Each call is made directly and through the gateway in turn; the streams
 * run at the same time; the images are asked for by Zipf's law, by images and in turn (round-robin).
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import sharp from "sharp";
import { modelOf, openEngine } from "../src/cli/commands/serve/serve-backends.js";
import { decodeAndDigest } from "../src/core/image/node/index.js";
import { type ChooseBackend, Gateway } from "../src/gateway/index.js";
import { seeded } from "../src/rollout/analysis/seeded.testkit.js";
import { createServer, ModelPool } from "../src/server/index.js";
import { compile } from "../test/support/command.js";
import { serveProcess } from "../test/support/serve-process.js";
import { inParallel } from "./support/questions.js";
import type { StandInFigures, StandInOptions } from "./support/stand-in-engines.js";

const parts = { overhead, streams, zipf };

export async function main(args: string[]): Promise<void> {
  for (const [name, measure] of Object.entries(parts)) if (args.length === 0 || args.includes(name)) await measure();
}

interface Engines {
  readonly urls: readonly string[];
  stop(): void;
}

async function startEngines(options: StandInOptions): Promise<Engines> {
  const script = join(import.meta.dirname, "support/stand-in-engines.ts");
  const child: ChildProcess = spawn(process.execPath, ["--import", "tsx", script, JSON.stringify(options)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const line = await new Promise<string>((resolve) =>
    child.stdout!.once("data", (text: Buffer) => resolve(text.toString())),
  );
  return { urls: JSON.parse(line) as string[], stop: () => child.stdin!.end() };
}

function backendsFile(folder: string, urls: readonly string[], maxConcurrent: number): string {
  const path = join(folder, "backends.json");
  const backends = urls.map((url, i) => ({ name: `engine-${i}`, url, kind: "vllm", model: "m", maxConcurrent }));
  writeFileSync(path, JSON.stringify({ models: { m: { backends } } }));
  return path;
}

/** `ocellus serve --backends`, as a process of its own, before some stand-ins. */
async function withGateway(
  options: StandInOptions,
  work: (urls: { readonly engine: string; readonly gateway: string }, pid: number) => Promise<void>,
): Promise<void> {
  compile();
  const engines = await startEngines(options);
  try {
    await inTemporaryFolder(async (folder) => {
      const file = backendsFile(folder, engines.urls, 1000);
      const server = await serveProcess(["--backends", file, "--log-level", "error"]);
      try {
        await work({ engine: engines.urls[0]!, gateway: server.url }, server.child.pid!);
      } finally {
        await server.stop();
      }
    });
  } finally {
    engines.stop();
  }
}

async function inTemporaryFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "ocellus-bench-"));
  await work(folder).finally(() => rmSync(folder, { recursive: true }));
}

interface Timing {
  readonly firstMs: number;
  readonly totalMs: number;
  readonly bytes: number;
}

async function ask(url: string, content: unknown): Promise<Timing> {
  const started = performance.now();
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "m", stream: true, max_tokens: 200, messages: [{ role: "user", content }] }),
  });
  if (!response.ok) throw new Error(await response.text());
  let [firstMs, bytes] = [0, 0];
  for await (const piece of response.body!) {
    firstMs ||= performance.now() - started;
    bytes += piece.length;
  }
  return { firstMs, totalMs: performance.now() - started, bytes };
}

async function overhead(): Promise<void> {
  const [numCalls, numWarm] = [1500, 300];
  await withGateway({ engines: 1, tokens: 8, tokenMs: 0, encodeMs: 0, cachedImages: 10 }, async (urls) => {
    const times = { engine: [] as Timing[], gateway: [] as Timing[] };
    for (let i = 0; i < numCalls + numWarm; i++)
      for (const who of i % 2 === 0 ? (["engine", "gateway"] as const) : (["gateway", "engine"] as const)) {
        const timing = await ask(urls[who], `question ${i}`);
        if (i >= numWarm) times[who].push(timing);
      }
    for (const of of ["firstMs", "totalMs"] as const)
      for (const share of [0.5, 0.9, 0.99]) {
        const [engine, gateway] = (["engine", "gateway"] as const).map((who) =>
          quantile(
            times[who].map((each) => each[of]),
            share,
          ),
        );
        report(
          `${of === "firstMs" ? "first token" : "whole answer"}, p${100 * share}`,
          `${ms(engine!)} direct, ${ms(gateway!)} through the gateway: ${ms(gateway! - engine!)} more`,
        );
      }
    report(
      "load average of this machine",
      loadavg()
        .map((load) => load.toFixed(1))
        .join(" "),
    );
  });
}

async function streams(): Promise<void> {
  const numStreams = 500;
  await withGateway(
    { engines: 4, tokens: 100, tokenMs: 100, encodeMs: 0, cachedImages: 10 },
    async ({ gateway }, pid) => {
      const photo = await imageUrl(0);
      const content = (i: number) => [
        { type: "text", text: `question ${i}` },
        { type: "image_url", image_url: { url: photo } },
      ];
      report("memory at rest", `${residentMb(pid, "VmRSS")} MB`);
      for (const [kind, of] of [
        ["texts", (i: number) => `question ${i}`],
        ["a photo each", content],
      ] as const) {
        const started = performance.now();
        const all = await Promise.all(Array.from({ length: numStreams }, (_, i) => ask(gateway, of(i))));
        const times = [0.5, 0.99]
          .map((share) =>
            ms(
              quantile(
                all.map(({ firstMs }) => firstMs),
                share,
              ),
            ),
          )
          .join(", p99 ");
        report(
          `${numStreams} streams at once, ${kind}`,
          `first token p50 ${times}; all in ${ms(performance.now() - started)}`,
        );
        report("most memory of the gateway's process until then", `${residentMb(pid, "VmHWM")} MB`);
      }
      report(
        "load average of this machine",
        loadavg()
          .map((load) => load.toFixed(1))
          .join(" "),
      );
    },
  );
}

/** Of a process on Linux. */
function residentMb(pid: number, field: "VmRSS" | "VmHWM"): number {
  const [, kilobytes] = new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, "utf8"))!;
  return Math.round(Number(kilobytes) / 1024);
}

async function zipf(): Promise<void> {
  const [numImages, numRequests, width] = [200, 800, 16];
  const urls = await Promise.all(Array.from({ length: numImages }, (_, i) => imageUrl(i)));
  let turn = 0;
  const ways: Readonly<Record<string, ChooseBackend | undefined>> = {
    "round-robin": (_, usable) => usable[turn++ % usable.length],
    "by images": undefined,
  };
  for (const [name, choose] of Object.entries(ways)) {
    const engines = await startEngines({ engines: 4, tokens: 20, tokenMs: 5, encodeMs: 40, cachedImages: 30 });
    await inTemporaryFolder(async (folder) => {
      const listener = { onEnd() {}, onRetry() {}, onHedge() {} };
      const model = modelOf({ decode: decodeAndDigest, limits: {} });
      const options = { open: openEngine, model, listener, choose };
      const gateway = await Gateway.open(backendsFile(folder, engines.urls, 64), options);
      const models = new ModelPool();
      models.use(gateway);
      const server = createServer({ models, config: { port: 0 }, log: pino({ level: "silent" }) });
      const { url } = await server.listen();
      const pick = zipfOf(numImages, 0.9, seeded(1));
      const asked = Array.from({ length: numRequests }, pick);
      const times: number[] = [];
      await inParallel(numRequests, width, async (i) => {
        const image = { type: "image_url", image_url: { url: urls[asked[i]!]! } };
        times.push((await ask(url, [image, { type: "text", text: `question ${i}` }])).firstMs);
      });
      const figures = await Promise.all(
        engines.urls.map(async (each) => (await (await fetch(`${each}/figures`)).json()) as StandInFigures),
      );
      const sum = (of: keyof StandInFigures) => figures.reduce((total, each) => total + each[of], 0);
      report(`${name}: cache hits`, `${((100 * sum("hits")) / sum("images")).toFixed(1)} %`);
      report(`${name}: sent to engines`, `${(sum("bytes") / 1e6).toFixed(1)} MB`);
      report(
        `${name}: requests of the busiest engine`,
        `${(Math.max(...figures.map(({ requests }) => requests)) / (numRequests / 4)).toFixed(2)} of the mean`,
      );
      report(`${name}: first token`, `p50 ${ms(quantile(times, 0.5))}, p99 ${ms(quantile(times, 0.99))}`);
      await server.close();
      await gateway.close();
    });
    engines.stop();
  }
}

/** Noise, so that no two are alike: about as many bytes as a photo of a phone, made small. */
async function imageUrl(seed: number): Promise<string> {
  const [width, random] = [192, seeded(seed + 1)];
  const data = Uint8Array.from({ length: width * width * 3 }, () => Math.floor(random() * 256));
  const jpeg = await sharp(data, { raw: { width, height: width, channels: 3 } })
    .jpeg({ quality: 90 })
    .toBuffer();
  return `data:image/jpeg;base64,${jpeg.toString("base64")}`;
}

function zipfOf(count: number, exponent: number, random: () => number): () => number {
  const weights = Array.from({ length: count }, (_, k) => (k + 1) ** -exponent);
  const total = weights.reduce((a, b) => a + b);
  return () => {
    let [k, left] = [0, random() * total - weights[0]!];
    while (left > 0 && k < count - 1) left -= weights[++k]!;
    return k;
  };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}

function ms(time: number): string {
  return `${time.toFixed(time < 100 ? 1 : 0)} ms`;
}

function report(name: string, value: string): void {
  console.log(`${name.padEnd(52)} ${value}`);
}

/**
 * One chat completion with an image and guardrails on, from the socket to the last byte: which files of src/ run, and how
 * often the functions that cost something are called. By V8's precise coverage of this thread: work that a thread takes is seen as
 * the call that hands it over.
 *
 *   npm run bench -- request-walk [--files]
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodePng } from "../src/core/image/node/index.js";
import { loadModel } from "../src/core/runtime/index.js";
import { Guards } from "../src/guardrails/index.js";
import { createServer, ModelPool } from "../src/server/index.js";

const policy = {
  guards: {
    words: { type: "words", lists: ["words.txt"] },
    known: { type: "known-images", images: { ["0".repeat(64)]: "violence" } },
  },
};

/** Each level is another image. */
async function ask(url: string, level: number, n = 1): Promise<void> {
  const data = new Uint8Array(640 * 480 * 3).fill(level);
  const png = Buffer.from(await encodePng({ width: 640, height: 480, data })).toString("base64");
  const image = { type: "image_url", image_url: { url: `data:image/png;base64,${png}` } };
  const messages = [{ role: "user", content: [image, { type: "text", text: "What is this?" }] }];
  const sampling = { n, temperature: 1, seed: 1, max_tokens: 8, response_format: { type: "json_object" } };
  const body = JSON.stringify({ model: "tiny", messages, ...sampling });
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${url}/v1/chat/completions`, { method: "POST", headers, body });
  if (!response.ok) throw new Error(await response.text());
  await response.arrayBuffer();
}

/** What is counted: calls of these functions, as `file name`. */
const counted: Readonly<Record<string, readonly string[]>> = {
  "image decodes": ["decode.ts overWhite"],
  "hashes of file bytes": ["memory.ts contentDigest", "loaded-image.ts #hashFile"],
  "hashes of pixels": ["pixel-digest.ts pixelDigest"],
  "base64 decodes": ["read-input.ts readDataUrl"],
  "header reads": ["header.ts headerSize"],
  tokenisations: ["text-workers.ts encode"],
  "constraint look-ups": ["grammars.ts #grammar"],
  queues: [
    "admission-queue.ts enter",
    "semaphore.ts run",
    "semaphore.ts acquire",
    "image-threads.ts #run",
    "engine.ts submit",
    "fair-queue.ts push",
  ],
};

interface Call {
  readonly file: string;
  readonly name: string;
  readonly count: number;
  readonly source: string;
}

/** The functions of src/ that `work` calls. */
async function callsOf(work: () => Promise<void>): Promise<Call[]> {
  const session = new Session();
  session.connect();
  const scripts: [string, string][] = [];
  session.on("Debugger.scriptParsed", ({ params: { scriptId, url } }) => {
    if (isOurs(url)) scripts.push([scriptId, url]);
  });
  await session.post("Debugger.enable");
  await session.post("Profiler.enable");
  await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
  await session.post("Profiler.takePreciseCoverage"); // counts start at zero
  await work();
  const { result } = await session.post("Profiler.takePreciseCoverage");
  const sources = new Map<string, string>();
  for (const [scriptId] of scripts) {
    const { scriptSource } = await session.post("Debugger.getScriptSource", { scriptId });
    sources.set(scriptId, scriptSource);
  }
  session.disconnect();
  return result
    .filter(({ url }) => isOurs(url))
    .flatMap(({ scriptId, url, functions }) =>
      functions.map(({ functionName: name, ranges: [range] }) => {
        const source = sources.get(scriptId)?.slice(range!.startOffset, range!.endOffset) ?? "";
        return { file: url.slice(url.lastIndexOf("/src/") + 1), name, count: range!.count, source };
      }),
    )
    .filter(({ name, count }) => name !== "" && count > 0);
}

function isOurs(url: string): boolean {
  return /\/src\/.*\.ts$/.test(url);
}

function printCalls(what: string, calls: readonly Call[]): void {
  const total = calls.reduce((sum, { count }) => sum + count, 0);
  const each = calls.map(({ file, name, count }) => `${file.split("/").at(-1)} ${name} ${count}`);
  console.log(`${what}: ${total}${each.length > 0 ? ` (${each.join(", ")})` : ""}`);
}

function matching(calls: readonly Call[], names: readonly string[]): Call[] {
  return calls.filter(({ file, name }) => names.some((each) => `${file} ${name}`.endsWith(`/${each}`)));
}

async function report(url: string, showsFiles: boolean): Promise<void> {
  await ask(url, 10); // what is made once
  const calls = await callsOf(() => ask(url, 200));
  const files = [...new Set(calls.map(({ file }) => file))].sort();
  console.log(`files: ${files.length}`);
  for (const [what, names] of Object.entries(counted)) printCalls(what, matching(calls, names));
  const isGenerator = ({ source }: Call) => /^(async ?\*|async function ?\*)/.test(source);
  const generators = calls.filter(isGenerator).map(({ file, name }) => `${file.split("/").at(-1)} ${name}`);
  console.log(`async generators: ${generators.length} (${generators.join(", ")})`);
  const two = await callsOf(() => ask(url, 100, 2));
  printCalls("constraint look-ups of two choices", matching(two, counted["constraint look-ups"]!));
  if (showsFiles) for (const file of files) console.log(`  ${file}`);
}

export async function main(args: string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "ocellus-walk-"));
  writeFileSync(join(folder, "words.txt"), "blorb\n");
  writeFileSync(join(folder, "policy.json"), JSON.stringify(policy));
  const guards = await Guards.open(join(folder, "policy.json"));
  const model = await loadModel(undefined, { weights: "fp32", threads: 1 });
  const server = createServer({ models: new ModelPool({ tiny: model }), config: { port: 0 }, guards });
  try {
    await report((await server.listen()).url, args.includes("--files"));
  } finally {
    await server.close();
    await model.close();
    await guards.close();
    rmSync(folder, { recursive: true });
  }
}

/** `ocellus serve`: an OpenAI-compatible server for one or more models, with a web page. */

import { basename } from "node:path";
import type { Command } from "commander";
import { pino } from "pino";
import { printableJson } from "../../../core/base/index.js";
import { openCheckpoint } from "../../../core/checkpoint/index.js";
import { isPacked } from "../../../core/pack/index.js";
import {
  type DecodeImage,
  type EncoderCache,
  ImageThreads,
  image,
  loadReranker,
  type ModelInfo,
  openEncoderCache,
  packingPlan,
  type VisionLanguageModel,
} from "../../../core/runtime/index.js";
import { isRemote, openRemote } from "../../../engines/index.js";
import { Guards } from "../../../guardrails/index.js";
import { resolveModel } from "../../../hub/index.js";
import { nearDuplicates } from "../../../near-duplicates/index.js";
import {
  type BrowserModels,
  createApp,
  createServices,
  type Listening,
  listen,
  ModelPool,
  type Services,
  SharedRateLimits,
  type Versions,
} from "../../../server/index.js";
import { bundledModel, versionOf, webPage } from "../../package-files.js";
import { withReadProgress } from "../../ui/pass-progress.js";
import { logAsText } from "../../ui/serve-log.js";
import { coloursFor, printLine, printNotes, type Terminal } from "../../ui/terminal.js";
import { openEmbedder } from "../models/open-embedder.js";
import { openModel, verdictsFolder } from "../models/open-model.js";
import { packWithProgress } from "../models/pack.js";
import { addConfigOptions, printConfig, readConfig } from "./config.js";
import { EndWatch } from "./end-watch.js";
import { openKeys, whoMayAsk } from "./serve-access.js";
import { type EngineGateway, openGateway } from "./serve-backends.js";
import { offerToBrowsers, openBrowserModels } from "./serve-browser-models.js";
import { checkFolders } from "./serve-folders.js";
import { openVersions } from "./serve-versions.js";
import { planOptions, type ServeConfig } from "./settings.js";

export function addServeCommand(program: Command, terminal: Terminal): void {
  addConfigOptions(program.command("serve"))
    .description("serve models over an OpenAI-compatible API, with a web page")
    .addHelpText(
      "after",
      `
Sizes may be written as 64m, times as 30s. Every setting is also an environment variable (OCELLUS_MAX_QUEUE=64) and a
name in the --config file; a flag overrides a variable, and a variable overrides the file.

Examples:
  ocellus serve                                              the bundled demo model on port 8080
  ocellus serve --model qwen=./qwen3-vl --weights int4,fp32  one model in two formats, to compare
  ocellus serve --backends backends.json                     models that engines elsewhere run (docs/gateway.md)
  ocellus keys add alice --keys-file keys.json && ocellus serve --host 0.0.0.0 --keys-file keys.json
  ocellus serve --port 9000 --print-config --json > ocellus.json && ocellus serve --config ocellus.json`,
    )
    .action((flags: { printConfig?: boolean }, command: Command) =>
      flags.printConfig ? printConfig(command, terminal) : serve(command, terminal),
    );
}

async function serve(command: Command, terminal: Terminal): Promise<void> {
  const { config } = await readConfig(command, process.env);
  await checkFolders(config);
  const { adminNote, ...keys } = await openKeys(config, terminal.stdout.isTTY === true);
  const log = pino({ level: config.logLevel }, logDestination(config, terminal));
  const imageLimits = imageLimitsOf(config);
  const images = new ImageThreads({ count: config.imageThreads, limits: imageLimits });
  const decode: DecodeImage = (...picture) => images.decode(...picture);
  const guards = await Guards.open(config.guards, {
    imageLimits,
    decode,
    memoryFolder: verdictsFolder(),
    onProblem: (problem) => log.error(problem),
  });
  const rates = config.redisUrl === undefined ? undefined : await SharedRateLimits.open(config.redisUrl, log);
  const pool = new ModelPool();
  const browserModels = openBrowserModels(config);
  const services = createServices({
    models: pool,
    config,
    log,
    guards,
    decode,
    version: versionOf(),
    ...keys,
    rates,
    webFolder: webPage,
    browserModels,
  });
  const watch = watched(config, terminal);
  const encoderCache = await openEncoderCache(config);
  let versions: Versions | undefined;
  let gateway: EngineGateway | undefined;
  const listening = await listen(createApp(services), config);
  try {
    await loadModels(config, pool, { encoderCache, images }, terminal, browserModels);
    versions = await openVersions(config, services, pool, {
      load: async (folder) => {
        if (await isRemote(folder)) return openRemote(folder, { decode, limits: imageLimits }, terminal.signal);
        return openVersion(config, { encoderCache, images }, folder, terminal);
      },
      pack: (folder, force) => packVersion(config, folder, force, terminal),
      reading: (label, totalBytes, body) => withReadProgress(terminal, label, totalBytes, body),
      signal: terminal.signal,
    });
    gateway = await openGateway(config, services, pool, { decode, limits: imageLimits });
    services.models.open();
    watch.limitStalls(config.stallMs);
    printWelcome(config, services, listening, terminal);
    if (adminNote !== undefined) printLine(terminal, adminNote);
    await stopped(terminal.signal);
    services.log.info("stopping: waiting for running requests to finish");
  } finally {
    await services.lifecycle.drain(config.drainMs);
    await listening.close();
    await pool.close();
    await gateway?.close();
    versions?.golden?.close();
    await versions?.shadows?.close();
    await versions?.rollouts.close();
    await versions?.webhooks?.close();
    await versions?.diffs.close();
    await versions?.deployments.close();
    await versions?.registry.close();
    await guards.close();
    await images.close();
    await encoderCache.close();
    await services.collections?.close();
    await services.ocr.close();
    await services.examinations.close();
    rates?.close();
  }
}

/** For all that is to be closed when no answer runs any more: connections, threads, databases, logs. */
const closingMs = 10_000;

/** To the very end of the process: what was forgotten to be closed may not keep it either. */
function watched(config: ServeConfig, terminal: Terminal): EndWatch {
  const watch = new EndWatch(logFormatOf(config, terminal) === "json");
  terminal.signal.addEventListener("abort", () => watch.endWithin(config.drainMs + closingMs), { once: true });
  return watch;
}

function logDestination(config: ServeConfig, terminal: Terminal): { write(line: string): void } {
  const { stderr } = terminal;
  return logFormatOf(config, terminal) === "json"
    ? { write: (line) => stderr.write(printableJson(line)) }
    : { write: (line) => stderr.write(logAsText(line, coloursFor(stderr))) };
}

function logFormatOf({ logFormat }: ServeConfig, { stderr }: Terminal): "json" | "text" {
  return logFormat ?? (stderr.isTTY ? "text" : "json");
}

async function loadModels(
  config: ServeConfig,
  pool: ModelPool,
  shared: Shared,
  terminal: Terminal,
  browserModels: BrowserModels | undefined,
): Promise<void> {
  const load = loadOptions(config, shared);
  for (const { name, folder } of modelsOf(config).map(parseModel)) {
    const checkpoint = await resolveModel(folder);
    for (const [i, weights] of config.weights.entries()) {
      const model = await openModel({ ...load, ...drafting(config), model: checkpoint, weights }, terminal, load);
      pool.add(i === 0 ? name : `${name}:${weights}`, model, checkpoint);
      await warmUp(model, terminal.signal); // the first prompt adds notes
      if (i === 0) printNotes(terminal, model.info.notes);
    }
    if (browserModels) await offerToBrowsers(browserModels, name, checkpoint, terminal);
  }
  if (config.embeddingModel !== undefined) {
    const { name, folder } = parseModel(config.embeddingModel);
    const checkpoint = await resolveModel(folder);
    const { prefillWeights: _, ...options } = openingOptions(config, shared); // of the models that answer: vectors stay as they were stored
    const embedder = await openEmbedder(checkpoint, options);
    printNotes(terminal, embedder.info.notes);
    pool.add(name, embedder, checkpoint);
  }
  await addReranker(config, pool, shared, terminal);
}

async function addReranker(config: ServeConfig, pool: ModelPool, shared: Shared, terminal: Terminal): Promise<void> {
  if (config.rerankerModel === undefined) return;
  const { name, folder } = parseModel(config.rerankerModel);
  const checkpoint = await resolveModel(folder);
  const { prefillWeights: _, ...options } = openingOptions(config, shared); // of models that answer
  const reranker = await loadReranker(checkpoint, options);
  printNotes(terminal, reranker.info.notes);
  pool.add(name, reranker, checkpoint);
}

async function openVersion(config: ServeConfig, shared: Shared, folder: string, terminal: Terminal) {
  const load = loadOptions(config, shared);
  const model = await openModel(
    { ...load, ...drafting(config), model: folder, weights: config.weights[0]! },
    terminal,
    load,
  );
  await warmUp(model, terminal.signal);
  printNotes(terminal, model.info.notes);
  return model;
}

async function packVersion(config: ServeConfig, folder: string, force: boolean, terminal: Terminal) {
  if (await isRemote(folder)) return undefined;
  const files = await openCheckpoint(folder);
  const isThere = await isPacked(files).finally(() => files.close());
  if (isThere) return undefined;
  return packWithProgress(
    folder,
    await packingPlan(folder, { weights: config.weights[0]!, ...planOptions(config) }),
    { force, kvCacheDtype: config.kvCacheDtype },
    terminal,
  );
}

/** With a registry or backends the bundled demo model is served only if --model names it. */
function modelsOf({ models, registry, backends }: ServeConfig): readonly string[] {
  const hasOthers = registry !== undefined || backends !== undefined;
  return hasOthers && models.every((model) => model === bundledModel) ? [] : models;
}

/** `NAME=FOLDER`, or a folder whose own name will do. */
export function parseModel(text: string): { name: string; folder: string } {
  const [, name, folder] = /^([\w.:-]+)=(.+)$/.exec(text) ?? [];
  return name && folder ? { name, folder } : { name: basename(text), folder: text };
}

/** What all models of a server have in common. */
interface Shared {
  readonly encoderCache: EncoderCache;
  readonly images: ImageThreads;
}

function loadOptions(config: ServeConfig, shared: Shared) {
  const { maxSequences, maxLength, prefixCacheBytes, reuse, speculation, kvCacheDtype } = config;
  const near = nearDuplicates({ maxBytes: config.nearDuplicateBytes });
  return {
    ...openingOptions(config, shared),
    memory: { prefixCacheBytes, nearDuplicates: near, reuse },
    maxSequences,
    speculation,
    kvCacheDtype,
    encoderCache: shared.encoderCache,
    ...(maxLength !== undefined && { maxLength }),
  };
}

function drafting({ draftModel }: ServeConfig) {
  return draftModel === undefined ? {} : { draftModel };
}

/** What every kind of model is opened with. */
function openingOptions(config: ServeConfig, { images }: Shared) {
  const { device, threads } = config;
  return {
    ...planOptions(config),
    device,
    imageThreads: images,
    graphThreads: true,
    imageLimits: imageLimitsOf(config),
    ...(threads !== undefined && { threads }),
  };
}

function imageLimitsOf({ maxImageBytes, maxImagePixels, decodeMs }: ServeConfig) {
  return { maxBytes: maxImageBytes, maxPixels: maxImagePixels, maxMs: decodeMs };
}

/** The first run of a graph allocates and the first picture starts a thread: not while a user waits. */
async function warmUp(model: VisionLanguageModel, signal: AbortSignal): Promise<void> {
  const grey = image({ width: 2, height: 2, data: new Uint8Array(12).fill(127) });
  const content = model.info.readsImages ? [grey, "?"] : "?";
  await model.answer([{ role: "user", content }], { maxTokens: 2, signal });
}

function printWelcome(config: ServeConfig, services: Services, { url }: Listening, terminal: Terminal): void {
  const { bold, dim } = coloursFor(terminal.stdout);
  for (const { id, model } of services.models.all())
    printLine(terminal, `${bold(id)} ${dim(`(${placeOf(model.info)})`)} answers at ${url}/v1`);
  const page = services.webFolder === undefined ? "" : `page: ${url}  `;
  printLine(terminal, dim(`${page}API: ${url}/docs  ${whoMayAsk(config, services.keys)}  Ctrl-C stops`));
}

function placeOf(info: Partial<Pick<ModelInfo, "engine" | "weights" | "device">>): string {
  const { engine, weights, device } = info;
  return engine ? `${engine.kind} at ${engine.url}` : `${weights} on ${device}`;
}

function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

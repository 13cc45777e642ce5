/**
 * `ocellus batch IN.jsonl --out OUT.jsonl`: the requests of a file through the server's own routes, in this process, as
 * many at once as fill the batch. Killed at any moment, the same command continues with what has no answer yet.
 */
import type { Command } from "commander";
import { type JsonLimits, OcellusError, parseJson, stringifyJson, throwIfAborted } from "../../../core/base/index.js";
import type { VisionLanguageModel } from "../../../core/runtime/index.js";
import { mapConcurrently, withOutputLock } from "../../../evals/index.js";
import type { Guards } from "../../../guardrails/index.js";
import { resolveModel } from "../../../hub/index.js";
import { type BatchAnswer, type BatchLine, batchAnswer } from "../../../protocol/index.js";
import { createServer, ModelPool, type Server } from "../../../server/index.js";
import { addModelOptions, integerBetween, type ModelFlags, weightsOption } from "../../options.js";
import { versionOf } from "../../package-files.js";
import { formatSeconds, startProgress } from "../../ui/progress.js";
import { errorMessage } from "../../ui/report-error.js";
import { printJson, printLine, printNotes, type Terminal } from "../../ui/terminal.js";
import { openEmbedder } from "../models/open-embedder.js";
import { withBareModel, withGuards } from "../models/open-model.js";
import { parseModel } from "../serve/serve.js";
import { checkFolders } from "../serve/serve-folders.js";
import { checkBatch, folderOf, maxLineBytes, readBatch, withImages } from "./batch-input.js";
import { BatchOutput } from "./batch-output.js";

interface BatchFlags extends ModelFlags {
  readonly out: string;
  readonly errors?: string;
  readonly concurrency: number;
  readonly embeddingModel?: string;
  readonly allowImageUrls?: boolean;
  readonly collections?: string;
}

/** A request of a batch may wait for its turn as long as it likes; a timer can be told no more than 24 days. */
const deadlineMs = 24 * 3600 * 1000;

export function addBatchCommand(program: Command, terminal: Terminal): void {
  addModelOptions(program.command("batch"))
    .description("answer a file of requests in OpenAI's batch format; resumable")
    .argument(
      "<file>",
      "file with one request per line; images are paths relative to it, data URLs or allowed http(s) URLs",
    )
    .requiredOption("--out <file>", "output file, one answer per line")
    .option("--errors <file>", "file for failed requests (default: OUT.errors.jsonl)")
    .option("--concurrency <count>", "number of requests at once", integerBetween(1, 1024), 16)
    .option("--embedding-model <folder>", "checkpoint for /v1/embeddings: CLIP, SigLIP, Qwen3-VL-Embedding")
    .option("--collections <folder>", "folder of the image collections that requests may search (see `ocellus index`)")
    .option("--allow-image-urls", "fetch images by http(s) URL, from public hosts only")
    .addOption(weightsOption())
    .addHelpText(
      "after",
      `
A line: {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {"messages": [...]}}
After an interruption, run the same command again. To retry failed requests, remove their lines from the errors file
first.

Example:
  ocellus batch products.jsonl --out answers.jsonl --model shop=./qwen3-vl --weights int4`,
    )
    .action((file: string, _local: unknown, command: Command) => batch(file, command.optsWithGlobals(), terminal));
}

async function batch(file: string, flags: BatchFlags, terminal: Terminal): Promise<void> {
  await checkFolders({ collections: flags.collections, collectionsReadOnly: true });
  const ids = await checkBatch(file);
  const { out: outPath, errors: errorsPath = `${outPath.replace(/\.jsonl$/, "")}.errors.jsonl` } = flags;
  const result = await withOutputLock(outPath, () =>
    withOutputs(outPath, errorsPath, async (out, errors) => {
      const done = new Set([...out.ids, ...errors.ids]);
      checkSameBatch(done, ids, outPath, file);
      const started = performance.now();
      const counts = { answered: 0, failed: 0 };
      if (done.size < ids.size) await answerAll({ file, done, total: ids.size, out, errors, counts, flags, terminal });
      const seconds = (performance.now() - started) / 1000;
      return { requests: ids.size, before: done.size, ...counts, seconds, out: outPath, errors: errorsPath };
    }),
  );
  if (flags.json) return printJson(terminal, result);
  const { before, answered, failed, seconds } = result;
  const known = before > 0 ? `, ${before} from earlier runs` : "";
  printLine(terminal, `${answered} answered in ${formatSeconds(seconds)}${known}: ${outPath}`);
  if (failed > 0) printNotes(terminal, [`${failed} failed: see ${errorsPath}`]);
}

async function withOutputs<T>(
  outPath: string,
  errorsPath: string,
  body: (out: BatchOutput, errors: BatchOutput) => Promise<T>,
): Promise<T> {
  const out = await BatchOutput.open(outPath);
  try {
    const errors = await BatchOutput.open(errorsPath);
    return await body(out, errors).finally(() => errors.close());
  } finally {
    await out.close();
  }
}

/** An output of another input would make this one's requests look answered. */
function checkSameBatch(done: ReadonlySet<string>, ids: ReadonlySet<string>, out: string, file: string): void {
  for (const id of done) {
    if (ids.has(id)) continue;
    throw new OcellusError(
      "invalid_request",
      `${out} has an answer to ${JSON.stringify(id)}, which is not in ${file}; choose another --out`,
    );
  }
}

interface Work {
  readonly file: string;
  /** Requests that need no answer any more. */
  readonly done: ReadonlySet<string>;
  readonly total: number;
  readonly out: BatchOutput;
  readonly errors: BatchOutput;
  readonly counts: { answered: number; failed: number };
  readonly flags: BatchFlags;
  readonly terminal: Terminal;
}

async function answerAll(work: Work): Promise<void> {
  const { file, done, total, out, errors, counts, flags, terminal } = work;
  await withServer(flags, terminal, async (server) => {
    const { maxImageBytes } = server.services.config;
    const progress = startProgress(terminal, {
      label: "batch",
      describe: (state) =>
        `${state.done} of ${state.total}, ${state.perSecond.toFixed(1)}/s, ${formatSeconds(state.secondsLeft)} left`,
      silent: flags.json === true,
    });
    const answer = async (request: BatchLine) => {
      if (done.has(request.custom_id)) return;
      const line = await ask(server, request, folderOf(file), maxImageBytes, terminal.signal);
      throwIfAborted(terminal.signal); // an answer cut short is no answer
      const isAnswer = line.response.status_code === 200;
      await (isAnswer ? out : errors).append(line);
      counts[isAnswer ? "answered" : "failed"]++;
      progress.update(counts.answered + counts.failed, total - done.size);
    };
    try {
      // Twice as many: while some are written, the pictures of the next are encoded.
      await mapConcurrently(readBatch(file), 2 * flags.concurrency, answer);
    } finally {
      progress.stop();
    }
  });
}

/** The server without a port: the same routes, the same checks, the same words. */
async function withServer(
  flags: BatchFlags,
  terminal: Terminal,
  body: (server: Server) => Promise<void>,
): Promise<void> {
  const { concurrency, allowImageUrls = false, collections } = flags;
  const unbounded = Number.MAX_SAFE_INTEGER; // as many lines as are in work at once, each within its own bound
  const config = {
    ...{ drainMs: 1, deadlineMs, allowImageUrls, collections, collectionsReadOnly: true, maxQueue: unbounded },
    ...{ maxBodyBytes: 2 * maxLineBytes, maxBodiesBytes: unbounded },
  };
  const { name, folder } = parseModel(flags.model);
  const extra = { maxSequences: concurrency };
  const serve = async (model: VisionLanguageModel, guards: Guards) => {
    const models = new ModelPool({ [name]: model });
    const clip = flags.embeddingModel === undefined ? undefined : parseModel(flags.embeddingModel);
    const embedder = clip && (await openEmbedder(await resolveModel(clip.folder), {}));
    if (clip && embedder) models.add(clip.name, embedder);
    const server = createServer({ models, config, version: versionOf(), guards });
    try {
      await body(server);
    } finally {
      await server.close();
      await embedder?.close();
    }
  };
  await withGuards(flags, (guards) =>
    withBareModel({ ...flags, model: folder }, terminal, (model) => serve(model, guards), extra),
  );
}

async function ask(
  server: Server,
  { custom_id, method, url, body }: BatchLine,
  folder: string,
  maxImageBytes: number,
  signal: AbortSignal,
): Promise<BatchAnswer> {
  let sent: string;
  try {
    sent = stringifyJson(await withImages(body, folder, maxImageBytes));
  } catch (error) {
    const { code, message } =
      error instanceof OcellusError ? error : { code: "internal", message: errorMessage(error) };
    const failure = { error: { message, type: "invalid_request_error", param: "image_url", code } };
    return batchAnswer(custom_id, 400, "", failure);
  }
  const headers = { "content-type": "application/json" };
  const response = await server.fetch(url, { method, headers, body: sent, signal });
  return batchAnswer(
    custom_id,
    response.status,
    response.headers.get("x-request-id") ?? "",
    parseJson(await response.text(), answerLimits),
  );
}

/** Our own answers: log-probabilities of 20 tokens beside each of 32,768, or 2048 vectors of 4096 numbers. */
const answerLimits: JsonLimits = { maxDepth: 128, maxValues: 2 ** 24, maxKeys: 2 ** 22 };

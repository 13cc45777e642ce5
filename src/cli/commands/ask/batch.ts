/**
 * `ocellus batch IN.jsonl --out OUT.jsonl`: the requests of a file through the server's own routes, in this process, as
 * many at once as fill the batch. Killed at any moment, the same command continues with what has no answer yet.
 */
import type { Command } from "commander";
import { OcellusError, throwIfAborted } from "../../../core/base/index.js";
import { mapConcurrently, withOutputLock } from "../../../evals/index.js";
import type { BatchLine } from "../../../protocol/index.js";
import { formatSeconds, startProgress } from "../../ui/progress.js";
import { printJson, printLine, printNotes, type Terminal } from "../../ui/terminal.js";
import { checkFolders } from "../serve/serve-folders.js";
import { checkBatch, imagesBeside, readBatch } from "./batch-input.js";
import { BatchOutput } from "./batch-output.js";
import { addQueueCommands, addQueueOptions, type EnqueueFlags, enqueue, refuseUnused } from "./batch-queue.js";
import { type AnsweringFlags, addAnsweringOptions, askServer, withServer } from "./batch-server.js";
import { addWorkerCommand } from "./batch-worker.js";

interface BatchFlags extends AnsweringFlags {
  readonly out: string;
  readonly errors?: string;
}

export function addBatchCommand(program: Command, terminal: Terminal): void {
  const command = addAnsweringOptions(program.command("batch"))
    .description(
      "answer a file of requests in OpenAI's batch format; resumable, on one machine or, with --queue, on many",
    )
    .argument(
      "<file>",
      "file with one request per line, or a folder of such .jsonl files; images are paths relative to it, data URLs or allowed http(s) URLs",
    )
    .option("--out <file>", "output file, one answer per line")
    .option("--errors <file>", "file for failed requests (default: OUT.errors.jsonl)");
  addQueueOptions(command)
    .addHelpText(
      "after",
      `
A line: {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {"messages": [...]}}
After an interruption, run the same command again. To retry failed requests, remove their lines from the errors file
first, or add them to a queue with --again.

Examples:
  ocellus batch products.jsonl --out answers.jsonl --model shop=./qwen3-vl --weights int4
  ocellus batch products.jsonl --queue postgres://db/work      adds the requests to a queue
  ocellus batch worker --queue postgres://db/work --model shop=./qwen3-vl
  ocellus batch status --queue postgres://db/work
  ocellus batch collect products --queue postgres://db/work --out answers.jsonl`,
    )
    .action((file: string, _local: unknown, command: Command) => answerOrAdd(file, command, terminal));
  addQueueCommands(command, terminal);
  addWorkerCommand(command, terminal);
}

/** @throws `invalid_request` unless it is said where answers go: into files, or through a queue. */
function answerOrAdd(file: string, command: Command, terminal: Terminal): Promise<void> {
  const flags = command.optsWithGlobals<Partial<BatchFlags> & EnqueueFlags>();
  const { out } = flags;
  const isAside = out !== undefined && command.getOptionValueSource("queue") === "env"; // of the machine, not of this line
  const queue = isAside ? undefined : flags.queue;
  if ((out === undefined) === (queue === undefined))
    throw new OcellusError(
      "invalid_request",
      "expected either --out FILE, or --queue postgres://… to add the requests to",
      {
        details: { expected: ["--out", "--queue"], found: [out, queue].filter(Boolean).length },
      },
    );
  const ofAdding = ["queue", "name", "leavePaths", "again"];
  if (queue === undefined) {
    refuseUnused(command, (option) => !ofAdding.includes(option));
    return batch(file, flags as BatchFlags, terminal);
  }
  refuseUnused(command, (option) => ofAdding.includes(option));
  return enqueue(file, flags, terminal);
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
    const read = await imagesBeside(file, server.services.config.maxImageBytes);
    const progress = startProgress(terminal, {
      label: "batch",
      describe: (state) =>
        `${state.done} of ${state.total}, ${state.perSecond.toFixed(1)}/s, ${formatSeconds(state.secondsLeft)} left`,
      silent: flags.json === true,
    });
    const answer = async (request: BatchLine) => {
      if (done.has(request.custom_id)) return;
      const line = await askServer(server, request, read, terminal.signal);
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

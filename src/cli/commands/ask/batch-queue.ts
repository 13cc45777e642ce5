/**
 * `ocellus batch FILE --queue postgres://…` and what follows it: requests added to a queue, how far they are, their results as
 * the two files that `--out` alone would write. Answering is batch-worker.ts.
 */
import { createHash } from "node:crypto";
import { open, rename } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { type Command, Option } from "commander";
import { BatchQueue } from "../../../batch-queue/index.js";
import { ioError, OcellusError, stringifyJson, throwIfAborted } from "../../../core/base/index.js";
import { fileDigest } from "../../../core/fs/index.js";
import { defaultMaxBytes } from "../../../core/image/node/index.js";
import type { GlobalFlags } from "../../options.js";
import { startProgress } from "../../ui/progress.js";
import { printJson, printLine, type Terminal } from "../../ui/terminal.js";
import { textTable } from "../../ui/text-layout.js";
import { batchFiles, checkBatch, imagesBeside, maxLineBytes, readBatch, withImages } from "./batch-input.js";
import { imageFailure } from "./batch-server.js";

export interface QueueFlags extends GlobalFlags {
  readonly queue?: string;
}

export interface EnqueueFlags extends QueueFlags {
  readonly name?: string;
  readonly leavePaths?: boolean;
  readonly again?: boolean;
}

interface CollectFlags extends QueueFlags {
  readonly out?: string;
  readonly errors?: string;
}

/** Requests of one insert: as many as are small, or as few as are large. */
const chunk = { requests: 500, bytes: 8 * 2 ** 20 };

export function addQueueOptions(command: Command): Command {
  return command
    .optionsGroup("Queue:")
    .addOption(
      new Option("--queue <url>", "postgres:// address of a queue that workers on any machines answer").env(
        "OCELLUS_QUEUE",
      ),
    )
    .option("--name <name>", "name of the batch in the queue (default: the file's name)")
    .option(
      "--leave-paths",
      "leave image paths as they are, for workers that have the images (`batch worker --folder`)",
    )
    .option("--again", "add requests whose result is a failure once more");
}

export function addQueueCommands(batch: Command, terminal: Terminal): void {
  batch
    .command("status")
    .description("print how far the batches of a queue are")
    .action((_local: unknown, command: Command) => status(flagsOf(command, ["queue"]), terminal));
  batch
    .command("collect")
    .description("write the results of a batch that are there: answers to --out, failures to --errors")
    .argument("<name>", "name of the batch")
    .action((name: string, _local: unknown, command: Command) =>
      collect(name, flagsOf(command, ["queue", "out", "errors"]), terminal),
    );
  batch
    .command("remove")
    .description("remove a batch from a queue, with its results; requests that wait are not answered any more")
    .argument("<name>", "name of the batch")
    .action((name: string, _local: unknown, command: Command) => remove(name, flagsOf(command, ["queue"]), terminal));
}

/** Of a command below `batch`. @throws `invalid_request` for an option of `batch` that it does not use */
function flagsOf<T extends QueueFlags>(command: Command, used: readonly string[]): T {
  refuseUnused(command.parent!, (option) => used.includes(option));
  return command.optsWithGlobals();
}

/** @throws `invalid_request` for an option that was given and would be ignored. */
export function refuseUnused(command: Command, isUsed: (option: string) => boolean): void {
  const unused = command.options.find(
    (option) => command.getOptionValueSource(option.attributeName()) === "cli" && !isUsed(option.attributeName()),
  );
  if (unused)
    throw new OcellusError("invalid_request", `${unused.long} has no effect here; leave it out`, {
      details: { option: unused.long },
    });
}

/** @throws `invalid_request` without --queue. */
export async function withQueue<T>(
  { queue: url }: QueueFlags,
  options: Parameters<typeof BatchQueue.open>[1],
  body: (queue: BatchQueue) => Promise<T>,
): Promise<T> {
  if (url === undefined)
    throw new OcellusError("invalid_request", "expected --queue postgres://…, the address of the queue", {
      details: { param: "queue" },
    });
  const queue = await BatchQueue.open(url, options);
  try {
    return await body(queue);
  } finally {
    await queue.close();
  }
}

export async function enqueue(file: string, flags: EnqueueFlags, terminal: Terminal): Promise<void> {
  const name = checkName(flags.name ?? basename(resolve(file)).replace(/\.jsonl$/, ""));
  const { size: total } = await checkBatch(file);
  const result = await withQueue(flags, {}, async (queue) => {
    await queue.begin({ name, total, digest: await inputDigest(file, terminal.signal) });
    await addAll(queue, { name, file, total, flags, terminal });
    await queue.end(name);
    return { batch: name, requests: total };
  });
  if (flags.json) printJson(terminal, result);
  else printLine(terminal, `${total} requests are in the queue as batch ${name}`);
}

function checkName(name: string): string {
  if (/^[\w.-]{1,100}$/.test(name)) return name;
  throw new OcellusError(
    "invalid_request",
    `--name: expected 1 to 100 letters, digits, _ . or -, found ${JSON.stringify(name.slice(0, 60))}`,
    { details: { param: "name" } },
  );
}

/** Of all files of the input, in their order. */
async function inputDigest(input: string, signal: AbortSignal): Promise<string> {
  const whole = createHash("sha256");
  for (const file of await batchFiles(input)) whole.update(await fileDigest(file, { signal }));
  return whole.digest("hex");
}

interface Adding {
  readonly name: string;
  readonly file: string;
  readonly total: number;
  readonly flags: EnqueueFlags;
  readonly terminal: Terminal;
}

async function addAll(queue: BatchQueue, { name, file, total, flags, terminal }: Adding): Promise<void> {
  const beside = await imagesBeside(file, defaultMaxBytes);
  const read = flags.leavePaths ? async (path: string) => path : beside;
  const progress = startProgress(terminal, {
    label: "adding",
    describe: ({ done }) => `${done} of ${total} requests`,
    silent: flags.json === true,
  });
  let waiting: { customId: string; line: string }[] = [];
  let [bytes, done] = [0, 0];
  const flush = async () => {
    await queue.add(name, waiting, flags.again);
    done += waiting.length;
    progress.update(done, total);
    [waiting, bytes] = [[], 0];
  };
  try {
    for await (const request of readBatch(file)) {
      throwIfAborted(terminal.signal);
      const customId = request.custom_id;
      try {
        const line = checkLine(stringifyJson({ ...request, body: await withImages(request.body, read) }));
        waiting.push({ customId, line });
        bytes += line.length;
      } catch (error) {
        await queue.refuse(name, customId, stringifyJson(imageFailure(customId, error)));
      }
      if (waiting.length >= chunk.requests || bytes >= chunk.bytes) await flush();
    }
    await flush();
  } finally {
    progress.stop();
  }
}

/** With its images in it. A server takes no longer body, and PostgreSQL no string of twice that in JSON. @throws `too_large` */
export function checkLine(line: string, limit = 2 * maxLineBytes): string {
  const found = Buffer.byteLength(line);
  if (found <= limit) return line;
  throw new OcellusError("too_large", `expected at most ${limit} bytes with its images, found ${found}`, {
    details: { limit, found },
  });
}

async function status(flags: QueueFlags, terminal: Terminal): Promise<void> {
  const batches = await withQueue(flags, {}, (queue) => queue.progress());
  if (flags.json) return printJson(terminal, batches);
  if (batches.length === 0) return printLine(terminal, "the queue has no batches");
  const rows = batches.map(({ name, total, answered, failed, running, perMinute, isWhole }) => [
    ...[name, `${answered + failed} of ${total}`, `${failed} failed`, `${running} running`, `${perMinute}/min`],
    isWhole ? "" : "not added to its end: run the same command again",
  ]);
  printLine(terminal, textTable(rows, ["left", "right", "right", "right", "right", "left"]));
}

async function collect(name: string, flags: CollectFlags, terminal: Terminal): Promise<void> {
  const { out } = flags;
  if (out === undefined)
    throw new OcellusError("invalid_request", "expected --out FILE for the answers", { details: { param: "out" } });
  const errors = flags.errors ?? `${out.replace(/\.jsonl$/, "")}.errors.jsonl`;
  const result = await withQueue(flags, {}, async (queue) => {
    const { total } = await named(queue, name);
    const answered = await writeLines(out, queue.results(name, true));
    const failed = await writeLines(errors, queue.results(name, false));
    return { batch: name, requests: total, answered, failed, missing: total - answered - failed, out, errors };
  });
  if (flags.json) return printJson(terminal, result);
  const { answered, failed, missing } = result;
  printLine(terminal, `${answered} answers in ${out}, ${failed} failures in ${errors}, ${missing} not there yet`);
}

async function remove(name: string, flags: QueueFlags, terminal: Terminal): Promise<void> {
  await withQueue(flags, {}, async (queue) => {
    await named(queue, name);
    await queue.remove(name);
  });
  if (flags.json) printJson(terminal, { removed: name });
  else printLine(terminal, `removed the batch ${name}`);
}

/** @throws `not_found`. */
async function named(queue: BatchQueue, name: string) {
  const batches = await queue.progress();
  const found = batches.find((batch) => batch.name === name);
  if (found) return found;
  throw new OcellusError(
    "not_found",
    `the queue has no batch ${JSON.stringify(name)}; \`ocellus batch status\` lists them`,
    {
      details: { batch: name, found: batches.map((batch) => batch.name).slice(0, 20) },
    },
  );
}

/** The whole file or the one that was there before. @returns the number of lines */
async function writeLines(path: string, lines: AsyncIterable<string>): Promise<number> {
  const unwritten = (cause: unknown) => Promise.reject(ioError("write", path, cause));
  const temporary = `${path}.${process.pid}.part`;
  const file = await open(temporary, "w").catch(unwritten);
  let count = 0;
  try {
    for await (const line of lines) {
      await file.appendFile(`${line}\n`).catch(unwritten);
      count++;
    }
    await file.sync().catch(unwritten);
  } finally {
    await file.close();
  }
  await rename(temporary, path).catch(unwritten);
  return count;
}

/**
 * `ocellus batch worker`: answers what is in a queue, beside as many other workers as there are. Killed at any moment, another
 * takes what it held; a database that is away is waited for.
 */
import type { Command } from "commander";
import type { BatchQueue, TakenRequest } from "../../../batch-queue/index.js";
import { OcellusError, stringifyJson } from "../../../core/base/index.js";
import { fileInside } from "../../../core/fs/index.js";
import { mapConcurrently } from "../../../evals/index.js";
import { batchAnswer } from "../../../protocol/index.js";
import type { Server } from "../../../server/index.js";
import { errorMessage } from "../../ui/report-error.js";
import { printJson, printLine, printNotes, type Terminal } from "../../ui/terminal.js";
import { checkFolders } from "../serve/serve-folders.js";
import { dataUrl, parseRequest } from "./batch-input.js";
import { type QueueFlags, refuseUnused, withQueue } from "./batch-queue.js";
import { type AnsweringFlags, askServer, withServer } from "./batch-server.js";

interface WorkerFlags extends AnsweringFlags, QueueFlags {
  readonly folder?: string;
  readonly untilEmpty?: boolean;
}

/** Between two questions to an empty queue, or to a database that is away. */
const pauseMs = 1000;

export function addWorkerCommand(batch: Command, terminal: Terminal): void {
  batch
    .command("worker")
    .description("answer the requests of a queue until it is stopped; takes the model options of `ocellus batch`")
    .option("--folder <folder>", "folder of the images of batches that were added with --leave-paths")
    .option("--until-empty", "stop when no request waits and none is being answered")
    .action((_local: unknown, command: Command) => {
      refuseUnused(batch, (option) => !["out", "errors", "name", "leavePaths", "again"].includes(option));
      return work(command.optsWithGlobals(), terminal);
    });
}

interface Counts {
  answered: number;
  failed: number;
  postponed: number;
}

async function work(flags: WorkerFlags, terminal: Terminal): Promise<void> {
  await checkFolders({ collections: flags.collections, collectionsReadOnly: true });
  const counts: Counts = { answered: 0, failed: 0, postponed: 0 };
  await withQueue(flags, { isWorker: true }, (queue) =>
    withServer(flags, terminal, (server) => answerQueue({ queue, server, flags, terminal, counts })),
  );
  if (flags.json) return printJson(terminal, counts);
  printLine(
    terminal,
    `${counts.answered} answered, ${counts.failed} failed, ${counts.postponed} left to another attempt`,
  );
}

export interface Work {
  readonly queue: BatchQueue;
  readonly server: Server;
  readonly flags: WorkerFlags;
  readonly terminal: Terminal;
  readonly counts: Counts;
}

export async function answerQueue(work: Work): Promise<void> {
  const { queue, flags, terminal } = work;
  if (!flags.json) printNotes(terminal, ["waiting for requests; Ctrl-C stops and gives back what is not answered"]);
  try {
    await mapConcurrently(incoming(work), 2 * flags.concurrency, (request) => answer(request, work));
  } finally {
    await queue.giveBack().catch(() => {}); // or its leases end
  }
}

/** Requests as they come, until the end of this process or of the queue. */
async function* incoming({ queue, flags, terminal: { signal } }: Work): AsyncGenerator<TakenRequest> {
  while (!signal.aborted) {
    try {
      await queue.park(parkedLine);
      const taken = await queue.take(flags.concurrency);
      yield* taken;
      if (taken.length > 0) continue;
      if (flags.untilEmpty && !(await queue.hasWork())) return;
    } catch (error) {
      if (!isAway(error)) throw error;
    }
    await pause(signal);
  }
}

/** A request that makes this process throw is left to another attempt with the reason; the others continue. */
async function answer(request: TakenRequest, work: Work): Promise<void> {
  const { queue, terminal, counts } = work;
  if (terminal.signal.aborted) return;
  try {
    await answerOnce(request, work);
  } catch (error) {
    if (terminal.signal.aborted) return;
    const line = failedLine(request.customId, error);
    await persistently(() => queue.postpone(request, line), terminal.signal);
    counts.postponed++;
  }
}

async function answerOnce(
  request: TakenRequest,
  { queue, server, flags, terminal: { signal }, counts }: Work,
): Promise<void> {
  const { line, origin } = { line: request.line, origin: `${request.batch}/${request.customId}` };
  const result = await askServer(server, parseRequest(line, origin), imagesOf(flags, server), signal);
  if (signal.aborted) return; // an answer cut short is no answer
  const { status_code: status } = result.response;
  const text = stringifyJson(result);
  if (status === 429 || status >= 500) {
    await persistently(() => queue.postpone(request, text), signal);
    counts.postponed++;
  } else {
    const isAnswer = status === 200;
    if (await persistently(() => queue.keep(request, { isAnswer, line: text }), signal))
      counts[isAnswer ? "answered" : "failed"]++;
  }
}

function imagesOf({ folder }: WorkerFlags, server: Server): (path: string) => Promise<string> {
  return async (path) => {
    if (folder === undefined)
      throw new OcellusError("invalid_request", `${path}: this worker has no --folder to read images from`);
    return dataUrl((await fileInside(folder, path)).path, server.services.config.maxImageBytes);
  };
}

/** Repeats what can be repeated while the database is away: the answer is there already. */
async function persistently<T>(store: () => Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  while (!signal.aborted) {
    try {
      return await store();
    } catch (error) {
      if (!isAway(error)) throw error;
      await pause(signal);
    }
  }
  return undefined;
}

/**
 * A connection that broke or cannot be made, or a server that starts, stops, has no room or has rolled back for another
 * (PostgreSQL's classes 08, 57P, 53 and 40): what can be asked again. The driver's own errors have a sentence and no code.
 */
function isAway(error: unknown): boolean {
  const { code, message = "" } = error as { readonly code?: string; readonly message?: string };
  if (code === undefined) return /^(Connection terminated|Client (has|was) |timeout )/.test(message);
  return /^(08|57P|53|40)\w+$|^(ECONN|EPIPE|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|EAI_AGAIN|ENOTFOUND)/.test(code);
}

function pause(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, pauseMs);
    signal.addEventListener("abort", end);
  });
}

function failedLine(customId: string, thrown: unknown): string {
  const { code, message } =
    thrown instanceof OcellusError ? thrown : { code: "internal", message: errorMessage(thrown) };
  const error = { message, type: "server_error", param: null, code };
  return stringifyJson(batchAnswer(customId, 500, "", { error }));
}

function parkedLine(customId: string, reported: string | undefined, attempts: number): string {
  if (reported !== undefined) return reported;
  const message = `its worker was lost in each of ${attempts} attempts: it may take more memory than there is, or end the process`;
  const error = { message, type: "server_error", param: null, code: "internal" };
  return stringifyJson(batchAnswer(customId, 500, "", { error }));
}

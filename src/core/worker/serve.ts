/** The worker's end of typed-worker.ts: answers calls with the methods that its script gives. */
import { Script } from "node:vm";
import { parentPort, workerData } from "node:worker_threads";
import { invariant } from "../base/index.js";
import { failureOf } from "./failure.js";
import type { Methods, Reply, Request, Start } from "./messages.js";

/**
 * Call it once, last in the script. A thread moves the typed arrays of a result, three levels down: the method must not keep them.
 * @param methodsOf is given what the worker was started with, and what sends a note to the caller of the running method
 */
export function serve<D>(methodsOf: MethodsOf<D>): void {
  if (parentPort) {
    serveThread(workerData as Start, methodsOf);
    return;
  }
  process.on("SIGINT", () => {}); // meant for the process that started this one, which ends it
  process.on("SIGTERM", () => {});
  process.once("disconnect", () => process.exit());
  process.once("message", (start: Start) => serveProcess(start, methodsOf));
}

function serveThread<D>({ data }: Start, methodsOf: MethodsOf<D>): void {
  const port = parentPort!;
  const answer = answering(data as D, methodsOf, (reply) => port.postMessage(reply, buffersOf(reply.value)));
  port.on("message", answer);
}

function serveProcess<D>({ data, maxCallMs }: Start, methodsOf: MethodsOf<D>): void {
  const answer = answering(data as D, methodsOf, (reply) => void process.send!(reply));
  process.on("message", (request: Request) => withEnd(() => answer(request), maxCallMs));
}

type MethodsOf<D> = (data: D, tell: (note: unknown) => void) => Methods;

/** Calls come one at a time: a note is of the last one. */
function answering<D>(data: D, methodsOf: MethodsOf<D>, post: (reply: Reply) => void) {
  let id = 0;
  const methods = methodsOf(data, (note) => post({ id, note }));
  post({ id });
  return async (request: Request) => {
    ({ id } = request);
    post(await answer(methods, request));
  };
}

/** Of work without a pause, which is what a process is for. The one that asked is quicker, if it is there. */
function withEnd<T>(work: () => T, maxCallMs: number | undefined): T {
  if (maxCallMs === undefined) return work();
  const run = new Script("globalThis.ocellusWork()");
  try {
    return Object.assign(globalThis, { ocellusWork: work }) && run.runInThisContext({ timeout: 2 * maxCallMs });
  } catch {
    process.exit(1);
  }
}

async function answer(methods: Methods, { id, method, args }: Request): Promise<Reply> {
  try {
    invariant(Object.hasOwn(methods, method), `no method ${method}`);
    return { id, value: await methods[method]!(...args) };
  } catch (error) {
    return { id, failure: failureOf(error) };
  }
}

function buffersOf(value: unknown): ArrayBuffer[] {
  return [...new Set(viewsIn(value, 3).map(({ buffer }) => buffer))].filter((each) => each instanceof ArrayBuffer);
}

function viewsIn(value: unknown, levels: number): ArrayBufferView[] {
  if (ArrayBuffer.isView(value)) return [value];
  if (typeof value !== "object" || value === null || levels === 0) return [];
  return Object.values(value).flatMap((each) => viewsIn(each, levels - 1));
}

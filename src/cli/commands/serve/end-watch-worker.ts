/**
 * The script of the thread behind end-watch.ts. Time is counted in its own ticks, so that a machine that slept, or a process
 * that was stopped and continued, has not been blocked.
 */
import { writeSync } from "node:fs";
import { workerData } from "node:worker_threads";
import { tickMs, words } from "./end-watch.js";

const { state, asJson } = workerData as { readonly state: Int32Array; readonly asJson: boolean };
let turns = 0;
let stalledMs = 0;
let endingMs = 0;

setInterval(() => {
  const [now, stallMs, endMs] = [words.turns, words.stallMs, words.endMs].map((word) => Atomics.load(state, word));
  stalledMs = now === turns ? stalledMs + tickMs : 0;
  endingMs = endMs! > 0 ? endingMs + tickMs : 0;
  turns = now!;
  if (stallMs! > 0 && stalledMs > stallMs!) end(`the event loop was blocked for ${stallMs! / 1000} s`);
  if (endMs! > 0 && endingMs > endMs!) end(`the server did not stop within ${endMs! / 1000} s`);
}, tickMs);

/** No event loop is asked: the other one does not turn, and what this one has in hand may never end. */
function end(reason: string): void {
  const msg = `${reason}: the process is ended`;
  const line = asJson ? JSON.stringify({ level: 60, time: Date.now(), msg }) : msg;
  try {
    writeSync(2, `${line}\n`);
  } finally {
    process.kill(process.pid, "SIGKILL");
  }
}

/** Progress on stderr: a bar on a terminal, else a plain line every few seconds, nothing at all when asked for silence. */
import { SingleBar } from "cli-progress";
import { coloursFor, type Terminal } from "./terminal.js";

export interface ProgressState {
  readonly done: number;
  readonly total: number;
  readonly perSecond: number;
  readonly secondsLeft: number;
}

export interface Progress {
  update(done: number, total: number): void;
  /** Removes the bar. Call it in a `finally`: a bar left running hides the cursor. */
  stop(): void;
}

interface ProgressOptions {
  readonly label: string;
  readonly describe: (state: ProgressState) => string;
  readonly silent?: boolean;
}

const millisecondsBetweenLines = 3000;

export function startProgress(terminal: Terminal, options: ProgressOptions): Progress {
  if (terminal.stderr.isTTY) return barProgress(terminal, options);
  if (options.silent) return { update: () => {}, stop: () => {} };
  return lineProgress(terminal, options);
}

function barProgress(terminal: Terminal, { label, describe }: ProgressOptions): Progress {
  const { dim, cyan } = coloursFor(terminal.stderr);
  const started = performance.now();
  const bar = new SingleBar({
    stream: terminal.stderr,
    clearOnComplete: true,
    hideCursor: true,
    format: (_options, { value, total }) => {
      const filled = Math.round((24 * value) / Math.max(1, total));
      const line = cyan("█".repeat(filled)) + dim("░".repeat(24 - filled));
      return `${label} ${line} ${dim(describe(stateAt(started, value, total)))}`;
    },
  });
  let running = false;
  return {
    update(done, total) {
      if (!running) bar.start(total, done);
      running = true;
      bar.setTotal(total);
      bar.update(done);
    },
    stop() {
      if (running) bar.stop();
      running = false;
    },
  };
}

function lineProgress(terminal: Terminal, { label, describe }: ProgressOptions): Progress {
  const started = performance.now();
  let lastLine = started;
  return {
    update(done, total) {
      const now = performance.now();
      if (now - lastLine < millisecondsBetweenLines) return;
      lastLine = now;
      terminal.stderr.write(`${label} ${describe(stateAt(started, done, total))}\n`);
    },
    stop() {},
  };
}

function stateAt(started: number, done: number, total: number): ProgressState {
  const seconds = (performance.now() - started) / 1000;
  const perSecond = seconds > 0 ? done / seconds : 0;
  return { done, total, perSecond, secondsLeft: perSecond > 0 ? (total - done) / perSecond : Number.POSITIVE_INFINITY };
}

/** `12.3 of 17.8 MB, 210 MB/s, 3 s left` */
export function describeBytes({ done, total, perSecond, secondsLeft }: ProgressState): string {
  return `${megabytes(done)} of ${megabytes(total)} MB, ${megabytes(perSecond)} MB/s, ${formatSeconds(secondsLeft)} left`;
}

/** `120 of 800 questions, 95.2/s, 7 s left` */
export function describeQuestions({ done, total, perSecond, secondsLeft }: ProgressState): string {
  return `${done} of ${total} questions, ${perSecond.toFixed(1)}/s, ${formatSeconds(secondsLeft)} left`;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(bytes < 1e8 ? 1 : 0);
}

/** `820 ms`, `12 s`, `3 min 20 s`. */
export function formatSeconds(seconds: number): string {
  if (!Number.isFinite(seconds)) return "unknown time";
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

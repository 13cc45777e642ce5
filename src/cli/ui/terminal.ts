/**
 * What a command may touch of the process: its three streams and the signal that Ctrl-C aborts.
 * Answers and tables go to stdout; progress, timings and errors to stderr.
 */
import pc from "picocolors";
import { printable, printableJson, printableScreen, printableWords } from "../../core/base/index.js";

export interface Terminal {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly signal: AbortSignal;
}

/** Runs `body` with a signal that the first Ctrl-C (or SIGTERM) aborts; the second leaves at once. */
export async function withTerminal<T>(body: (terminal: Terminal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const onSignal = () => (controller.signal.aborted ? process.exit(130) : controller.abort());
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  try {
    const { stdin, stdout, stderr } = process;
    return await body({ stdin, stdout, stderr, signal: controller.signal });
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}

/** Colour functions that do nothing unless `stream` is a terminal (FORCE_COLOR overrules it, NO_COLOR forbids it). */
export function coloursFor(stream: NodeJS.WriteStream): ReturnType<typeof pc.createColors> {
  return pc.createColors(pc.isColorSupported && (stream.isTTY === true || process.env.FORCE_COLOR !== undefined));
}

export function printLine(terminal: Terminal, text: string): void {
  terminal.stdout.write(`${printableScreen(text)}\n`);
}

/** A piece of a model's answer, as it comes. */
export function writeWords(terminal: Terminal, text: string): void {
  terminal.stdout.write(printableWords(text));
}

export function printJson(terminal: Terminal, value: unknown): void {
  terminal.stdout.write(`${printableJson(JSON.stringify(value, null, 2))}\n`);
}

/** What is worth knowing but no error, one line each. */
export function printNotes(terminal: Terminal, notes: readonly string[]): void {
  for (const note of notes) terminal.stderr.write(`${coloursFor(terminal.stderr).dim(`note: ${printable(note)}`)}\n`);
}

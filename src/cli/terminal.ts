/**
 * What a command may touch of the process: its three streams and the signal that Ctrl-C aborts.
 * Answers and tables go to stdout; progress, timings and errors to stderr.
 */
import pc from "picocolors";
import { printable } from "../base/index.js";

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
  terminal.stdout.write(`${text}\n`);
}

export function printJson(terminal: Terminal, value: unknown): void {
  printLine(terminal, JSON.stringify(value, null, 2).replace(terminalControls, escaped));
}

/** What JSON leaves as it is and a terminal may obey, in strings only: C1 commands, line ends, marks that turn text around. */
const terminalControls = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** What is worth knowing but no error, one line each. */
export function printNotes(terminal: Terminal, notes: readonly string[]): void {
  for (const note of notes) terminal.stderr.write(`${coloursFor(terminal.stderr).dim(`note: ${printable(note)}`)}\n`);
}

/** What a failed command says on stderr, and its exit code: one place for our errors, commander's and the unexpected. */
import { CommanderError } from "commander";
import {
  type ErrorCode,
  exitCode,
  OcellusError,
  printable,
  printableJson,
  printableScreen,
} from "../../core/base/index.js";
import { coloursFor, type Terminal } from "./terminal.js";

export interface ReportOptions {
  readonly json: boolean;
  readonly debug: boolean;
}

/** Prints the error the way the user asked for; returns the process exit code. */
export function reportError(error: unknown, terminal: Terminal, { json, debug }: ReportOptions): number {
  if (error instanceof CommanderError && error.exitCode === 0) return 0; // --help and --version end this way
  if (terminal.signal.aborted && !json) {
    terminal.stderr.write("stopped\n");
    return 130;
  }
  const text = json ? printableJson(JSON.stringify({ error: errorBody(error) })) : colouredMessage(error, terminal);
  terminal.stderr.write(`${text}\n`);
  if (debug && error instanceof Error) terminal.stderr.write(`${printableScreen(stackWithCauses(error))}\n`);
  return error instanceof CommanderError ? exitCode(asUsageError(error)) : exitCode(error);
}

/** `error: …` without colours or stack. */
export function errorMessage(error: unknown): string {
  return `error: ${errorBody(error).message}`;
}

function colouredMessage(error: unknown, terminal: Terminal): string {
  return errorMessage(error).replace("error:", coloursFor(terminal.stderr).red("error:"));
}

function errorBody(error: unknown): { code: ErrorCode; message: string; details: Readonly<Record<string, unknown>> } {
  if (error instanceof CommanderError) return errorBody(asUsageError(error));
  if (error instanceof OcellusError) return { code: error.code, message: error.message, details: error.details };
  const message = printable(error instanceof Error ? error.message : String(error));
  return { code: "internal", message: `${message} (unexpected; run again with --debug to see where)`, details: {} };
}

function asUsageError(error: CommanderError): OcellusError {
  const message = error.message.replace(/^error: /, "").replaceAll("\n", " ");
  return new OcellusError("invalid_request", error.code === "commander.help" ? "expected a command" : message);
}

function stackWithCauses(error: Error): string {
  const stack = error.stack ?? error.message;
  return error.cause instanceof Error ? `${stack}\ncaused by ${stackWithCauses(error.cause)}` : stack;
}

/** A line of the server's log for a person: `12:00:01 POST /v1/chat/completions 200 in 34 ms · ocellus-tiny 49+3 tokens`. */
import { printable } from "../../core/base/index.js";
import type { coloursFor } from "./terminal.js";

interface LogLine {
  readonly level: number;
  readonly time: number;
  readonly msg?: string;
  readonly method?: string;
  readonly path?: string;
  readonly status?: number;
  readonly ms?: number;
  readonly owner?: string;
  readonly model?: string;
  readonly promptTokens?: number;
  readonly completionTokens?: number;
  readonly problem?: string;
  readonly err?: { readonly stack?: string };
}

/**
 * Paths and names come from outside: all but the colours is made printable, so that no request can write a line of its own.
 * @param json one line as pino writes it.
 */
export function logAsText(json: string, { dim, red, yellow }: ReturnType<typeof coloursFor>): string {
  const line = JSON.parse(json) as LogLine;
  const time = dim(new Date(line.time).toTimeString().slice(0, 8));
  const text = line.method === undefined ? (line.msg ?? "") : requestText(line);
  const colour = line.level >= 50 ? red : line.level >= 40 ? yellow : String;
  return `${time} ${colour(printable(text))}\n${line.err?.stack ? `${dim(stackText(line.err.stack))}\n` : ""}`;
}

/** Its lines are indented: a message of several lines looks like none of ours. */
function stackText(stack: string): string {
  return stack
    .split("\n")
    .map((line) => `    ${printable(line.trimStart())}`)
    .join("\n");
}

function requestText({
  method,
  path,
  status,
  ms,
  owner,
  model,
  promptTokens,
  completionTokens,
  problem,
}: LogLine): string {
  const tokens = promptTokens === undefined ? [] : [`${model} ${promptTokens}+${completionTokens ?? 0} tokens`];
  const facts = [
    `${method} ${path} ${status} in ${ms} ms`,
    ...tokens,
    ...[owner, problem].filter((word) => word !== undefined),
  ];
  return facts.join(" · ");
}

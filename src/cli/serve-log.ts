/** A line of the server's log for a person: `12:00:01 POST /v1/chat/completions 200 in 34 ms · ocellus-tiny 49+3 tokens`. */
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

/** @param json one line as pino writes it. */
export function logAsText(json: string, { dim, red, yellow }: ReturnType<typeof coloursFor>): string {
  const line = JSON.parse(json) as LogLine;
  const time = dim(new Date(line.time).toTimeString().slice(0, 8));
  const text = line.method === undefined ? (line.msg ?? "") : requestText(line);
  const shown = line.level >= 50 ? red(text) : line.level >= 40 ? yellow(text) : text;
  return `${time} ${shown}\n${line.err?.stack ? `${dim(line.err.stack)}\n` : ""}`;
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

/** `ocellus ask --schema FILE`: the answer is JSON that satisfies the schema, and each field says how sure it is. */
import { readFile } from "node:fs/promises";
import { fileLimits, ioError, OcellusError, parseJson, printableJson } from "../../../core/base/index.js";
import type { ChatOptions, FieldConfidence, ZoomedField } from "../../../core/runtime/index.js";
import { coloursFor, type Terminal } from "../../ui/terminal.js";
import { textTable } from "../../ui/text-layout.js";
import type { Answer } from "./answer.js";

/** @throws `not_found`, `io`, `invalid_file`. What is wrong with the schema says the model. */
export async function schemaOptions({ schema: path }: { readonly schema?: string }): Promise<ChatOptions> {
  if (path === undefined) return {};
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw ioError("read the JSON schema", path, cause);
  });
  return { responseFormat: { type: "json_schema", schema: parseSchema(text, path) }, fields: true };
}

function parseSchema(text: string, path: string): unknown {
  try {
    return parseJson(text, fileLimits);
  } catch (cause) {
    throw new OcellusError("invalid_file", `${path}: expected JSON: ${(cause as Error).message}`, {
      details: { path },
      cause,
    });
  }
}

/** For a person, on standard error: a line for each field. */
export function printFields(terminal: Terminal, { fields = {} }: Answer): void {
  const entries = Object.entries(fields);
  if (!terminal.stderr.isTTY || entries.length === 0) return;
  const { dim } = coloursFor(terminal.stderr);
  const rows = entries.map(([pointer, field]) => [pointer || "(answer)", percent(field.probability), othersOf(field)]);
  terminal.stderr.write(`${dim(textTable(rows, ["left", "right", "left"]))}\n`);
}

/** For a person, on standard error: a line for each field that was asked again. */
export function printZoomed(terminal: Terminal, { zoomed = [] }: Answer): void {
  if (!terminal.stderr.isTTY || zoomed.length === 0) return;
  const { dim } = coloursFor(terminal.stderr);
  const rows = zoomed.map(({ field, region, before, after, kept }) => [
    field || "(answer)",
    `asked again at ${region.map(Math.round).join(" ")}`,
    `${valueText(before)} → ${after ? valueText(after) : "no answer"}, kept ${kept === "after" ? "the second" : "the first"}`,
  ]);
  terminal.stderr.write(`${dim(textTable(rows))}\n`);
}

function valueText({ value, probability }: ZoomedField["before"]): string {
  return `${printableJson(JSON.stringify(value))} ${percent(probability)}`;
}

function othersOf({ alternatives = [] }: FieldConfidence): string {
  const named = alternatives.map(({ value, startsWith, probability }) => {
    return `${startsWith === undefined ? printableJson(JSON.stringify(value)) : `${startsWith}…`} ${percent(probability)}`;
  });
  return named.join(", ");
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

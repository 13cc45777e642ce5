/** A text or a picture through a whole policy: what each guard found, where and why, and what the policy would do. */
import { stat } from "node:fs/promises";
import { OcellusError } from "../../../core/base/index.js";
import { readInput } from "../../../core/image/node/index.js";
import { sniffFormat } from "../../../core/image/spec/index.js";
import { type GuardReport, Guards, type Moderated } from "../../../guardrails/index.js";
import { coloursFor, printJson, printLine, type Terminal } from "../../ui/terminal.js";
import { textTable } from "../../ui/text-layout.js";

/** @param text reads the input, where it is no picture. */
export async function testPolicy(
  input: string,
  text: () => Promise<string>,
  { guards: path, json }: { readonly guards: string; readonly json?: boolean },
  terminal: Terminal,
): Promise<void> {
  const guards = await Guards.open(path);
  try {
    const subject = (await isImage(input)) ? { image: input } : await text();
    const moderated = await guards.moderate([subject], terminal.signal);
    if (json) printJson(terminal, moderated);
    else printLine(terminal, report(moderated, terminal));
  } finally {
    await guards.close();
  }
}

async function isImage(input: string): Promise<boolean> {
  const isFile = await stat(input).then(
    (found) => found.isFile(),
    () => false,
  );
  if (!isFile) return false;
  const { bytes, source } = await readInput(input, { maxBytes: 64 * 2 ** 20, signal: undefined, fetch });
  try {
    sniffFormat(bytes, source);
    return true;
  } catch (error) {
    if (error instanceof OcellusError) return false;
    throw error;
  }
}

function report({ verdict, findings, reports }: Moderated, terminal: Terminal): string {
  const { bold, dim } = coloursFor(terminal.stdout);
  const rows = findings.map(({ guard, category, score, action, reason, span, region }) => [
    ...[guard, category, score.toFixed(4), action, span ? `${span.start}–${span.end}` : regionText(region)],
    dim(reason),
  ]);
  const looked = reports.map(lookText).join(" · ");
  return [...(rows.length > 0 ? [textTable(rows)] : ["nothing found"]), `${bold(verdict)}  ${dim(looked)}`].join("\n");
}

function regionText(region: Moderated["findings"][number]["region"]): string {
  return region ? `${region.width}×${region.height} at ${region.x}, ${region.y}` : "";
}

function lookText({ name, version, ms, failed }: GuardReport): string {
  return `${name}@${version} ${failed === undefined ? `${ms.toFixed(1)} ms` : `failed: ${failed}`}`;
}

/** A safety report as lines: the verdict of every file with its reason, and below it what its pickles import and call. */
import { formatBytes } from "../../core/base/index.js";
import type { CheckpointSafety, PickleAudit, SafetyReport, Verdict } from "../../inspect/index.js";
import type { coloursFor } from "./terminal.js";

type Colours = ReturnType<typeof coloursFor>;

/** A pickle of a model has some ten imports and calls; --json has them all. */
const maxListed = 12;

export function safetyText({ files, verdict }: CheckpointSafety, colours: Colours): string {
  if (files.length === 0) return colours.dim("no file here could hold code: no weights, no pickles, no Python");
  const last = `${marks(colours)[verdict]} ${files.length === 1 ? "1 file" : `${files.length} files`}: ${verdict}`;
  return [...files.flatMap((file) => fileLines(file, colours)), "", last].join("\n");
}

function marks({ green, yellow, red }: Colours): Record<Verdict, string> {
  return { safe: green("✓"), suspicious: yellow("–"), dangerous: red("✗") };
}

function fileLines({ path, kind, sizeBytes, verdict, reason, pickles, problems }: SafetyReport, colours: Colours) {
  const { bold, dim } = colours;
  const more = problems.filter((problem) => problem !== reason).slice(0, maxListed);
  return [
    `${marks(colours)[verdict]} ${bold(path)}  ${dim(`${kind}, ${formatBytes(sizeBytes)}`)}`,
    `  ${reason}`,
    ...more.map((problem) => `  ${problem}`),
    ...(verdict === "safe" ? [] : pickles.flatMap((pickle) => pickleLines(pickle, colours))),
  ];
}

/** Only what is not safe; what files of tensors need is in --json. */
function pickleLines({ where, imports, calls, problems }: PickleAudit, colours: Colours): string[] {
  const lines = [
    ...imports.filter(notSafe).map((each) => [each.verdict, `imports ${each.name}`] as const),
    ...calls
      .filter(notSafe)
      .map((each) => [each.verdict, `calls ${each.callee}${inBrackets(each.arguments)}`] as const),
    ...problems.map((problem) => ["suspicious", problem] as const),
  ];
  const shown = lines.slice(0, maxListed).map(([verdict, text]) => `    ${marks(colours)[verdict]} ${text}`);
  const rest = lines.length - shown.length;
  return [
    ...(lines.length === 0 ? [] : [colours.dim(`  ${where}`)]),
    ...shown,
    ...(rest > 0 ? [colours.dim(`    and ${rest} more; --json has them all`)] : []),
  ];
}

const notSafe = ({ verdict }: { readonly verdict: Verdict }) => verdict !== "safe";

/** Arguments of most calls are a tuple, which brings its own brackets. */
function inBrackets(text: string): string {
  return text.startsWith("(") ? text : `(${text})`;
}

/** `ocellus guard bench`: what each guard of a policy costs, one look at a time, on the example pictures and their texts. */
import type { Command } from "commander";
import { Guards } from "../../../guardrails/index.js";
import type { GlobalFlags } from "../../options.js";
import { printJson, printLine, type Terminal } from "../../ui/terminal.js";
import { textTable } from "../../ui/text-layout.js";
import { readExamples } from "../ask/examples.js";

interface BenchFlags extends GlobalFlags {
  readonly guards: string;
}

interface GuardCost {
  readonly guard: string;
  readonly subject: "text" | "image";
  readonly looks: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly failed: number;
}

export function addGuardBenchCommand(guard: Command, terminal: Terminal): void {
  guard
    .command("bench")
    .description("measure the time of each guardrail of a policy on uncached inputs")
    .requiredOption("--guards <file>", "guardrail policy file")
    .addHelpText("after", "\nExample:\n  ocellus guard bench --guards policy.json")
    .action((_local: unknown, command: Command) => bench(command.optsWithGlobals(), terminal));
}

async function bench(flags: BenchFlags, terminal: Terminal): Promise<void> {
  const examples = await readExamples();
  const texts = [
    ...new Set(examples.flatMap(({ questions }) => questions.flatMap((asked) => [asked.question, asked.answer]))),
  ];
  const guards = await Guards.open(flags.guards);
  const times = new Map<string, { ms: number[]; failed: number }>();
  guards.listen(({ guard, subject, verdict, ms }) => {
    const key = `${guard.name} ${subject.kind}`;
    const known = times.get(key) ?? { ms: [], failed: 0 };
    times.set(key, { ms: [...known.ms, ms], failed: known.failed + (verdict.failed === undefined ? 0 : 1) });
  });
  try {
    const subjects = [...texts, ...examples.flatMap(({ images }) => images.map((image) => ({ image })))];
    for (const subject of subjects) await guards.moderate([subject], terminal.signal);
    const costs = [...times].map(([key, cost]) => costOf(key, cost));
    if (flags.json) return printJson(terminal, { guards: costs });
    const rows = costs.map(({ guard, subject, looks, p50Ms, p95Ms, failed }) => [
      ...[guard, subject, String(looks), p50Ms.toFixed(2), p95Ms.toFixed(2), String(failed)],
    ]);
    const header = ["guard", "looks at", "looks", "p50 ms", "p95 ms", "failed"];
    printLine(terminal, textTable([header, ...rows], ["left", "left", "right", "right", "right", "right"]));
  } finally {
    await guards.close();
  }
}

/** Without the first look, which opens libraries and warms graphs up. */
function costOf(key: string, { ms, failed }: { ms: readonly number[]; failed: number }): GuardCost {
  const [guard = "", subject] = key.split(" ") as [string, GuardCost["subject"]];
  const warm = ms.slice(1).sort((a, b) => a - b);
  const at = (share: number) => warm[Math.min(warm.length - 1, Math.floor(share * warm.length))] ?? ms[0] ?? 0;
  return { guard, subject, looks: warm.length, p50Ms: at(0.5), p95Ms: at(0.95), failed };
}

/** `npm run bench -- personal`: what personal-data finds of written forms of each kind, and of what only looks alike. */
import { personalDataFinder } from "../src/guardrails/index.js";
import { measured, missedForms } from "./support/personal-score.js";

export async function main(args: string[]): Promise<void> {
  const count = Number(args[0] ?? 2000);
  const { find } = personalDataFinder();
  const { recall, falseHits } = measured(find, count);
  console.log("| kind | forms | written | found, % | precision, % |\n|---|---|---|---|---|");
  for (const row of recall)
    console.log(
      `| ${row.kind} | ${row.numForms} | ${row.asked} | ${row.recall.toFixed(1)} | ${row.precision.toFixed(1)} |`,
    );
  console.log("\n| near-miss | n | taken for personal data, % | as |\n|---|---|---|---|");
  for (const row of falseHits)
    console.log(`| ${row.name} | ${row.asked} | ${row.percent.toFixed(3)} | ${row.kinds.join(", ")} |`);
  if (args.includes("--missed")) console.log(missedForms(find, 200).join("\n"));
}

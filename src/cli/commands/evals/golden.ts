/** `ocellus golden`: questions whose answers are known; what a version answers to them, and whether another answers worse. */
import type { Command } from "commander";
import type { Terminal } from "../../ui/terminal.js";
import { addGoldenCheck } from "./golden-check.js";
import { addGoldenInit } from "./golden-init.js";
import { addGoldenReport } from "./golden-report.js";
import { addGoldenRun } from "./golden-run.js";

const walkthrough = `
From images to a check for canaries:
  ocellus golden init ./golden --images ./photos --ask "What is this?"   proposals; correct them, set "reviewed" to true
  ocellus golden check ./golden
  ocellus golden run ./golden --model tiny-v1.0.0 && ocellus golden run ./golden --model tiny-v1.1.0
  ocellus golden report tiny-v1.0.0.golden tiny-v1.1.0.golden
  ocellus serve --registry ./registry --golden ./golden`;

export function addGoldenCommand(program: Command, terminal: Terminal): void {
  const golden = program
    .command("golden")
    .description("make golden sets of labelled questions, run them, compare two runs")
    .addHelpText("after", walkthrough);
  for (const add of [addGoldenInit, addGoldenCheck, addGoldenRun, addGoldenReport]) add(golden, terminal);
}

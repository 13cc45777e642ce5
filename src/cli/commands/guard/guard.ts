/** `ocellus guard …`: the commands about guards. */
import type { Command } from "commander";
import type { Terminal } from "../../ui/terminal.js";
import { addAuditCommand } from "./audit.js";
import { addGuardBenchCommand } from "./guard-bench.js";
import { addGuardCalibrateCommand } from "./guard-calibrate.js";
import { addGuardLintCommand } from "./guard-lint.js";
import { addGuardTestCommand } from "./guard-test.js";

export function addGuardCommand(program: Command, terminal: Terminal): void {
  const guard = program
    .command("guard")
    .description("test guardrails, measure their cost, choose thresholds, verify audit logs");
  addGuardTestCommand(guard, terminal);
  addGuardLintCommand(guard, terminal);
  addGuardCalibrateCommand(guard, terminal);
  addGuardBenchCommand(guard, terminal);
  addAuditCommand(guard, terminal);
}

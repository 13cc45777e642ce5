/** `ocellus guard audit verify FILE`: whether an audit log is still what was written. */
import type { Command } from "commander";
import { OcellusError } from "../../../core/base/index.js";
import { verifyLog } from "../../../guardrails/index.js";
import type { GlobalFlags } from "../../options.js";
import { printJson, printLine, printNotes, type Terminal } from "../../ui/terminal.js";

interface VerifyFlags extends GlobalFlags {
  readonly contains?: string;
}

export function addAuditCommand(guard: Command, terminal: Terminal): void {
  guard
    .command("audit")
    .description("check guardrail audit logs")
    .command("verify")
    .description("verify the hash chain of an audit log and print the last hash")
    .argument("<file>", "audit log named in the policy")
    .option("--contains <hash>", "hash noted earlier that the log must still contain")
    .addHelpText(
      "after",
      `
The chain reveals changed lines. FILE.head, at most one second behind, reveals lines cut off the end. To protect against
someone who can write both files, store the last hash elsewhere and check it later with --contains.

Example:
  ocellus guard audit verify audit.jsonl --contains 5d41402abc4b2a76b9719d911017c592…`,
    )
    .action((file: string, _local: unknown, command: Command) => verify(file, command.optsWithGlobals(), terminal));
}

async function verify(file: string, flags: VerifyFlags, terminal: Terminal): Promise<void> {
  let isThere = false;
  const { first, lines, head, torn, files } = await verifyLog(file, (hash) => {
    isThere ||= hash === flags.contains;
  });
  if (flags.contains !== undefined && !isThere)
    throw new OcellusError(
      "invalid_file",
      `${file}: no line has the hash ${flags.contains}; lines were cut off its end`,
    );
  const count = lines - first;
  if (flags.json) return printJson(terminal, { file, files, first, lines: count, head, torn: torn !== undefined });
  const from = first > 0 ? ` from number ${first} on (older files were removed)` : "";
  const where = files > 1 ? ` in ${files} files` : "";
  printLine(terminal, `${count} lines${where}${from}, chain intact; last hash ${head}`);
  if (torn !== undefined)
    printNotes(terminal, ["the last line is incomplete (the process was killed) and is not a record"]);
}

/** `ocellus audit verify FILE`: whether an audit log is still what was written. */
import type { Command } from "commander";
import { OcellusError } from "../../../core/base/index.js";
import { verifyLog } from "../../../guardrails/index.js";
import type { GlobalFlags } from "../../options.js";
import { printJson, printLine, printNotes, type Terminal } from "../../ui/terminal.js";

interface VerifyFlags extends GlobalFlags {
  readonly contains?: string;
}

export function addAuditCommand(program: Command, terminal: Terminal): void {
  program
    .command("audit")
    .description("check the audit log of the guards")
    .command("verify")
    .description("check every line, and that each follows from the one before; say the hash of the last one")
    .argument("<file>", "the log that the policy names")
    .option("--contains <hash>", "a hash noted earlier: the log must still have its line")
    .addHelpText(
      "after",
      `
A chain shows what was changed in it. What was cut off its end shows by FILE.head, which is a second behind at most; to be
sure of whoever can write that too, note the last hash elsewhere, and ask for it later.

Example:
  ocellus audit verify audit.jsonl --contains 5d41402abc4b2a76b9719d911017c592…`,
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
      `${file}: no line has the hash ${flags.contains}: lines were cut off its end`,
    );
  const count = lines - first;
  if (flags.json) return printJson(terminal, { file, files, first, lines: count, head, torn: torn !== undefined });
  const from = first > 0 ? ` from number ${first} on (older parts were taken away)` : "";
  const where = files > 1 ? ` in ${files} files` : "";
  printLine(terminal, `${count} lines${where}${from}, unbroken; the last one's hash is ${head}`);
  if (torn !== undefined) printNotes(terminal, ["a kill has torn a last line, which was no record yet"]);
}

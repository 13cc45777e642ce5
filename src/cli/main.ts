/** The command line: which commands there are, and what happens to their errors. */
import { randomUUID } from "node:crypto";
import { Command } from "commander";
import { onHomeNote } from "../core/fs/index.js";
import { asking } from "../guardrails/index.js";
import { addAskCommand } from "./commands/ask/ask.js";
import { addBatchCommand } from "./commands/ask/batch.js";
import { addChatCommand } from "./commands/ask/chat.js";
import { addDemoCommand } from "./commands/ask/demo.js";
import { addDescribeCommand } from "./commands/ask/describe.js";
import { addMatchCommand } from "./commands/ask/match.js";
import { addMcpCommand } from "./commands/ask/mcp.js";
import { addEvalCommand } from "./commands/evals/eval.js";
import { addGoldenCommand } from "./commands/evals/golden.js";
import { addAuditCommand } from "./commands/guard/audit.js";
import { addGuardCommand } from "./commands/guard/guard.js";
import { addIndexCommand } from "./commands/index/index-command.js";
import { addDiffCommand } from "./commands/inspect/diff.js";
import { addGraphCommand } from "./commands/inspect/graph.js";
import { addInspectCommand } from "./commands/inspect/inspect.js";
import { addQuantReportCommand } from "./commands/inspect/quant-report.js";
import { addCacheCommand } from "./commands/models/cache.js";
import { addDoctorCommand } from "./commands/models/doctor.js";
import { addListCommand } from "./commands/models/list.js";
import { addPackCommand } from "./commands/models/pack.js";
import { addPullCommand } from "./commands/models/pull.js";
import { addRmCommand } from "./commands/models/rm.js";
import { addDeployCommands } from "./commands/rollout/deploy.js";
import { addPublishCommand } from "./commands/rollout/publish.js";
import { addVersionsCommand } from "./commands/rollout/versions.js";
import { addConfigCommand } from "./commands/serve/config.js";
import { addKeysCommand } from "./commands/serve/keys.js";
import { addServeCommand } from "./commands/serve/serve.js";
import { versionOf } from "./package-files.js";
import { reportError } from "./ui/report-error.js";
import { printNotes, type Terminal, withTerminal } from "./ui/terminal.js";

const examples = `
Examples:
  ocellus demo                                        the example pictures, asked and checked
  ocellus ask dress.jpg "What colour is it?"          answers from the model in the box
  ocellus chat screen.png                             several turns
  ocellus ask a.jpg "What is this?" --model ./qwen    any checkpoint folder
  ocellus serve                                       an endpoint for every OpenAI client, and a web page
  ocellus batch in.jsonl --out out.jsonl              a file of requests, resumable
  ocellus mcp                                         tools for coding assistants
  ocellus doctor                                      what this machine can do`;

/** Runs one command line (without node and script name); resolves to the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  return withTerminal(async (terminal) => {
    onHomeNote((note) => printNotes(terminal, [note]));
    const options = { json: argv.includes("--json"), debug: argv.includes("--debug") };
    try {
      const route = argv.find((word) => !word.startsWith("-")) ?? "";
      const asked = { key: "cli", route, request: randomUUID(), reports: [] };
      await asking(asked, () => createProgram(terminal).parseAsync(argv, { from: "user" }));
      return 0;
    } catch (error) {
      return reportError(error, terminal, options);
    }
  });
}

function createProgram(terminal: Terminal): Command {
  const program = new Command("ocellus")
    .description("A small eye for any app: ask a vision-language model about pictures.")
    .version(versionOf(), "-V, --version")
    .option("--json", "print one JSON value on stdout, errors as JSON on stderr")
    .option("--debug", "print the stack of an error")
    .addHelpText("after", examples)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: () => {} }) // reportError prints it
    .exitOverride();
  const add = [
    ...[addAskCommand, addDescribeCommand, addChatCommand, addDemoCommand],
    ...[addPackCommand, addEvalCommand, addDoctorCommand, addCacheCommand],
    ...[addPullCommand, addListCommand, addRmCommand, addServeCommand],
    ...[addConfigCommand, addKeysCommand, addBatchCommand, addMcpCommand],
    ...[addIndexCommand, addMatchCommand],
    ...[addPublishCommand, addVersionsCommand, addDeployCommands, addGoldenCommand],
    ...[addInspectCommand, addDiffCommand, addGraphCommand, addQuantReportCommand],
    addGuardCommand,
    ...[addAuditCommand],
  ];
  for (const addCommand of add) addCommand(program, terminal);
  return program;
}

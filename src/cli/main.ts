/** The command line: which commands there are, and what happens to their errors. */
import { randomUUID } from "node:crypto";
import { Command } from "commander";
import { onHomeNote } from "../checkpoint/index.js";
import { asking } from "../guard/index.js";
import { addAskCommand } from "./ask.js";
import { addAuditCommand } from "./audit.js";
import { addBatchCommand } from "./batch.js";
import { addCacheCommand } from "./cache.js";
import { addChatCommand } from "./chat.js";
import { addConfigCommand } from "./config.js";
import { addDemoCommand } from "./demo.js";
import { addDeployCommands } from "./deploy.js";
import { addDescribeCommand } from "./describe.js";
import { addDiffCommand } from "./diff.js";
import { addDoctorCommand } from "./doctor.js";
import { addEvalCommand } from "./eval.js";
import { addGoldenCommand } from "./golden.js";
import { addGraphCommand } from "./graph.js";
import { addGuardCommand } from "./guard.js";
import { addIndexCommand } from "./index-command.js";
import { addInspectCommand } from "./inspect.js";
import { addKeysCommand } from "./keys.js";
import { addListCommand } from "./list.js";
import { addMatchCommand } from "./match.js";
import { addMcpCommand } from "./mcp.js";
import { addPackCommand } from "./pack.js";
import { versionOf } from "./package-files.js";
import { addPublishCommand } from "./publish.js";
import { addPullCommand } from "./pull.js";
import { addQuantReportCommand } from "./quant-report.js";
import { reportError } from "./report-error.js";
import { addRmCommand } from "./rm.js";
import { addServeCommand } from "./serve.js";
import { printNotes, type Terminal, withTerminal } from "./terminal.js";
import { addVersionsCommand } from "./versions.js";

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

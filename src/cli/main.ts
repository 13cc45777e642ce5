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
import { addGuardCommand } from "./commands/guard/guard.js";
import { addIndexCommand } from "./commands/index/index-command.js";
import { addDiffCommand } from "./commands/inspect/diff.js";
import { addInspectCommand } from "./commands/inspect/inspect.js";
import { addDoctorCommand } from "./commands/models/doctor.js";
import { addFamiliarityCommand } from "./commands/models/familiarity.js";
import { addFamiliesCommand } from "./commands/models/families.js";
import { addListCommand } from "./commands/models/list.js";
import { addPackCommand } from "./commands/models/pack.js";
import { addPullCommand } from "./commands/models/pull.js";
import { addRmCommand } from "./commands/models/rm.js";
import { addRequestsCommand } from "./commands/rollout/requests.js";
import { addRolloutCommand } from "./commands/rollout/rollout.js";
import { addKeysCommand } from "./commands/serve/keys.js";
import { addServeCommand } from "./commands/serve/serve.js";
import { versionOf } from "./package-files.js";
import { withCommandHint } from "./ui/command-hint.js";
import { reportError } from "./ui/report-error.js";
import { printNotes, type Terminal, withTerminal } from "./ui/terminal.js";

const examples = `
Examples:
  ocellus demo                                       ask about the example images and check the answers
  ocellus ask dress.jpg "What colour is it?"         answer with the bundled demo model
  ocellus ask a.jpg "What is this?" --model ./qwen   answer with any checkpoint folder
  ocellus families                                   list the models that can be opened
  ocellus pull Qwen/Qwen3-VL-2B-Instruct             download a model; --model takes its name
  ocellus serve                                      start an OpenAI-compatible endpoint and a web page
  ocellus batch in.jsonl --out out.jsonl             answer a file of requests; resumable
  ocellus doctor                                     check this machine

\`ocellus COMMAND --help\` explains a command.`;

type AddCommand = (program: Command, terminal: Terminal) => void;

const groups: Readonly<Record<string, readonly AddCommand[]>> = {
  Ask: [addAskCommand, addDescribeCommand, addChatCommand, addMatchCommand, addDemoCommand],
  Serve: [addServeCommand, addBatchCommand, addMcpCommand, addKeysCommand],
  Models: [
    ...[addFamiliesCommand, addPullCommand, addListCommand, addRmCommand, addPackCommand],
    ...[addFamiliarityCommand, addDoctorCommand],
  ],
  "Look inside": [addInspectCommand, addDiffCommand],
  Measure: [addEvalCommand, addGoldenCommand],
  "Protect and find": [addGuardCommand, addIndexCommand],
  Versions: [addRolloutCommand, addRequestsCommand],
};

/** Runs one command line (without node and script name); resolves to the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  return withTerminal(async (terminal) => {
    onHomeNote((note) => printNotes(terminal, [note]));
    const options = { json: argv.includes("--json"), debug: argv.includes("--debug") };
    const program = createProgram(terminal);
    try {
      const route = argv.find((word) => !word.startsWith("-")) ?? "";
      const asked = { key: "cli", route, request: randomUUID(), reports: [] };
      const words = argv[0] === "help" ? [...argv.slice(1), "--help"] : argv;
      await asking(asked, () => program.parseAsync(words, { from: "user" }));
      return 0;
    } catch (error) {
      return reportError(withCommandHint(error, program, argv), terminal, options);
    }
  });
}

export function createProgram(terminal: Terminal): Command {
  const program = new Command("ocellus")
    .description("Runtime and server for vision-language models.")
    .version(versionOf(), "-V, --version", "print the version")
    .option("--json", "print one JSON value on stdout, and errors as JSON on stderr")
    .option("--debug", "print the stack of an error")
    .helpOption("-h, --help", "show this help")
    .helpCommand(false) // `main` reads `help X` as `X --help`
    .addHelpText("after", examples)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: () => {} }) // reportError prints it
    .exitOverride();
  for (const [title, adders] of Object.entries(groups)) {
    program.commandsGroup(`${title}:`);
    for (const addCommand of adders) addCommand(program, terminal);
  }
  return program;
}

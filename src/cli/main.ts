/** The command line: which commands there are, and what happens to their errors. */
import { randomUUID } from "node:crypto";
import { Command } from "commander";
import { onHomeNote } from "../core/fs/index.js";
import { asking } from "../guardrails/index.js";
import { versionOf } from "./package-files.js";
import { withCommandHint } from "./ui/command-hint.js";
import { reportError } from "./ui/report-error.js";
import { printNotes, type Terminal, withTerminal } from "./ui/terminal.js";

const examples = `
Examples:
  ocellus demo                                       ask about the example images and check the answers
  ocellus ask dress.jpg "What colour is it?"         answer with the bundled demo model
  ocellus ask a.jpg "What is this?" --model ./qwen   answer with any checkpoint folder
  ocellus read receipt.jpg                           read the text in an image
  ocellus read manual.pdf --markdown                 read the text of a document
  ocellus families                                   list the models that can be opened
  ocellus pull Qwen/Qwen3-VL-2B-Instruct             download a model; --model takes its name
  ocellus serve                                      start an OpenAI-compatible endpoint and a web page
  ocellus batch in.jsonl --out out.jsonl             answer a file of requests; resumable
  ocellus doctor                                     check this machine

\`ocellus COMMAND --help\` explains a command.`;

type AddCommand = (program: Command, terminal: Terminal) => void;

/** By group and name; a command is loaded when it is called: all of them take a second. */
const groups: Readonly<Record<string, Readonly<Record<string, () => Promise<AddCommand>>>>> = {
  Ask: {
    ask: async () => (await import("./commands/ask/ask.js")).addAskCommand,
    describe: async () => (await import("./commands/ask/describe.js")).addDescribeCommand,
    chat: async () => (await import("./commands/ask/chat.js")).addChatCommand,
    read: async () => (await import("./commands/ask/read.js")).addReadCommand,
    match: async () => (await import("./commands/ask/match.js")).addMatchCommand,
    demo: async () => (await import("./commands/ask/demo.js")).addDemoCommand,
  },
  Serve: {
    serve: async () => (await import("./commands/serve/serve.js")).addServeCommand,
    batch: async () => (await import("./commands/ask/batch.js")).addBatchCommand,
    mcp: async () => (await import("./commands/ask/mcp.js")).addMcpCommand,
    keys: async () => (await import("./commands/serve/keys.js")).addKeysCommand,
  },
  Models: {
    families: async () => (await import("./commands/models/families.js")).addFamiliesCommand,
    pull: async () => (await import("./commands/models/pull.js")).addPullCommand,
    list: async () => (await import("./commands/models/list.js")).addListCommand,
    rm: async () => (await import("./commands/models/rm.js")).addRmCommand,
    pack: async () => (await import("./commands/models/pack.js")).addPackCommand,
    familiarity: async () => (await import("./commands/models/familiarity.js")).addFamiliarityCommand,
    doctor: async () => (await import("./commands/models/doctor.js")).addDoctorCommand,
  },
  Teach: {
    tune: async () => (await import("./commands/tune/tune.js")).addTuneCommand,
  },
  "Look inside": {
    inspect: async () => (await import("./commands/inspect/inspect.js")).addInspectCommand,
    diff: async () => (await import("./commands/inspect/diff.js")).addDiffCommand,
  },
  Measure: {
    eval: async () => (await import("./commands/evals/eval.js")).addEvalCommand,
    golden: async () => (await import("./commands/evals/golden.js")).addGoldenCommand,
  },
  "Protect and find": {
    guard: async () => (await import("./commands/guard/guard.js")).addGuardCommand,
    index: async () => (await import("./commands/index/index-command.js")).addIndexCommand,
  },
  Versions: {
    rollout: async () => (await import("./commands/rollout/rollout.js")).addRolloutCommand,
    requests: async () => (await import("./commands/rollout/requests.js")).addRequestsCommand,
  },
};

/** Runs one command line (without node and script name); resolves to the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  return withTerminal(async (terminal) => {
    onHomeNote((note) => printNotes(terminal, [note]));
    const options = { json: argv.includes("--json"), debug: argv.includes("--debug") };
    const words = argv[0] === "help" ? [...argv.slice(1), "--help"] : argv;
    const route = words.find((word) => !word.startsWith("-")) ?? "";
    try {
      const program = await createProgram(terminal, route);
      const asked = { key: "cli", route, request: randomUUID(), reports: [] };
      await asking(asked, () => program.parseAsync(words, { from: "user" }));
      return 0;
    } catch (error) {
      return reportError(await withCommandHint(error, () => createProgram(terminal), argv), terminal, options);
    }
  });
}

/** @param wanted a command's name; without one, or where there is none of that name, with all commands. */
export async function createProgram(terminal: Terminal, wanted = ""): Promise<Command> {
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
  const isKnown = Object.values(groups).some((commands) => Object.hasOwn(commands, wanted));
  for (const [title, commands] of Object.entries(groups)) {
    program.commandsGroup(`${title}:`);
    for (const [name, load] of Object.entries(commands))
      if (!isKnown || name === wanted) (await load())(program, terminal);
  }
  return program;
}

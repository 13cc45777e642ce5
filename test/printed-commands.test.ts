/**
 * Every `ocellus …` and `npm run ocellus -- …` that README and docs print is a command of the program, with options that it
 * has: parsed by the program's own definition, and not run. Lines of code blocks are whole commands, so that arguments and
 * values are checked too; commands within a sentence may leave arguments out.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Command, CommanderError } from "commander";
import { describe, expect, it } from "vitest";
import { createProgram } from "../src/cli/main.js";
import type { Terminal } from "../src/cli/ui/terminal.js";
import { repository } from "./support/folders.js";

const pages = [
  ...readdirSync(repository).filter((name) => /^(README|CONTRIBUTING|SECURITY)[\w.-]*\.md$/.test(name)),
  ...readdirSync(join(repository, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md") && name !== "log.md" && !name.startsWith("site")) // a diary; what the site is built of
    .map((name) => join("docs", name)),
];

interface Printed {
  readonly line: number;
  readonly text: string;
  /** Within a sentence. */
  readonly isInline: boolean;
}

function printedIn(page: string): Printed[] {
  const found: Printed[] = [];
  let fence = false;
  const lines = page.replaceAll(/\\\n\s*/g, " ").split("\n"); // continued lines
  for (const [i, text] of lines.entries()) {
    if (/^\s*```/.test(text)) fence = !fence;
    else if (fence) found.push({ line: i + 1, text, isInline: false });
    else for (const [, code] of text.matchAll(/`([^`]+)`/g)) found.push({ line: i + 1, text: code!, isInline: true });
  }
  return found.flatMap(({ text, ...place }) => commandsIn(text).map((command) => ({ ...place, text: command })));
}

/** `A=1 ocellus x && npx ocellus y | jq` → the two command lines, without `ocellus`. */
function commandsIn(text: string): string[] {
  const starts =
    /(?:^\s*|[|;(]\s*|&&\s*|\$ )(?:\w+=\S*\s+)*(?:npx\s+(?:-y\s+)?ocellus(?:@\S+)?|npm run(?: -s)? ocellus --|ocellus)(?=\s|$)/g;
  return [...text.matchAll(starts)].map(({ index, 0: start }) => text.slice(index + start.length).trim());
}

/** Words as a shell makes them, to the end of this command: a comment, a pipe, a redirection, or columns of spaces. */
function wordsOf(line: string): string[] {
  const words: string[] = [];
  const word = /\s*(?:(#.*|[|;&>)]|\d?>)|((?:'[^']*'|"(?:[^"\\]|\\.)*"|\\.|[^\s'"|;&>)])+))/y;
  for (;;) {
    const [, end, found] = word.exec(line) ?? [];
    if (end !== undefined || found === undefined) return words;
    words.push(found.replaceAll(/'([^']*)'|"((?:[^"\\]|\\.)*)"/g, (_, single, double) => single ?? double));
  }
}

/** The program, whose commands do nothing. */
async function parser(): Promise<Command> {
  const program = await createProgram({ signal: new AbortController().signal } as Terminal);
  const silence = (command: Command): void => {
    command.configureOutput({ writeOut: () => {}, writeErr: () => {}, outputError: () => {} });
    if (command.commands.length === 0 || command.registeredArguments.length > 0) command.action(() => {});
    command.commands.forEach(silence);
  };
  silence(program);
  return program;
}

const unfinished = ["commander.missingArgument", "commander.missingMandatoryOptionValue", "commander.help"];
const fine = ["commander.helpDisplayed", "commander.version"];

/** What the program says against a command line; undefined for one that it takes. */
async function problemOf({ text, isInline }: Pick<Printed, "text" | "isInline">): Promise<string | undefined> {
  try {
    await (await parser()).parseAsync(wordsOf(text), { from: "user" });
    return undefined;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (fine.includes(error.code) || (isInline && isLeftOut(error, text))) return undefined;
    return error.message;
  }
}

/** In a sentence, arguments may be missing; and a value, where the option ends it. */
function isLeftOut({ code }: CommanderError, text: string): boolean {
  return unfinished.includes(code) || (code === "commander.optionMissingArgument" && /--[\w-]+$/.test(text));
}

describe.each(pages)("%s", (name) => {
  it("prints commands that exist", async () => {
    const problems: string[] = [];
    for (const printed of printedIn(readFileSync(join(repository, name), "utf8"))) {
      const problem = await problemOf(printed);
      if (problem !== undefined) problems.push(`${name}:${printed.line}: ocellus ${printed.text}: ${problem}`);
    }
    expect(problems).toEqual([]);
  });
});

describe("the check", () => {
  const block = (text: string) => printedIn(`\`\`\`sh\n${text}\n\`\`\``);

  it("finds commands where they stand", () => {
    const texts = (page: Printed[]) => page.map(({ text }) => wordsOf(text).join(" "));
    expect(texts(block("curl x | A=1 ocellus ask - 'a b' | jq # ocellus no"))).toEqual(["ask - a b"]);
    expect(texts(block("ocellus list && npm run ocellus -- ask \\\n  a.jpg b > c"))).toEqual(["list", "ask a.jpg b"]);
    expect(texts(printedIn("as `ocellus pull` does; `ocellus.json` is none"))).toEqual(["pull"]);
  });

  it.each([
    ["ocellus deploy prod v1", /unknown command/],
    ["ocellus ask a.jpg b --no-such", /unknown option/],
    ["ocellus inspect graph x --depth 3", /unknown option/],
    ["ocellus ask a.jpg b --weights int2", /int2/],
    ["ocellus inspect", /missing required argument/],
    ["ocellus serve more", /too many arguments/],
  ])("refuses %s", async (line, message) => {
    const [printed] = block(line);
    expect(await problemOf(printed!)).toMatch(message);
  });

  it("takes what a sentence leaves out, and nothing else", async () => {
    const problems = (text: string) => Promise.all(printedIn(`\`${text}\``).map(problemOf));
    expect(await problems("ocellus rollout publish")).toEqual([undefined]);
    expect(await problems("ocellus serve --keys-file")).toEqual([undefined]);
    expect(await problems("ocellus serve --kyes-file")).toEqual([expect.stringMatching(/unknown option/)]);
  });
});

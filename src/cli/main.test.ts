import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createProgram, main } from "./main.js";
import type { Terminal } from "./ui/terminal.js";

const thisFile = fileURLToPath(import.meta.url);

/** Runs in this process: these command lines end before any model is opened. */
async function run(...argv: string[]) {
  const written = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      written[name] += text;
      return true;
    });
  }
  return { code: await main(argv), ...written };
}
afterEach(() => vi.restoreAllMocks());

describe("ocellus", () => {
  it.each([
    [["ask", "no-such.png", "What?"], 3, /^error: .*no-such\.png.*\n$/],
    [["ask", thisFile, "What?", "--model", "no-such-model"], 3, /^error: .*no-such-model/],
    [["ask", thisFile, "What?", "--top-p", "7"], 2, /^error: option '--top-p <share>' .*from 0 to 1/],
    [["ask", thisFile, "What?", "--weights", "int2"], 2, /^error: .*fp32, fp16, int8, int4/],
    [["ask", "What?"], 2, /^error: ask: .*"What\?"/],
    [["ask", "a.png", thisFile], 2, /^error: ask: .*main\.test\.ts/],
    [["ask", "-", "-", "What?"], 2, /^error: .*\(-\)/],
    [["ask", "--collection", "shop", "--trace", "t.html", "What?"], 2, /^error: ask: --trace /],
    [["index", "search", "shop"], 2, /^error: index search: .*--image FILE.*--text WORDS/],
    [["index", "add", "shop", "no-such-folder"], 3, /^error: .*no-such-folder/],
    [["index", "stats", "../x"], 2, /^error: "\.\.\/x" /],
    [["index", "search", "shop", "--where", "x"], 2, /^error: .*--where .*key=value/],
    [["match", "no-such.png", "a dress"], 3, /^error: .*no-such\.png/],
    [["eval", "no-such.jsonl"], 3, /^error: .*no-such\.jsonl/],
    [["aks"], 2, /^error: unknown command 'aks' \(Did you mean ask\?\)\n$/],
    [["deploy", "prod", "v1"], 2, /^error: unknown command 'deploy' \(Did you mean rollout deploy\?\)\n$/],
    [["audit", "verify", "x"], 2, /'audit' \(Did you mean guard audit\?\)/],
    [["quant-report"], 2, /\(Did you mean inspect quant-report\?\)/],
    [["who", "x"], 2, /\(Did you mean requests show\?\)/],
    [["cache", "--clear"], 2, /\(Did you mean list\?\)/],
    [["rollout", "promot", "prod"], 2, /\(Did you mean promote\?\)/],
    [["inspect", "graph", "x", "--depth", "3"], 2, /unknown option '--depth'/],
    [["rm", "x", "--packed"], 2, /--packed/],
    [["--jsn"], 2, /^error: unknown option '--jsn' \(Did you mean --json\?\)\n$/],
  ])("refuses %j with exit code %i and says why on stderr", async (argv, wanted, message) => {
    const { code, stdout, stderr } = await run(...argv);
    expect({ code, stdout }).toEqual({ code: wanted, stdout: "" });
    expect(stderr).toMatch(message);
  });

  it("tells errors as JSON with --json, wherever the flag stands", async () => {
    for (const argv of [
      ["--json", "pack", "no-such"],
      ["pack", "no-such", "--json"],
    ]) {
      const { stderr } = await run(...argv);
      expect(JSON.parse(stderr)).toMatchObject({ error: { code: "not_found", details: {} } });
    }
  });

  it("prints version and help on stdout and succeeds", async () => {
    expect(await run("--version")).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
    const { code, stdout } = await run("ask", "--help");
    expect(code).toBe(0);
    expect(stdout).toMatch(/--max-tokens[\s\S]*Examples:/);
    vi.restoreAllMocks();
    expect((await run("help", "ask")).stdout).toBe(stdout);
  });
});

const program = await createProgram({ signal: new AbortController().signal } as Terminal);

describe("a command", () => {
  it("is loaded alone, by its name", async () => {
    for (const name of program.commands.map((command) => command.name())) {
      const alone = await createProgram({ signal: new AbortController().signal } as Terminal, name);
      expect(alone.commands.map((command) => command.name())).toEqual([name]);
    }
  });
});

describe("the help", () => {
  const all = (command: Command): Command[] => [command, ...command.commands.flatMap(all)];
  const texts = all(program).flatMap((command) => [
    [command.name(), command.description()],
    ...command.options.map(({ flags, description }) => [`${command.name()} ${flags}`, description]),
    ...command.registeredArguments.map((each) => [`${command.name()} ${each.name()}`, each.description]),
  ]);

  it("lists at most 26 commands, all in groups", () => {
    const names = program.commands.map((command) => command.name());
    expect(names.length, names.join(" ")).toBeLessThanOrEqual(26);
    expect(program.helpInformation()).not.toMatch(/^Commands:/m);
    expect(program.commands.filter((command) => !command.helpGroup())).toEqual([]);
  });

  it("groups every option of serve", () => {
    const { options } = program.commands.find((command) => command.name() === "serve")!;
    expect(options.filter(({ helpGroupHeading }) => !helpGroupHeading)).toEqual([]);
  });

  it("says of each option and command what it is, in the field's words", () => {
    const empty = texts.filter(
      ([name, text]) => text === "" && !/ (collection|a|b|alias|version|tag|folder)$/.test(name!),
    );
    expect(empty).toEqual([]);
    const ours =
      /\b(nobody|anybody|everybody|whoever|somebody|anew|pictures?|eyes?|goes on|is told|in the box|door|beginnings?|judge[ds]?|rivals|mend)\b/i;
    expect(texts.filter(([, text]) => ours.test(text!))).toEqual([]);
    const headless = /^(what|which|where|who|that|of|for|from|in|whether|how|only|also|beside|with) /;
    expect(texts.filter(([, text]) => headless.test(text!))).toEqual([]);
  });
});

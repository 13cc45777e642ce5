/** The README's library example is examples/ask.ts, letter for letter but for the import, and it runs. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { repository } from "../support/folders.js";

const read = (name: string) => readFileSync(join(repository, name), "utf8");

describe("the README", () => {
  it("prints the example that is in examples/", () => {
    const [, printed] = /```ts\n([\s\S]*?)```/.exec(read("README.md"))!;
    const withoutComment = read("examples/ask.ts").replace(/^\/\/.*\n/, "");
    const code = (text: string) =>
      text
        .replace(/from ".*"/, 'from "ocellus"')
        .replace(/\n+/g, "\n")
        .trim();
    expect(code(printed!)).toBe(code(withoutComment));
  });

  it("has an example that answers", () => {
    const tsx = join(repository, "node_modules/tsx/dist/cli.mjs");
    const output = execFileSync(process.execPath, [tsx, "examples/ask.ts"], { cwd: repository, encoding: "utf8" });
    expect(output).toMatch(/^\S.*\n\d+ tokens in \d+ ms\n$/s);
  });

  it("names only commands that package.json has", () => {
    const scripts = Object.keys((JSON.parse(read("package.json")) as { scripts: object }).scripts);
    const named = [...read("README.md").matchAll(/npm run ([\w-]+)/g)].map((m) => m[1]!);
    expect(named.filter((name) => !scripts.includes(name))).toEqual([]);
  });
});

/** The README's library example is examples/ask.ts, letter for letter but for the import, and it runs. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { repository } from "../support/folders.js";

const read = (name: string) => readFileSync(join(repository, name), "utf8");

describe("the README", () => {
  it("has the same programs and commands, the same links and as many rows of tables in both languages", () => {
    const facts = (name: string) => {
      const page = read(name);
      const links = [...page.matchAll(/\]\(([^)]+)\)/g)].map((match) => match[1]!.replace("docs/zh/", "docs/"));
      return {
        programs: [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map((match) => match[1]),
        commands: [...page.matchAll(/^npm .*?(?="|$)/gm)].map((match) => match[0].replace(/\s+#.*/, "")),
        links: [...new Set(links)].filter((link) => !link.startsWith("README")).sort(),
        rows: page.match(/^\|/gm)!.length,
      };
    };
    expect(facts("README.zh-CN.md")).toEqual(facts("README.md"));
  });

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

  it("links to pages that are there", () => {
    const links = [...read("README.md").matchAll(/\]\(([^)#]+)\)/g)].map((match) => match[1]!);
    expect(links.length).toBeGreaterThan(20);
    expect(links.filter((link) => !existsSync(join(repository, link)))).toEqual([]);
  });

  it("names only commands that package.json has", () => {
    const scripts = Object.keys((JSON.parse(read("package.json")) as { scripts: object }).scripts);
    const named = [...read("README.md").matchAll(/npm run ([\w-]+)/g)].map((m) => m[1]!);
    expect(named.filter((name) => !scripts.includes(name))).toEqual([]);
  });
});

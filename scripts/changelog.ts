/**
 * `npm run release`: sets the next version by the changesets in .changeset/ (`changeset version`), and moves their lines and
 * those under "Unreleased" in CHANGELOG.md to a section of that version. The form is Keep a Changelog's; changesets' own
 * headings ("Minor Changes") say how a version number moves, not what a user finds.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const groups = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"] as const;
const unreleased = "## Unreleased\n";

/** Lines by group. @throws for a heading that is none of the groups, and for text under none. */
export function readGroups(markdown: string, origin: string): Map<string, string> {
  const found = new Map<string, string>();
  const [before = "", ...sections] = markdown.trim().split(/^### /m);
  if (before !== "") throw new Error(`${origin}: expected "### Added" or another group first, found: ${before}`);
  for (const section of sections) {
    const [, name = "", text = ""] = /^(.*)\n([\s\S]*)$/.exec(section) ?? [];
    if (!groups.some((group) => group === name))
      throw new Error(`${origin}: expected one of ${groups.join(", ")}, found: ${name}`);
    found.set(name, [...(found.has(name) ? [found.get(name)!] : []), text.trim()].join("\n"));
  }
  return found;
}

/** The lines of a changeset, without its front matter. */
export function bodyOf(changeset: string): string {
  return changeset.replace(/^---\n[\s\S]*?\n---\n/, "");
}

/** `text` with "Unreleased" empty, and a section for `version` below it. */
export function releaseChangelog(text: string, changesets: readonly string[], version: string, date: string): string {
  const [head, rest] = text.split(unreleased) as [string, string?];
  if (rest === undefined) throw new Error('CHANGELOG.md: expected a section "## Unreleased"');
  const [, current = "", older = ""] = /^([\s\S]*?)(?=^## |$(?![\s\S]))([\s\S]*)$/m.exec(rest)!;
  const parts = [current, ...changesets].map((part, i) => readGroups(part, i === 0 ? "Unreleased" : `changeset ${i}`));
  const sections = groups.flatMap((group) => {
    const lines = parts.flatMap((part) => part.get(group) ?? []);
    return lines.length > 0 ? [`### ${group}\n\n${lines.join("\n")}\n`] : [];
  });
  return `${head}${unreleased}\n## ${version} - ${date}\n\n${sections.join("\n")}${older === "" ? "" : `\n${older}`}`;
}

function release(): void {
  const changesets = readdirSync(".changeset")
    .filter((name) => name.endsWith(".md") && name !== "README.md")
    .sort()
    .map((name) => bodyOf(readFileSync(join(".changeset", name), "utf8")));
  const text = readFileSync("CHANGELOG.md", "utf8");
  releaseChangelog(text, changesets, "0.0.0", ""); // a wrong heading is found before anything changes
  execFileSync("npx", ["--no-install", "changeset", "version"], { stdio: "inherit" });
  const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
  writeFileSync("CHANGELOG.md", releaseChangelog(text, changesets, version, new Date().toISOString().slice(0, 10)));
}

if (process.argv[1]?.endsWith("changelog.ts")) release();

/** CHANGELOG.md and the changesets are in the form that `npm run release` moves, and a release loses no line. */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import { bodyOf, groups, readGroups, releaseChangelog } from "../scripts/changelog.js";

const repository = resolve(import.meta.dirname, "..");
const changelog = readFileSync(join(repository, "CHANGELOG.md"), "utf8");
const changesets = readdirSync(join(repository, ".changeset")).filter((name) => /^(?!README).*\.md$/.test(name));
const linesOf = (text: string) => text.split("\n").filter((line) => line.startsWith("- "));

it("every changeset is lines under groups of Keep a Changelog", () => {
  for (const name of changesets) {
    const found = readGroups(bodyOf(readFileSync(join(repository, ".changeset", name), "utf8")), name);
    expect(found.size, name).toBeGreaterThan(0);
  }
});

it("a release moves every line of CHANGELOG.md under its version", () => {
  const released = releaseChangelog(changelog, ["### Fixed\n\n- One more."], "9.9.9", "2026-01-01");
  expect(linesOf(released).sort()).toEqual([...linesOf(changelog), "- One more."].sort());
  expect(released).toContain("## Unreleased\n\n## 9.9.9 - 2026-01-01\n\n### Added\n");
});

it("two releases one after the other keep the older section as it was", () => {
  const line = fc.stringMatching(/^[a-z]{1,9}$/).map((text) => `- ${text}`);
  const body = fc.record({ group: fc.constantFrom(...groups), lines: fc.array(line, { minLength: 1, maxLength: 4 }) });
  const markdown = ({ group, lines }: { group: string; lines: string[] }) => `### ${group}\n\n${lines.join("\n")}\n`;
  fc.assert(
    fc.property(fc.array(body, { minLength: 1, maxLength: 5 }), body, (first, second) => {
      const one = releaseChangelog("# C\n\n## Unreleased\n", first.map(markdown), "1.0.0", "d");
      const two = releaseChangelog(one, [markdown(second)], "1.1.0", "d");
      expect(two.endsWith(one.slice(one.indexOf("## 1.0.0")))).toBe(true);
      expect(linesOf(two)).toHaveLength(first.flatMap(({ lines }) => lines).length + second.lines.length);
    }),
  );
});

it.each(["### Minor Changes\n\n- A line.", "- A line without a group."])("%s is refused", (body) => {
  expect(() => readGroups(body, "a changeset")).toThrow(/^a changeset: /);
});

/** Laws of docs/: lines that can be read and compared, links between pages that lead somewhere. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { expect, it } from "vitest";

const repository = resolve(import.meta.dirname, "..");
const maxLength = 120;
const pages = ["docs", "docs/decisions", "docs/models", "docs/zh"].flatMap((folder) =>
  readdirSync(join(repository, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `${folder}/${name}`),
);

/** Its lines, with those of code blocks emptied. */
function proseOf(page: string): string[] {
  let isCode = false;
  const lines = readFileSync(join(repository, page), "utf8").split("\n");
  return lines.map((line) => {
    const isFence = /^\s*```/.test(line);
    if (isFence) isCode = !isCode;
    return isCode || isFence ? "" : line;
  });
}

/** As GitHub and the site make it of a heading. */
const anchorOf = (heading: string) =>
  heading
    .replace(/^#+ /, "")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\- _]/gu, "")
    .replaceAll(" ", "-");

it("no line outside tables and code is longer than 120 characters", () => {
  const long = pages.flatMap((page) =>
    proseOf(page).flatMap((line, i) => (line.length > maxLength && !/^\s*\|/.test(line) ? [`${page}:${i + 1}`] : [])),
  );
  expect(long).toEqual([]);
});

it("links lead to files that are there, and to headings of these", () => {
  const dead = pages.flatMap((page) =>
    [
      ...proseOf(page)
        .join("\n")
        .matchAll(/\]\(([^)\s#]*)(?:#([^)\s]*))?\)/g),
    ].flatMap(([link, path = "", hash]) => {
      if (/^[a-z]+:/.test(path) || path === "…") return [];
      const file = path === "" ? page : join(dirname(page), path);
      if (!existsSync(join(repository, file))) return [`${page}: ${link}`];
      if (hash === undefined || !file.endsWith(".md")) return [];
      const headings = proseOf(file).filter((line) => line.startsWith("#"));
      return headings.some((heading) => anchorOf(heading) === hash) ? [] : [`${page}: ${link}`];
    }),
  );
  expect(dead).toEqual([]);
});

it("the site's sidebar leads to every page of docs/", () => {
  const sidebar = readFileSync(join(repository, "docs/site/.vitepress/config.mjs"), "utf8");
  const links = new Set([...sidebar.matchAll(/page\("[^"]+", "\/([^"]*)"\)/g)].map(([, link]) => link));
  const names = pages.flatMap((page) => /^docs\/(?:zh\/)?([^/]+)\.md$/.exec(page)?.[0].slice(5, -3) ?? []);
  expect(names.length).toBeGreaterThan(20);
  expect(names.filter((name) => !links.has(name))).toEqual([]);
});

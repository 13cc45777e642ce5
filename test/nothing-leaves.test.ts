/**
 * What a user's machine sees of a run: no name is looked up, no other machine is reached, and no file is written outside
 * the folders that OCELLUS_CACHE and OCELLUS_DATA name. Programs run under a preloaded library (support/no-network.c) that
 * writes down and refuses what goes out; ONNX Runtime's first upload is tried some nine seconds after its first session.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { on } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { describe, it } from "vitest";
import { isMissing } from "../src/core/base/prerequisite.testkit.js";
import { makePdf } from "../src/core/pdf/pdf.testkit.js";
import { startStandIn } from "../src/hub/stand-in.testkit.js";
import { ocellusCommand } from "./support/command.js";
import { repository, temporaryFolder } from "./support/folders.js";

const tiny = join(repository, "checkpoints/ocellus-tiny");
const image = join(repository, "examples/pictures/dress.jpg");
const beyondFirstUploadMs = 14_000;

const compiler = process.platform === "linux" && spawnSync("cc", ["--version"]).status === 0;
const without = isMissing("a C compiler on Linux", compiler, "apt install gcc libc6-dev");
const shim = join(temporaryFolder(), "no-network.so");
if (!without)
  execFileSync("cc", ["-shared", "-fPIC", "-o", shim, join(import.meta.dirname, "support/no-network.c"), "-ldl"]);

interface Seen {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Names looked up and addresses connected to. */
  readonly outgoing: readonly string[];
  /** Files left in the home, temporary and working folders. */
  readonly files: readonly string[];
}

/** What runs a TypeScript program of test/support/programs. */
function program(name: string, ...args: readonly string[]): [file: string, args: string[]] {
  const path = join(repository, `test/support/programs/${name}.ts`);
  return [process.execPath, ["--import", import.meta.resolve("tsx"), path, ...args]];
}

/** Runs a program in a home, a temporary and a working folder of its own; `use` works with it meanwhile. */
async function watched(
  [file, args]: readonly [file: string, args: readonly string[]],
  env: NodeJS.ProcessEnv = {},
  use?: (child: ChildProcess) => Promise<void>,
): Promise<Seen> {
  const folder = temporaryFolder();
  const watchedFolders = ["home", "tmp", "here"].map((name) => join(folder, name));
  for (const path of watchedFolders) mkdirSync(path);
  const [HOME, TMPDIR, cwd] = watchedFolders;
  const log = join(folder, "outgoing.txt");
  const child = spawn(file, args, {
    cwd: cwd!,
    env: {
      PATH: process.env.PATH,
      ...{ HOME, TMPDIR, NO_COLOR: "1", TSX_DISABLE_CACHE: "1", LD_PRELOAD: shim, NO_NETWORK_LOG: log },
      ...{ OCELLUS_CACHE: join(folder, "cache"), OCELLUS_DATA: join(folder, "data") },
      ...env,
    },
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const closed = new Promise<number | null>((done) => child.on("close", done));
  await use?.(child);
  const code = await closed;
  const files = watchedFolders.flatMap((path) => readdirSync(path, { recursive: true, encoding: "utf8" }));
  const outgoing = existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : [];
  return { code, stdout, stderr, outgoing, files };
}

async function addressOf(child: ChildProcess): Promise<string> {
  let text = "";
  for await (const part of on(child.stdout!, "data")) {
    text += part[0];
    const address = /http:\/\/[\d.]+:\d+/.exec(text)?.[0];
    if (address) return address;
  }
  throw new Error("the server ended before it was ready");
}

const library = program("answer-and-wait", tiny, "What can you do?", `${beyondFirstUploadMs}`);
const quiet = { code: 0, outgoing: [], files: [] };

describe.skipIf(without).concurrent("nothing leaves the machine", () => {
  it("when a program answers and then stays idle", async ({ expect }) => {
    const seen = await watched(library);
    expect(seen, seen.stderr).toMatchObject(quiet);
    expect(seen.stdout).not.toBe("");
  });

  it("unless the user allows it: then the same test sees it", async ({ expect }) => {
    const env = { ORT_DISABLE_TELEMETRY: "0" };
    const { outgoing, files } = await watched(library, env);
    expect([...outgoing, ...files].join("\n")).toMatch(/microsoft/i);
  });

  it("from a worker thread that cannot switch telemetry off: the model is not opened", async ({ expect }) => {
    const seen = await watched(program("in-a-worker", tiny));
    expect(seen, seen.stderr).toMatchObject({ ...quiet, stdout: "unavailable" });
    const allowed = await watched(program("in-a-worker", tiny), { ORT_DISABLE_TELEMETRY: "1" });
    expect(allowed, allowed.stderr).toMatchObject({ ...quiet, stdout: "loaded" });
  });

  it("by a server that answers and then stays idle", async ({ expect }) => {
    const seen = await watched(ocellusCommand("serve", "--port", "0"), {}, async (child) => {
      const answer = await fetch(`${await addressOf(child)}/v1/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model: "ocellus-tiny", messages: [{ role: "user", content: "What can you do?" }] }),
      });
      expect(answer.status).toBe(200);
      await setTimeout(beyondFirstUploadMs);
      child.kill("SIGTERM");
    });
    expect(seen, seen.stderr).toMatchObject(quiet);
  });

  it("by `ocellus pull`, except to the hub that is named", async ({ expect, onTestFinished }) => {
    const hub = await startStandIn("shop/tiny", {
      "config.json": Buffer.from('{"model_type":"qwen3_vl"}'),
      "model.safetensors": randomBytes(5000),
    });
    onTestFinished(() => hub.close());
    const seen = await watched(ocellusCommand("pull", "shop/tiny"), { HF_ENDPOINT: hub.endpoint });
    expect(seen, seen.stderr).toMatchObject(quiet);
    expect(hub.seen).not.toHaveLength(0);
  });

  it("by `ocellus index` of a PDF", async ({ expect }) => {
    const pdf = join(temporaryFolder(), "manual.pdf");
    writeFileSync(pdf, await makePdf(["Change the filter"], [600, 600]));
    const seen = await watched(ocellusCommand("index", "add", "manuals", pdf, "--threads", "1"));
    expect(seen, seen.stderr).toMatchObject(quiet);
  });

  const commands: readonly (readonly string[])[] = [
    ["ask", image, "What is it?", "--threads", "1"],
    ["doctor"],
    ["inspect", tiny],
    ["index", "add", "shop", image],
    ["rollout", "publish", "--tag", "v1"],
    ["guard", "test", "some words"],
  ];
  it.for(commands)("by `ocellus %s`", async (args, { expect }) => {
    const seen = await watched(ocellusCommand(...args));
    expect(seen, seen.stderr).toMatchObject(quiet);
  });
});

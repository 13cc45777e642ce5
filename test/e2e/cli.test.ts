/** The real command line in its own process: what lands on which stream, exit codes, and what Ctrl-C leaves behind. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeSparseCheckpoint } from "../../src/inspect/unknown-family.testkit.js";
import { ocellusCommand } from "../support/command.js";

const root = resolve(import.meta.dirname, "../..");
const labels = JSON.parse(readFileSync(join(root, "examples/pictures/labels.json"), "utf8")) as {
  picture: string;
  questions: { question: string; answer: string; accept?: string[] }[];
}[];
const image = join(root, "examples/pictures", labels[0]!.picture);
const question = labels[0]!.questions[0]!.question;

/** Waiting threads of ONNX Runtime spin; on a busy machine that slows everybody. */
const oneThread = ["--threads", "1"];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "ocellus-cli-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs in a foreign folder with a cache of its own: nothing may depend on where the user stands. */
function start(args: readonly string[]): ChildProcess {
  const env = {
    ...process.env,
    OCELLUS_CACHE: join(folder, "cache"),
    OCELLUS_DATA: join(folder, "data"),
    NO_COLOR: undefined,
    FORCE_COLOR: undefined,
  };
  return spawn(...ocellusCommand(...args), { cwd: folder, env });
}

function outcome(child: ChildProcess): Promise<Outcome> {
  let stdout = "";
  let stderr = "";
  child.stdout!.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr!.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  return new Promise((done) => child.on("close", (code) => done({ code, stdout, stderr })));
}

function ocellus(args: readonly string[], stdin: string | Buffer = ""): Promise<Outcome> {
  const child = start(args);
  child.stdin!.on("error", () => {}).end(stdin);
  return outcome(child);
}

describe("ocellus ask", () => {
  it("prints nothing but the answer when piped", async () => {
    const { code, stdout, stderr } = await ocellus(["ask", image, question, ...oneThread]);
    expect({ code, lines: stdout.split("\n").length }, stderr).toEqual({ code: 0, lines: 2 });
    expect(stdout.trim()).not.toBe("");
    expect(stdout + stderr).not.toContain("\x1b[");
  });

  it("prints one JSON value with --json, for a picture on standard input", async () => {
    const { code, stdout, stderr } = await ocellus(["ask", "-", question, "--json", ...oneThread], readFileSync(image));
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toMatchObject({
      question,
      text: expect.stringMatching(/./),
      finishReason: expect.any(String),
      usage: { promptTokens: expect.any(Number), completionTokens: expect.any(Number) },
      timings: { firstTokenMs: expect.any(Number), tokensPerSecond: expect.any(Number) },
      model: { weights: "int4" },
    });
  });
});

describe("ocellus ask --trace", () => {
  it("answers as without, and writes a page", async () => {
    const page = join(folder, "trace.html");
    const plain = await ocellus(["ask", image, question, ...oneThread]);
    const traced = await ocellus(["ask", image, question, "--trace", page, ...oneThread]);
    expect({ code: traced.code, stdout: traced.stdout }, traced.stderr).toEqual({ code: 0, stdout: plain.stdout });
    expect(readFileSync(page, "utf8")).toMatch(/^<!doctype html>[\s\S]*data:image\/webp;base64,[\s\S]*<\/html>\n$/);
  });

  it("prints the trace with --json, without the maps", async () => {
    const page = join(folder, "other.html");
    const { code, stdout, stderr } = await ocellus(["ask", image, question, "--trace", page, "--json", ...oneThread]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const { tokens, images, ...rest } = JSON.parse(stdout);
    expect(rest).toMatchObject({ question, page, stages: { visionMs: expect.any(Number) } });
    expect(tokens[0]).toMatchObject({
      text: expect.any(String),
      probability: expect.any(Number),
      alternatives: expect.any(Array),
    });
    expect(images).toEqual([expect.objectContaining({ numLayers: 2, grid: { rows: 8, columns: 8 } })]);
  });
});

describe("ocellus inspect graph", () => {
  const model = join(root, "checkpoints/ocellus-tiny");

  it("tells the graphs in numbers, and prints one as text", async () => {
    const summary = await ocellus(["inspect", "graph", model, "--json"]);
    const { source, graphs } = JSON.parse(summary.stdout);
    expect(source).toBe("checkpoint");
    expect(graphs.map(({ name }: { name: string }) => name)).toEqual(["vision", "decoder"]);
    const text = await ocellus(["inspect", "graph", model, "--graph", "decoder", "--print"]);
    expect(text.stdout).toMatch(/^graph decoder\ninputs:\n[\s\S]*outputs:\n/);
  });

  it("writes ONNX files once, with their weights or, from a config alone, without", async () => {
    const [whole, bare] = [join(folder, "onnx"), join(folder, "bare")];
    expect((await ocellus(["inspect", "graph", model, "--onnx", whole])).code).toBe(0);
    expect(readdirSync(whole)).toEqual(expect.arrayContaining(["vision.onnx", "decoder.onnx", "weights.safetensors"]));
    expect((await ocellus(["inspect", "graph", join(model, "config.json"), "--onnx", bare])).code).toBe(0);
    expect(readdirSync(bare).sort()).toEqual(["decoder.onnx", "vision.onnx"]);
    for (const [from, into, why] of [
      [model, whole, "exists"],
      [whole, join(folder, "again"), "is a packed model"],
    ] as const) {
      const { code, stderr } = await ocellus(["inspect", "graph", from, "--onnx", into]);
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(why) });
    }
  });
});

describe("an error", () => {
  it("is told as JSON with --json", async () => {
    const broken = join(folder, "broken.png");
    writeFileSync(broken, "no picture at all");
    const { code, stdout, stderr } = await ocellus(["ask", broken, "What?", "--json", ...oneThread]);
    expect({ code, stdout }).toEqual({ code: 4, stdout: "" });
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: "invalid_image", message: expect.stringContaining("broken.png") },
    });
  });
});

describe("ocellus chat", () => {
  it("answers line by line from a pipe", async () => {
    const { code, stdout, stderr } = await ocellus(
      ["chat", image, ...oneThread],
      `${question}\n\n${question}\n/quit\nnever asked\n`,
    );
    expect({ code, lines: stdout.trimEnd().split("\n").length }, stderr).toEqual({ code: 0, lines: 2 });
  });
});

describe("ocellus eval", () => {
  it("counts right and wrong answers and writes the wrong ones", async () => {
    const file = join(folder, "questions.jsonl");
    const asked = { kind: "class", scene: "one", language: "en", question, answer: "Surely not this." };
    writeFileSync(file, JSON.stringify({ image, questions: [asked, { ...asked, kind: "other" }] }));
    const args = [
      "eval",
      file,
      "--weights",
      "int4",
      "--kinds",
      "class",
      "--failures",
      join(folder, "wrong.jsonl"),
      "--json",
      ...oneThread,
    ];
    const { code, stdout, stderr } = await ocellus(args);
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      runs: [{ weights: "int4", scores: [{ group: "class/one", questions: 1, correct: 0, accuracy: 0, low: 0 }] }],
    });
    expect(JSON.parse(readFileSync(join(folder, "wrong.jsonl"), "utf8"))).toMatchObject({
      origin: `${file}:1`,
      question,
    });
  });
});

describe("ocellus pack", () => {
  it("leaves nothing behind when it is stopped half-way", async () => {
    const into = join(folder, "packing", "model");
    const child = start(["pack", join(root, "checkpoints/ocellus-tiny"), "--weights", "fp32", "--into", into]);
    const stopped = outcome(child);
    await firstEntryIn(join(folder, "packing"));
    child.kill("SIGINT");
    expect(await stopped).toMatchObject({ code: 130, stdout: "", stderr: expect.stringMatching(/(^|\n)stopped\n$/) });
    expect(existsSync(into)).toBe(false);
    expect(readdirSync(join(folder, "packing"))).toEqual([]);
  });
});

describe("ocellus inspect --html", () => {
  it("leaves nothing behind when it is stopped while it reads", async () => {
    const large = join(folder, "large");
    writeSparseCheckpoint(large, new Map([["x.weight", [2 ** 17, 2 ** 16]]]), {}, 1); // 17 GB of holes
    const into = mkdtempSync(join(folder, "page-"));
    const child = start(["inspect", large, "--html", join(into, "report.html")]);
    const stopped = outcome(child);
    await new Promise((done) => child.stderr!.once("data", done)); // the first line of progress
    child.kill("SIGINT");
    const { code, stdout, stderr } = await stopped;
    expect({ code, stdout }, stderr).toEqual({ code: 130, stdout: "" });
    expect(stderr).toMatch(/^reading .*\n(.*\n)*stopped\n$/);
    expect(readdirSync(into)).toEqual([]);
  });
});

/** Resolves when packing has made its first file or folder. */
async function firstEntryIn(path: string): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!existsSync(path) || readdirSync(path).length === 0) {
    if (performance.now() > deadline) throw new Error(`nothing appeared in ${path}`);
    await new Promise((done) => setTimeout(done, 2));
  }
}

/** `ocellus batch`, also in a process of its own that is killed with -9 in the middle: every request has exactly one line in the end. */
import { spawn } from "node:child_process";
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { ocellusCommand } from "../support/command.js";
import { repository, temporaryFolder } from "../support/folders.js";
import { runHere } from "../support/run-here.js";

const folder = temporaryFolder();
const images = join(repository, "examples/pictures");
const question = (image: string, text: string) => ({
  messages: [
    {
      role: "user",
      content: [
        { type: "image_url", image_url: { url: image } },
        { type: "text", text },
      ],
    },
  ],
});
const line = (custom_id: string, body: object, url = "/v1/chat/completions") => ({
  custom_id,
  method: "POST",
  url,
  body,
});

function write(name: string, lines: readonly unknown[]): string {
  const path = join(folder, name);
  writeFileSync(path, lines.map((one) => `${JSON.stringify(one)}\n`).join(""));
  return path;
}

function read(path: string): any[] {
  return readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .filter(Boolean)
    .map((text) => JSON.parse(text));
}

vi.stubEnv("OCELLUS_CACHE", join(folder, "cache"));
vi.stubEnv("OCELLUS_DATA", join(folder, "data"));
vi.stubEnv("NO_COLOR", "1");
process.chdir(folder);

const batch = (...args: string[]) => runHere("batch", ...args, "--threads", "1");

function start(...args: string[]) {
  const child = spawn(...ocellusCommand("batch", ...args, "--threads", "1"));
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (text) => (stdout += text));
  child.stderr.on("data", (text) => (stderr += text));
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((done) =>
    child.on("close", (code) => done({ code, stdout, stderr })),
  );
  return { child, ended };
}

/** A child does much in it. */
const soon = () => new Promise((done) => setTimeout(done, 2));

describe("ocellus batch", () => {
  it("answers paths, data URLs and words, and writes failures beside", async () => {
    const dress = readFileSync(join(images, "dress.jpg"));
    writeFileSync(join(folder, "beside.jpg"), dress);
    const input = write("mixed.jsonl", [
      line("path", question("beside.jpg", "What colour is the product?")),
      line("data", question(`data:image/jpeg;base64,${dress.toString("base64")}`, "What colour is the product?")),
      line("response", { input: "What is this?" }, "/v1/responses"),
      line("completion", { prompt: "It is", max_tokens: 3 }, "/v1/completions"),
      line("missing", question("no-such.jpg", "What?")),
      line("no-picture", question("mixed.jsonl", "What?")),
      line("wrong", { messages: [], temprature: 1 }),
      line("address", question("http://127.0.0.1/a.png", "What?")),
    ]);
    const { code, stdout, stderr } = await batch(input, "--out", join(folder, "mixed.out.jsonl"), "--json");
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ requests: 8, before: 0, answered: 4, failed: 4 });
    const answers = Object.fromEntries(read(join(folder, "mixed.out.jsonl")).map((one) => [one.custom_id, one]));
    expect(Object.keys(answers).sort()).toEqual(["completion", "data", "path", "response"]);
    expect(answers.path).toMatchObject({ id: expect.stringMatching(/^batch_req_/), error: null });
    expect(answers.path.response).toMatchObject({ status_code: 200, request_id: expect.stringMatching(/^req_/) });
    expect(answers.path.response.body.choices).toEqual(answers.data.response.body.choices);
    expect(answers.path.response.body.choices[0].message.content).toBe("Red.");
    const failures = read(join(folder, "mixed.out.errors.jsonl"));
    expect(failures.map((one) => [one.custom_id, one.response.body.error.code]).sort()).toEqual([
      ["address", "invalid_request"],
      ["missing", "not_found"],
      ["no-picture", "invalid_image"],
      ["wrong", "invalid_request"],
    ]);
  });

  it("embeds words and pictures, paths too, and says how when no model is there for it", async () => {
    const shown = { type: "image_url", image_url: { url: join(images, "dress.jpg") } };
    const input = write("embed.jsonl", [
      line("words", { model: "clip", input: ["a red dress", "a blue shirt"] }, "/v1/embeddings"),
      line("image", { input: [shown, "a red dress"] }, "/v1/embeddings"),
      line("chat", { messages: [{ role: "user", content: "Hello" }], max_tokens: 2 }),
    ]);
    const out = join(folder, "embed.out.jsonl");
    const clip = join(repository, "test/golden/clip/gelu");
    const { code, stderr } = await batch(input, "--out", out, "--embedding-model", `clip=${clip}`);
    expect(code, stderr).toBe(0);
    const bodies = Object.fromEntries(read(out).map(({ custom_id, response }) => [custom_id, response.body]));
    expect(Object.keys(bodies).sort()).toEqual(["chat", "image", "words"]);
    const [image, words] = bodies.image.data.map((one: any) => one.embedding);
    for (const vector of [image, words]) expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
    expect(words).toEqual(bodies.words.data[0].embedding);
    expect(image).not.toEqual(words);
    const without = await batch(input, "--out", join(folder, "without.jsonl"), "--json");
    expect(JSON.parse(without.stdout)).toMatchObject({ answered: 1, failed: 2 });
    const reasons = read(join(folder, "without.errors.jsonl")).map((one) => one.response.body.error.message);
    expect(reasons).toEqual(expect.arrayContaining([expect.stringContaining("--embedding-model")]));
  });

  it("loses and repeats nothing when it is killed with -9, and repairs a torn line", async () => {
    const names = ["dress.jpg", "boots.jpg", "pair.jpg", "sale.jpg"].map((name) => join(images, name));
    const requests = Array.from({ length: 300 }, (_, i) =>
      line(`q${i}`, i % 10 === 3 ? question("gone.jpg", "?") : question(names[i % 4]!, "Describe this product.")),
    );
    const input = write("many.jsonl", requests);
    const out = join(folder, "many.out.jsonl");
    const numLines = () => (existsSync(out) ? readFileSync(out, "utf8").split("\n").length - 1 : 0);
    /** Whether it was still at work. */
    const kill = async (least: number) => {
      const { child, ended } = start(input, "--out", out);
      while (numLines() < least && child.exitCode === null) await soon();
      child.kill("SIGKILL");
      return (await ended).code === null;
    };
    for (let i = 0; i < 5 && !((await kill(20)) && (await kill(100))); i++)
      for (const path of [out, join(folder, "many.out.errors.jsonl")]) rmSync(path, { force: true }); // it was done before
    expect(numLines()).toBeGreaterThanOrEqual(100);
    const before = readFileSync(out, "utf8");
    appendFileSync(out, '{"id":"batch_req_torn","custom_id":"q29');
    const { code, stdout, stderr } = await start(input, "--out", out).ended;
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^\d+ answered in .*, \d+ from earlier runs: /);
    expect(readFileSync(out, "utf8").startsWith(before)).toBe(true);
    const answered = read(out).map((one) => one.custom_id);
    const failed = read(join(folder, "many.out.errors.jsonl")).map((one) => one.custom_id);
    expect(failed).toHaveLength(30);
    expect([...answered, ...failed].sort()).toEqual(requests.map((one) => one.custom_id).sort());
    expect(existsSync(`${out}.lock`)).toBe(false);
    const whole = readFileSync(out);
    const again = await batch(input, "--out", out, "--json"); // nothing is left: no model is opened
    expect(JSON.parse(again.stdout)).toMatchObject({ answered: 0, failed: 0, before: 300 });
    expect(readFileSync(out).equals(whole)).toBe(true);
  });

  it("stops at Ctrl-C with whole lines only", async () => {
    const out = join(folder, "stopped.out.jsonl");
    const { child, ended } = start(join(folder, "many.jsonl"), "--out", out);
    while (!existsSync(out) || readFileSync(out, "utf8").split("\n").length <= 5) await soon();
    child.kill("SIGINT");
    expect(await ended).toMatchObject({ code: 130, stdout: "", stderr: expect.stringMatching(/(^|\n)stopped\n$/) });
    expect(read(out).every((one) => one.response.status_code === 200)).toBe(true);
    expect(existsSync(`${out}.lock`)).toBe(false);
  });

  it.each([
    ["twice.jsonl", [line("a", {}), line("a", {})], /custom_id "a"/],
    ["url.jsonl", [line("a", {}), line("b", {}, "/v1/images")], /url\.jsonl:2: url: /],
    ["stream.jsonl", [line("a", { stream: true })], /stream\.jsonl:1: body\.stream: .*false/],
    ["empty.jsonl", [], /empty\.jsonl/],
  ])("refuses %s before any work", async (name, lines, message) => {
    const out = join(folder, `${name}.out`);
    const { code, stderr } = await batch(write(name, lines), "--out", out);
    expect([code, stderr]).toEqual([4, expect.stringMatching(message)]);
    expect(existsSync(out)).toBe(false);
  });

  it("writes into no file of something else, nor of another batch", async () => {
    const input = write("small.jsonl", [line("a", { messages: [{ role: "user", content: "Hello" }] })]);
    const foreign = write("notes.txt", [{ note: "mine" }]);
    const kept = readFileSync(foreign);
    expect((await batch(input, "--out", foreign)).stderr).toContain("notes.txt:1 ");
    expect(readFileSync(foreign).equals(kept)).toBe(true);
    const other = write("other.jsonl", [{ custom_id: "z", response: {} }]);
    expect((await batch(input, "--out", other)).stderr).toMatch(/other\.jsonl.*"z"/);
  });
});

/**
 * `ocellus golden`: sets made, checked, asked (also of a server, also interrupted) and compared. What is compared or interrupted
 * runs in a process of its own, the rest in this one.
 */
import { spawn } from "node:child_process";
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { Registry } from "../../src/rollout/index.js";
import { noBrowser, openBrowser } from "../support/browser.js";
import { ocellusCommand } from "../support/command.js";
import { repository, temporaryFolder } from "../support/folders.js";
import { runHere } from "../support/run-here.js";
import { loadTiny, startServer } from "../support/server.js";

const folder = temporaryFolder();
const images = join(repository, "examples/pictures");
const oneThread = ["--weights", "fp32", "--threads", "1"];

vi.stubEnv("OCELLUS_CACHE", join(folder, "cache"));
vi.stubEnv("OCELLUS_DATA", join(folder, "data"));
vi.stubEnv("NO_COLOR", "1");
process.chdir(folder);

function start(...args: string[]) {
  const child = spawn(...ocellusCommand(...args));
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((done) =>
    child.on("close", (code) => done({ code, stdout, stderr })),
  );
  return { child, ended };
}
const golden = (...args: string[]) => runHere("golden", ...args);

/** Lines of a file of JSON lines, in the order of their questions. */
function answersOf(name: string): any[] {
  const [, ...answers] = readFileSync(join(folder, name), "utf8")
    .trimEnd()
    .split("\n")
    .map((text) => JSON.parse(text));
  return answers.sort((a, b) => a.index - b.index);
}

describe("golden init, check, run and report", () => {
  it("makes a set that is ready, checks it, and never writes over it", async () => {
    const made = await golden("init", "ready", "--limit", "1", "--json");
    expect(JSON.parse(made.stdout), made.stderr).toMatchObject({
      questions: 44,
      unreviewed: 0,
      byMatch: { exact: 44 },
    });
    const before = readFileSync(join(folder, "ready/golden.jsonl"), "utf8");
    expect(readdirSync(join(folder, "ready/images")).length).toBeGreaterThan(5);
    expect(await golden("init", "ready")).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/\bready\b.*golden\.jsonl/),
    });
    expect(readFileSync(join(folder, "ready/golden.jsonl"), "utf8")).toBe(before);
    expect(await golden("check", "ready")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^ready: 44 questions \(exact 44\) about \d+ images\n$/),
    });
  });

  it("gives the same answers whatever is asked at once, of this process or of a server", async () => {
    const run = await start("golden", "run", "ready", "--out", "a.golden", "--parallel", "1", ...oneThread).ended;
    expect(run, run.stderr).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^ocellus-tiny \(fp32, [0-9a-f]{12}\)\n[\s\S]*\nall +44 +\d+\.\d %/),
    });
    await golden("run", "ready", "--out", "b.golden", "--parallel", "8", ...oneThread);
    expect(answersOf("b.golden")).toEqual(answersOf("a.golden"));
    const server = await startServer({ tiny: await loadTiny() });
    try {
      const asked = await golden("run", "ready", "--url", server.url, "--model", "tiny", "--json");
      expect(JSON.parse(asked.stdout), asked.stderr).toMatchObject({
        asked: 44,
        version: { name: "tiny", url: server.url },
      });
    } finally {
      await server.close();
    }
    expect(answersOf("tiny.golden")).toEqual(answersOf("a.golden"));
    const report = await golden("report", "a.golden", "tiny.golden", "--html", "report.html");
    expect(report.stdout, report.stderr).toContain("B is right and wrong where A is, on all 44 questions.");
    expect(readFileSync(join(folder, "report.html"), "utf8")).toMatch(/^<!doctype html>[\s\S]*<\/html>\n$/);
    const { a, comparison } = JSON.parse((await golden("report", "a.golden", "b.golden", "--json")).stdout);
    expect(comparison.all).toMatchObject({ questions: 44, gained: 0, lost: 0, p: 1 });
    expect(a.wrong).toHaveLength(44 - a.score.correct);
  });

  it("keeps what is done at Ctrl-C, and continues with it", async () => {
    const isBegun = () => {
      try {
        return answersOf("cut.golden").length > 2;
      } catch {
        return false; // not there yet, or a line is being written
      }
    };
    const stop = async () => {
      rmSync(join(folder, "cut.golden"), { force: true });
      const { child, ended } = start("golden", "run", "ready", "--out", "cut.golden", "--parallel", "1", ...oneThread);
      while (!isBegun() && child.exitCode === null) await new Promise((turn) => setTimeout(turn, 5));
      child.kill("SIGINT");
      return ended;
    };
    let stopped = await stop();
    for (let i = 0; i < 5 && stopped.code === 0; i++) stopped = await stop(); // it was done before it heard
    expect(stopped.code, stopped.stderr).toBe(130);
    const [, done] = /note: (\d+) of 44 answers are stored in cut\.golden/.exec(stopped.stderr)!;
    expect(answersOf("cut.golden")).toHaveLength(Number(done));
    expect(Number(done)).toBeLessThan(44);
    const half = await golden("report", "cut.golden");
    expect(half.stderr).toMatch(new RegExp(`\\b${44 - Number(done)} of 44\\b`));
    appendFileSync(join(folder, "cut.golden"), '{"id": "torn'); // as a kill in the middle of a write leaves it
    await golden("run", "ready", "--out", "cut.golden", ...oneThread);
    expect(answersOf("cut.golden")).toEqual(answersOf("a.golden"));
  });

  it("writes into no other run's result, nor into anything else", async () => {
    const other = await golden("run", "ready", "--out", "a.golden", "--weights", "int4", "--threads", "1");
    expect(other).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/a\.golden.*ocellus-tiny \(fp32, /),
    });
    writeFileSync(join(folder, "letter.txt"), "Dear\n");
    const letter = await golden("run", "ready", "--out", "letter.txt", ...oneThread);
    expect(letter).toMatchObject({
      code: 4,
      stderr: expect.stringContaining("letter.txt:1 "),
    });
    expect(readFileSync(join(folder, "letter.txt"), "utf8")).toBe("Dear\n");
  });

  it("asks a server that is not there, and says so", async () => {
    const { code, stderr } = await golden("run", "ready", "--url", "http://127.0.0.1:1", "--out", "none.golden");
    expect({ code, stderr }).toMatchObject({
      code: 7,
      stderr: expect.stringContaining("127.0.0.1:1/v1/chat/completions"),
    });
  });
});

describe.skipIf(noBrowser)("the page of a report", () => {
  it("shows what changed, with its picture, and breaks nothing", async () => {
    const lines = readFileSync(join(folder, "a.golden"), "utf8").split("\n");
    const asB = (text: string) =>
      text.replace('"correct":true', '"correct":false').replace(/"text":"[^"]*"/, '"text":"<b>no</b>"');
    const changed = lines.map((text, i) => (i > 0 && i <= 12 ? asB(text) : text));
    writeFileSync(join(folder, "worse.golden"), changed.join("\n"));
    const { stdout } = await golden("report", "a.golden", "worse.golden", "--html", "worse.html", "--json");
    const { lost } = JSON.parse(stdout).comparison.all;
    expect(lost).toBeGreaterThan(5);
    const browser = await openBrowser();
    try {
      const page = await browser.newPage({ viewport: { width: 400, height: 800 } });
      const faults: string[] = [];
      page.on("pageerror", (error) => faults.push(error.message));
      page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
      await page.goto(`file://${join(folder, "worse.html")}`);
      expect(await page.locator("h1").innerText()).toBe("B answers worse than A");
      expect(await page.locator(".entries li").count()).toBe(lost);
      expect(await page.locator(".entries img").count()).toBe(lost);
      expect(await page.locator(".entries .wrong").first().innerText()).toContain("<b>no</b>");
      expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
      expect(faults).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});

describe("golden init --images", () => {
  const path = join(folder, "mine/golden.jsonl");

  it("writes proposals that count for nothing until they are reviewed, and keeps what a person has changed", async () => {
    mkdirSync(join(folder, "photos"));
    copyFileSync(join(images, "dress.jpg"), join(folder, "photos/1.jpg"));
    writeFileSync(join(folder, "photos/2.jpg"), "no picture");
    const init = () =>
      golden("init", "mine", "--images", "photos", "--ask", "What colour is it?", "--json", ...oneThread);
    expect(JSON.parse((await init()).stdout)).toMatchObject({ questions: 0, unreviewed: 1, images: 1 });
    const [first] = readFileSync(path, "utf8").split("\n");
    expect(JSON.parse(first!)).toEqual({
      image: "images/1.jpg",
      questions: [{ question: "What colour is it?", answer: expect.stringMatching(/./), reviewed: false }],
    });
    await (await Registry.open({ folder: join(folder, "registry") })).close();
    const refused = { code: 2, stderr: expect.stringMatching(/\bmine\b.*"reviewed"/) };
    expect(await golden("run", "mine", ...oneThread)).toMatchObject(refused);
    expect(await runHere("serve", "--registry", "registry", "--golden", "mine", "--port", "0")).toMatchObject(refused);

    const edited = first!.replace('"reviewed":false', '"reviewed":true');
    writeFileSync(path, edited);
    truncateSync(path, edited.length); // no line break at the end, as some editors leave it
    copyFileSync(join(images, "sale.jpg"), join(folder, "photos/3.jpg"));
    expect(JSON.parse((await init()).stdout)).toMatchObject({ questions: 1, unreviewed: 1, images: 2 });
    expect(readFileSync(path, "utf8").split("\n")).toEqual([edited, expect.stringContaining("images/3.jpg"), ""]);
    const { stdout } = await golden("run", "mine", "--out", "mine.golden", "--json", ...oneThread);
    expect(JSON.parse(stdout)).toMatchObject({ asked: 1, unreviewed: 1, score: { correct: 1 } });
  });
});

describe("golden check", () => {
  it("names the line of everything that is wrong", async () => {
    const image = join(images, "dress.jpg");
    const lines = [
      {
        image,
        questions: [
          { question: "?", answer: "a" },
          { question: "?", set: ["a", "b"] },
        ],
      },
      { image: "gone.png", questions: [{ question: "?", answer: "a" }] },
      { image: "bad.jsonl", questions: [{ question: "?", answer: "a" }] },
      { image, questions: [{ question: "?", pattern: "(a" }, { question: "?" }] },
      { image, questions: [{ question: "?", schema: { type: "text" } }] },
    ];
    writeFileSync(join(folder, "bad.jsonl"), `${lines.map((line) => JSON.stringify(line)).join("\n")}\n{`);
    const { code, stdout, stderr } = await golden("check", "bad.jsonl");
    expect({ code, stderr }).toMatchObject({ code: 4, stderr: expect.stringMatching(/bad\.jsonl: 7 /) });
    for (const line of [
      /^bad\.jsonl:1: .*has another right answer/m,
      /^bad\.jsonl:2: image: .*gone\.png: it does not exist$/m,
      /^bad\.jsonl:3: image: .*expected a JPEG/m,
      /^bad\.jsonl:4: questions\.0\.pattern: .*not a regular expression/m,
      /^bad\.jsonl:4: questions\.1: expected an answer, accept, set, pattern or schema$/m,
      /^bad\.jsonl:5: questions\.0\.schema: JSON schema, #\/type/m,
      /^bad\.jsonl:6: expected JSON/m,
    ])
      expect(stdout).toMatch(line);
  });
});

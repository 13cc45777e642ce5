/** Guards that look at pictures with a model of their own, and the commands that measure them, end to end. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterEach, describe, expect, it, vi } from "vitest";
import { main } from "../src/cli/main.js";
import { loadDualEncoder } from "../src/core/runtime/index.js";
import { Guards } from "../src/guardrails/index.js";
import type { RocData } from "../src/inspect/page/page-data.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { dataUrl, image, openGuards, witness, writePolicy } from "./support/guards.js";
import { startServer } from "./support/server.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());
vi.stubEnv("OCELLUS_GUARDS", "");
afterEach(() => vi.restoreAllMocks());
const clip = join(repository, "test/golden/clip/gelu");
const vit = join(repository, "test/golden/vit/gelu");
const never = new AbortController().signal;

const categories = { violence: ["a fight", "a gun"], "violence/graphic": ["blood"] };
const harmless = ["a dress", "a form"];
const clipGuard = { type: "clip-policy", model: clip, categories, harmless };

async function findingsOf(policy: unknown, bytes: Uint8Array, folder = temporaryFolder()) {
  const guards = await openGuards(folder, policy);
  const moderated = await guards.moderate([{ image: bytes }], never);
  const { version } = guards.state().guards[0]!;
  await guards.close();
  return { ...moderated, version };
}

describe("a guard by sentences", () => {
  it("gives each category the share of its sentences among all, as the checkpoint compares them, and says the best", async () => {
    const model = await loadDualEncoder(clip, { weights: "fp32", threads: 1 });
    const sentences = [...harmless, ...Object.values(categories).flat()];
    const scores = await model.classify(image(90), sentences, { template: "{}" });
    await model.close();
    const shareOf = (sentence: string) => scores.find(({ label }) => label === sentence)!.probability;
    const { findings } = await findingsOf({ guards: { clip: clipGuard }, rules: [{ action: "flag" }] }, image(90));
    expect(findings.map(({ category }) => category)).toEqual(["violence", "violence/graphic"]);
    expect(findings[0]!.score).toBeCloseTo(shareOf("a fight") + shareOf("a gun"), 5);
    expect(findings[1]!.score).toBeCloseTo(shareOf("blood"), 5);
    expect(findings[0]!.reason).toBe(shareOf("a gun") > shareOf("a fight") ? "a gun" : "a fight");
  });

  it("is under the policy's thresholds, and its version is that of its sentences", async () => {
    const all = { guards: { clip: clipGuard } };
    const { findings, version } = await findingsOf(all, image(90));
    const { category, score } = findings.find((found) => found.category === "violence")!;
    const analysis = async (threshold: number) => {
      const rules = [{ action: "allow" }, { category, threshold, action: "block" }];
      return (await findingsOf({ ...all, rules }, image(90))).verdict;
    };
    expect(await analysis(score - 1e-4)).toBe("block");
    expect(await analysis(score + 1e-4)).toBe("allow");
    const other = { clip: { ...clipGuard, categories: { ...categories, "self-harm": ["a wound"] } } };
    expect((await findingsOf({ guards: other }, image(90))).version).not.toBe(version);
  });

  it.each([
    [{ harmless: ["a gun"] }, /"a gun"/],
    [{ harmless: ["word ".repeat(99)] }, /\b99\b|\b\d{3} tokens/],
    [{ model: vit }, /\bvit\b/],
    [{ model: "nowhere" }, /nowhere/],
  ])("is refused at the start with %j", async (change, name) => {
    const guards = { clip: { ...clipGuard, ...change } };
    await expect(openGuards(temporaryFolder(), { guards })).rejects.toMatchObject({
      name: "OcellusError",
      message: expect.stringMatching(name),
    });
  });
});

describe("a guard whose thread is killed while it looks", () => {
  it("lets nothing pass, looks again on another thread, and on none when that happens again and again", async () => {
    const guards = await openGuards(temporaryFolder(), {
      guards: { vit: { type: "vit-classifier", model: vit, labels: { nsfw: "sexual" }, timeoutMs: 60_000 } },
      rules: [{ action: "flag" }],
    });
    const model = witness();
    const server = await startServer({ model }, {}, { guards });
    const show = async (bytes: Uint8Array) => {
      const content = [{ type: "image_url", image_url: { url: dataUrl(bytes) } }];
      const response = await server.post("/v1/chat/completions", { messages: [{ role: "user", content }] });
      return { status: response.status, body: JSON.stringify(await response.json()) };
    };
    expect(await show(image(1))).toMatchObject({ status: 200 });
    const numSeen = model.seen.length;
    const { postMessage } = Worker.prototype;
    // Only a thread that is idle: one that is ended while ONNX Runtime opens its file takes the whole process with it.
    const kill = () =>
      vi.spyOn(Worker.prototype, "postMessage").mockImplementation(function (this: Worker, ...message) {
        if ((message[0] as { method?: string }).method === "run")
          void this.terminate(); // before it can answer
        else postMessage.apply(this, message);
      });
    const expectClosed = async (level: number) => {
      const { status, body } = await show(image(level));
      expect(status).toBe(503);
      const guards = [{ name: "vit", verdict: "block", failed: expect.any(String) }];
      expect(JSON.parse(body)).toMatchObject({ error: { code: "unavailable" }, ocellus: { guards } });
      expect(model.seen).toHaveLength(numSeen);
    };
    const once = kill();
    await expectClosed(2);
    once.mockRestore();
    expect(await show(image(3))).toMatchObject({ status: 200 });
    model.seen.length = numSeen;
    const ask = kill();
    for (const level of [4, 5, 6]) await expectClosed(level);
    const numAsked = ask.mock.calls.length;
    await expectClosed(7);
    expect(ask, "a thread that is gone is not asked").toHaveBeenCalledTimes(numAsked);
    ask.mockRestore();
    await server.close();
    await guards.close();
  });
});

async function run(...argv: string[]) {
  const written = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      written[name] += text;
      return true;
    });
  }
  return { code: await main(["guard", ...argv]), ...written };
}

describe("ocellus guard calibrate", () => {
  const folder = temporaryFolder();
  const labelled = join(folder, "labelled");
  const put = (label: string, levels: readonly number[]) => {
    mkdirSync(join(labelled, label), { recursive: true });
    for (const level of levels) writeFileSync(join(labelled, label, `${level}.png`), image(level));
  };
  put("harmless", [10, 60, 110, 160]);
  put("violence", [30, 80, 130]);
  put("violence/graphic", [200, 250]);
  const policy = writePolicy(folder, { guards: { clip: clipGuard } });

  it("says how well the guard tells each category apart, and gives rules that the policy takes", async () => {
    const page = join(folder, "roc.html");
    const options = ["--guards", policy, "--guard", "clip", "--false-hits", "0.25", "--html", page, "--json"];
    const { code, stdout, stderr } = await run("calibrate", labelled, ...options);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const { images, curves, rules } = JSON.parse(stdout);
    expect(images).toBe(9);
    expect(curves).toMatchObject([
      { category: "violence", images: 5, others: 4 },
      { category: "violence/graphic", images: 2, others: 7 },
    ]);
    const guards = await Guards.open(policy);
    const scoreOf = async (level: number, category: string) => {
      const { findings } = await guards.moderate([{ image: image(level) }], never);
      return findings.find((found) => found.category === category)!.score;
    };
    const scoresOf = (levels: readonly number[]) => Promise.all(levels.map((l) => scoreOf(l, "violence/graphic")));
    const [hits, others] = [await scoresOf([200, 250]), await scoresOf([10, 60, 110, 160, 30, 80, 130])];
    await guards.close();
    const pairs = hits.flatMap((hit) => others.map((other) => (hit > other ? 1 : hit === other ? 0.5 : 0)));
    const counted = pairs.reduce<number>((sum, pair) => sum + pair, 0) / pairs.length;
    expect(curves[1].area).toBeCloseTo(counted, 9);
    for (const { chosen } of curves) expect(chosen.falsePositiveRate).toBeLessThanOrEqual(0.25);
    const html = readFileSync(page, "utf8");
    const shown = JSON.parse(/id="data">(.*?)<\/script>/s.exec(html)![1]!) as RocData;
    expect(shown.curves.map(({ area }) => area)).toEqual(curves.map(({ area }: { area: number }) => area));
    const graphic = rules.filter(({ category }: { category: string }) => category === "violence/graphic");
    const strict = { guards: { clip: clipGuard }, rules: [{ action: "allow" }, ...graphic] };
    const { threshold } = curves[1].chosen;
    for (const [i, level] of [200, 250].entries())
      expect((await findingsOf(strict, image(level))).verdict).toBe(
        threshold !== null && hits[i]! >= threshold ? "block" : "allow",
      );
  });

  it("prints the same for people, with rules to paste", async () => {
    const { code, stdout } = await run("calibrate", labelled, "--guards", policy, "--guard", "clip");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^category +images +others +area +threshold +hit +false hits\nviolence +5 +4 +[01]\.\d{4}/);
    expect(stdout).toMatch(/rules for the policy:/);
  });

  it.each([
    [["nowhere", "--guard", "clip"], /nowhere/],
    [[join(labelled, "violence"), "--guard", "clip"], /violence.*"harmless"/],
    [[labelled, "--guard", "other"], /\bother\b/],
  ])("refuses %j by name", async (argv, problem) => {
    const { code, stderr } = await run("calibrate", ...argv, "--guards", policy);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(problem);
  });

  it("ends when the guard cannot look at a picture: a curve with holes would be believed", async () => {
    const broken = join(folder, "broken");
    for (const label of ["harmless", "violence"]) mkdirSync(join(broken, label), { recursive: true });
    writeFileSync(join(broken, "harmless/a.png"), image(1));
    writeFileSync(join(broken, "violence/b.png"), image(2).subarray(0, 40));
    const { code, stderr } = await run("calibrate", broken, "--guards", policy, "--guard", "clip");
    expect(code).not.toBe(0);
    expect(stderr).toContain("b.png");
  });
});

describe("ocellus guard bench", () => {
  const bench = async (guards: object) => {
    const policy = writePolicy(temporaryFolder(), { guards }, ["snoot"]);
    const { code, stdout } = await run("bench", "--guards", policy, "--json");
    expect(code).toBe(0);
    return (JSON.parse(stdout) as { guards: Record<string, number | string>[] }).guards;
  };

  it("looks with every guard at what it reads, each look again, and tells what they cost", async () => {
    const words = { type: "words", lists: ["words.txt"] };
    const costs = await bench({ words, clip: clipGuard });
    expect(costs).toMatchObject([
      { guard: "words", subject: "text", failed: 0 },
      { guard: "clip", subject: "image", failed: 0 },
    ]);
    for (const { looks, p50Ms, p95Ms } of costs as Record<string, number>[]) {
      expect(looks).toBeGreaterThan(3);
      expect(p50Ms).toBeGreaterThan(0);
      expect(p95Ms).toBeGreaterThanOrEqual(p50Ms!);
    }
  });

  it("counts looks that failed", async () => {
    vi.stubEnv("HOOK_SECRET", "a secret of some length");
    const hook = {
      type: "webhook",
      url: "http://127.0.0.1:9/",
      secretVariable: "HOOK_SECRET",
      retries: 0,
      reads: ["image"],
    };
    const [cost] = await bench({ hook });
    expect(cost!.failed).toBe((cost!.looks as number) + 1);
  });
});

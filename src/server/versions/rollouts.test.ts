import { pino } from "pino";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { pause, promote, resume, rollBack, setShare, startCanary } from "../../rollout/index.js";
import { openRegistry, registryWithCanary, temporaryFolder } from "../../rollout/registry.testkit.js";
import { RecentQuantile } from "./recent-quantile.js";
import { repeatsItself } from "./repeats.js";
import { Rollouts } from "./rollouts.js";

const good = { isError: false, isBlocked: false, isMalformed: false, firstTokenMs: 10, tokensPerSecond: 50 };

/** Users enough for a verdict; those of even answers have another version than the others. */
const mark = (i: number) => i % 200;

async function rollouts() {
  const registry = await registryWithCanary();
  const analysis = new Rollouts({ registry, log: pino({ level: "silent" }) });
  onTestFinished(() => analysis.close());
  const alias = () => registry.state.aliases.get("prod")!;
  const figures = async () => {
    await analysis.flush();
    return analysis.verdictOn(alias())?.figures;
  };
  return { registry, analysis, alias, figures };
}

describe("the trial of a step", () => {
  it("keeps its evidence when an answer that began in the step before comes late", async () => {
    const { registry, analysis, alias, figures } = await rollouts();
    const before = alias();
    await registry.run("test", setShare("prod", 0.6));
    for (let i = 0; i < 50; i++) analysis.observe(alias(), i % 2 ? "stable" : "canary", good, mark(i));
    analysis.observe(before, "canary", { ...good, isError: true }, 0);
    expect((await figures())!.error).toMatchObject({ numCanary: 25, numStable: 25, canary: 0 });
  });

  it("begins with no evidence, and takes none while it is paused", async () => {
    const { registry, analysis, alias, figures } = await rollouts();
    for (let i = 0; i < 50; i++) analysis.observe(alias(), i % 2 ? "stable" : "canary", good, mark(i));
    expect((await figures())!.error).toMatchObject({ numCanary: 25 });
    await registry.run("test", setShare("prod", 0.6));
    expect(await figures()).toBeUndefined();
    analysis.observe(alias(), "canary", good, 0);
    expect((await figures())!.error).toMatchObject({ numCanary: 1, numStable: 0 });
    await registry.run("test", pause("prod"));
    analysis.observe(alias(), "canary", good, 0);
    await registry.run("test", resume("prod"));
    expect((await figures())!.error).toMatchObject({ numCanary: 1, numStable: 0 });
  });

  it("is no one's but people's where the plan says so", async () => {
    const { registry, analysis, alias, figures } = await rollouts();
    await registry.run("test", rollBack("prod"));
    await registry.run("test", startCanary("prod", "v2", { steps: [0.5], analysis: false }));
    for (let i = 0; i < 400; i++)
      analysis.observe(alias(), i % 2 ? "stable" : "canary", { ...good, isError: i % 2 === 0 }, mark(i));
    expect(await figures()).toBeUndefined();
    expect(alias().canary!.tag).toBe("v2");
  });

  it("is not promoted by the golden set alone: users must have asked both", async () => {
    const { analysis, alias } = await rollouts();
    for (let i = 0; i < 500; i++) analysis.observePair(alias(), { stable: false, canary: false });
    await analysis.flush();
    expect(analysis.verdictOn(alias())).toMatchObject({
      decision: "wait",
      reason: expect.stringContaining("answers that failed"),
    });
    for (let i = 0; i < 1000; i++) analysis.observe(alias(), i % 2 ? "stable" : "canary", good, mark(i));
    await analysis.flush();
    expect(alias().canary!.share).toBe(0.8);
  });

  it("calls an answer slow by the same bar, whichever version a slow user got", async () => {
    const slowest = async (role: "stable" | "canary") => {
      const { analysis, alias, figures } = await rollouts();
      for (let i = 0; i < 400; i++) {
        analysis.observe(alias(), role, { ...good, firstTokenMs: 500 + i }, 1);
        for (const other of ["stable", "canary"] as const) analysis.observe(alias(), other, good, other.length);
      }
      const { canary, stable } = (await figures())!.slow_first_token!;
      return role === "canary" ? canary : stable;
    };
    expect(await slowest("canary")).toBe(await slowest("stable"));
  });

  it("calls slow what both versions were not of late, by a bar from before", async () => {
    const { analysis, alias, figures } = await rollouts();
    for (let i = 0; i < 60; i++) analysis.observe(alias(), "stable", { ...good, firstTokenMs: 10 + (i % 10) }, 2 * i);
    for (let i = 0; i < 5; i++) analysis.observe(alias(), "canary", { ...good, firstTokenMs: 40 }, 2 * i + 1);
    const { slow_first_token: slow } = (await figures())!;
    expect(slow).toMatchObject({ canary: 1, numCanary: 5 });
    expect(slow!.stable).toBeLessThan(0.21);
  });

  it("leaves nothing behind when it is over", async () => {
    const { registry, analysis, alias } = await rollouts();
    const step = { alias: "prod", stepSeq: alias().canary!.stepSeq };
    analysis.observe(alias(), "canary", good, 0);
    await analysis.flush();
    expect(await registry.evidence.analysis(step, { share: 0.5 })).toBeDefined();
    await registry.run("test", promote("prod"));
    await analysis.flush();
    expect(await registry.evidence.analysis(step, { share: 0.5 })).toBeUndefined();
  });
});

describe("canary analyses of several processes", () => {
  /** Each has its own connection, sees its own answers, and looks when it likes. */
  async function processes(count: number) {
    const shared = { folder: await temporaryFolder() };
    const first = await registryWithCanary(shared);
    const registries = [first, ...(await Promise.all(Array.from({ length: count - 1 }, () => openRegistry(shared))))];
    const analyses = registries.map((registry) => new Rollouts({ registry, log: pino({ level: "silent" }) }));
    onTestFinished(() => Promise.all(analyses.map((analysis) => analysis.close())).then(() => {}));
    let numAsked = 0;
    const answer = (i: number, quality = good) => {
      const alias = registries[i % count]!.state.aliases.get("prod")!;
      const isStable = Math.floor(i / count) % 2;
      if (!alias.canary) return;
      analyses[i % count]!.observe(alias, isStable ? "stable" : "canary", quality, 2 * (numAsked++ % 100) + isStable);
    };
    const look = async () => {
      await Promise.all(registries.map((registry) => registry.refresh()));
      await Promise.all(analyses.map((analysis) => analysis.flush()));
    };
    return { first, analyses, answer, look };
  }

  it("go on together by what none of them has seen alone, and take each step once", async () => {
    const { first, analyses, answer, look } = await processes(3);
    let numAnswers = 0;
    for (; numAnswers < 20_000 && first.state.aliases.get("prod")!.canary; numAnswers += 60) {
      for (let i = 0; i < 60; i++) answer(i);
      await look();
    }
    const decisions = (await first.history()).filter(({ actor }) => actor === "canary-analysis");
    expect(decisions.map(({ event }) => event.kind)).toEqual(["share_changed", "promoted"]);
    expect(numAnswers).toBeLessThan(2 * 1000); // alone with a third each, it would be three times as many
    for (const analysis of analyses) await analysis.flush();
    expect(first.state.aliases.get("prod")!.tag).toBe("v2");
  });

  it("turn back what fails in each a little", async () => {
    const { first, answer, look } = await processes(3);
    for (let round = 0; round < 300 && first.state.aliases.get("prod")!.canary; round++) {
      for (let i = 0; i < 60; i++) answer(i, { ...good, isError: Math.floor(i / 3) % 2 === 0 && round % 4 === 0 });
      await look();
    }
    const decisions = (await first.history()).filter(({ actor }) => actor === "canary-analysis");
    expect(decisions.map(({ event }) => event)).toMatchObject([{ kind: "rolled_back", from: "v2", to: "v1" }]);
    const { numCanary, numStable } = (decisions[0]!.event as any).figures.error;
    expect(numCanary).toBe(numStable);
  });

  it("take a decision that the one who saw it did not live to write down", async () => {
    const { first, analyses, answer } = await processes(2);
    const { canary } = first.state.aliases.get("prod")!;
    vi.spyOn(first, "run").mockRejectedValue(new Error("killed"));
    for (let i = 0; i < 2000; i += 2) answer(i); // all in the first process
    await analyses[0]!.flush();
    expect((await first.refresh()).aliases.get("prod")!.canary).toEqual(canary);
    await analyses[1]!.flush();
    expect((await first.refresh()).aliases.get("prod")!.canary).toMatchObject({ share: 0.8 });
  });
});

describe("a loop at the end of an answer", () => {
  it("is told from lists, rhymes and short answers", () => {
    expect(repeatsItself("the red the red the red the red the red the red ")).toBe(true);
    expect(repeatsItself("红色红色红色红色红色红色红色红色红色红色红色红色")).toBe(true);
    expect(repeatsItself("!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!")).toBe(true);
    expect(repeatsItself("no, no, no")).toBe(false);
    expect(repeatsItself("1. a dress\n2. a shirt\n3. a coat\n4. a bag\n5. a shoe")).toBe(false);
    expect(repeatsItself(" ".repeat(100))).toBe(false); // empty, which is told otherwise
  });
});

describe("a recent quantile", () => {
  it("says nothing before it knows enough, and forgets what is old", () => {
    const quantile = new RecentQuantile(0.95);
    for (let i = 0; i < 49; i++) quantile.add(1000);
    expect(quantile.value).toBeUndefined();
    for (let i = 0; i < 500; i++) quantile.add(i);
    expect(quantile.value).toBe(474);
  });
});

/** Steps by duration, a step that serves no one, and a URL that is asked before each: one receiver, as somebody's service. */
import { createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { pino } from "pino";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { until } from "../../core/base/until.testkit.js";
import { rollBack, startCanary, tryWith } from "../../rollout/index.js";
import { registryWithCanary } from "../../rollout/registry.testkit.js";
import { type RolloutOptions, Rollouts } from "./rollouts.js";

const secret = "between you and me";

async function receiver(answer: (response: ServerResponse, numPosts: number) => void) {
  const posts: { body: any; text: string; headers: IncomingMessage["headers"] }[] = [];
  const server = createServer(async (request, response) => {
    const text = Buffer.concat(await request.toArray()).toString();
    posts.push({ body: JSON.parse(text), text, headers: request.headers });
    answer(response, posts.length);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as { port: number }).port}/gate`, posts };
}

async function trial(plan: Parameters<typeof tryWith>[2], gate: RolloutOptions["gate"] = { secret, pauseMs: 50 }) {
  const registry = await registryWithCanary();
  await registry.run("test", rollBack("prod"));
  await registry.run("test", tryWith("prod", "v2", plan));
  const analysis = new Rollouts({ registry, log: pino({ level: "silent" }), gate });
  onTestFinished(() => analysis.close());
  const alias = () => registry.state.aliases.get("prod")!;
  return { registry, analysis, alias };
}

const says = (answer: object) => (response: ServerResponse) => response.end(JSON.stringify(answer));

describe("a step by duration", () => {
  it("lasts so long, and then continues without an analysis", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    onTestFinished(() => void vi.useRealTimers());
    const { registry, analysis, alias } = await trial({ steps: [0.1, 0.5], analysis: false, stepSeconds: 600 });
    await analysis.flush();
    expect(analysis.verdictOn(alias())).toMatchObject({
      decision: "wait",
      reason: expect.stringMatching(/lasts until 2/),
    });
    for (const expected of [0.5, undefined]) {
      vi.setSystemTime(Date.now() + 601_000);
      await analysis.flush();
      expect(alias().canary?.share).toBe(expected);
    }
    expect(alias().tag).toBe("v2");
    expect((await registry.history()).at(-1)!.actor).toBe("canary-analysis");
  });

  it("is not over because the analysis is content", async () => {
    const { analysis, alias } = await trial({ steps: [0, 0.5], stepSeconds: 600, agreement: { floor: 0.8, share: 1 } });
    for (let mark = 0; mark < 400; mark++) analysis.observeAgreement({ alias: alias(), mark }, 1);
    await analysis.flush();
    expect(analysis.verdictOn(alias())).toMatchObject({
      decision: "wait",
      reason: expect.stringMatching(/no worse than allowed in 1 measures; the step lasts until/),
    });
  });
});

describe("a step with no one", () => {
  it("ends by agreement alone: what the stable version's users got says nothing", async () => {
    const { analysis, alias } = await trial({ steps: [0, 0.5], agreement: { floor: 0.8, share: 1 } });
    const good = { isError: false, isBlocked: false, isMalformed: false, firstTokenMs: 10 };
    for (let mark = 0; mark < 400; mark++) {
      analysis.observe(alias(), "stable", good, mark);
      if (alias().canary?.share === 0) analysis.observeAgreement({ alias: alias(), mark }, 1);
    }
    await analysis.flush();
    expect(alias().canary).toMatchObject({ share: 0.5 });
  });

  it("turns back what says something else", async () => {
    const { analysis, alias } = await trial({ steps: [0, 0.5], agreement: { floor: 0.8, share: 1 } });
    for (let mark = 0; mark < 200; mark++) analysis.observeAgreement({ alias: alias(), mark }, 0.2);
    await analysis.flush();
    expect(alias()).not.toHaveProperty("canary.tag");
  });

  it("is refused alone, as is a gate that nothing would ask", async () => {
    const { registry } = await trial({ steps: [0.5] });
    await registry.run("test", rollBack("prod"));
    const refused = (plan: Parameters<typeof startCanary>[2]) =>
      expect(registry.run("test", startCanary("prod", "v2", plan))).rejects.toMatchObject({ code: "invalid_request" });
    await refused({ steps: [0], analysis: true });
    await refused({ steps: [0.5], analysis: false, gate: "https://gate.example/" });
    await refused({ steps: [0.5], analysis: true, gate: "https://a:b@gate.example/" });
    await refused({ steps: [0.5], analysis: true, gate: "gate.example" });
    await refused({ steps: [0.5], analysis: true, gate: "file:///etc/passwd" });
  });
});

describe("a gate", () => {
  const plan = (gate: string) => ({ steps: [0.1, 0.5], analysis: false, stepSeconds: 1, gate });
  const past = () => {
    const now = Date.now();
    vi.useFakeTimers({ toFake: ["Date"] });
    vi.setSystemTime(now + 2000);
    onTestFinished(() => void vi.useRealTimers());
  };

  async function asked(answer: (response: ServerResponse, numPosts: number) => void, gate?: RolloutOptions["gate"]) {
    const service = await receiver(answer);
    const setup = await trial(plan(service.url), gate);
    past();
    const look = async () => {
      vi.setSystemTime(Date.now() + 100); // the next window
      await setup.analysis.flush();
    };
    return { ...setup, ...service, look };
  }

  it("is asked with the rollout's state, signed, and allows", async () => {
    const { posts, alias, look } = await asked(says({ decision: "allow" }));
    await until(async () => {
      await look();
      expect(alias().canary?.share).not.toBe(0.1);
    });
    const { body, text, headers } = posts[0]!;
    expect(body).toEqual({
      ...{ object: "ocellus.gate", alias: "prod", stable: "v1", version: "v2", seq: 6, share: 0.1, next_share: 0.5 },
      ...{ reason: "its time is over", figures: {} },
    });
    const signature = createHmac("sha256", secret).update(`${headers["x-ocellus-timestamp"]}.${text}`).digest("hex");
    expect(headers["x-ocellus-signature"]).toBe(`v1=${signature}`);
  });

  it("turns back, with the reason in the history", async () => {
    const { registry, alias, look } = await asked(says({ decision: "roll_back", reason: "fewer orders" }));
    await until(async () => {
      await look();
      expect(alias()).not.toHaveProperty("canary.tag");
    });
    const event = (await registry.history()).at(-1)!.event;
    expect(event).toMatchObject({ kind: "rolled_back", reason: expect.stringContaining("fewer orders") });
  });

  const silent = (response: ServerResponse) => void setTimeout(() => response.end(), 5000).unref();
  it.each<[string, (response: ServerResponse) => void]>([
    ["says so", says({ decision: "hold", reason: "too early" })],
    ["fails", (response) => void response.writeHead(500).end('{"decision": "allow"}')],
    ["sends elsewhere", (response) => void response.writeHead(302, { location: "/allow" }).end()],
    ["says nothing known", says({ decision: "yes" })],
    ["talks without end", (response) => void response.end(`{"decision": "allow", "x": "${"x".repeat(20_000)}"}`)],
    ["does not answer in time", silent],
  ])("holds, and is asked again, when it %s", async (_, answer) => {
    const { posts, analysis, alias, look } = await asked(answer, { secret, pauseMs: 50, deadlineMs: 200 });
    await until(async () => {
      await look();
      expect(posts.length).toBeGreaterThan(1);
    });
    expect(analysis.verdictOn(alias())).toMatchObject({
      decision: "wait",
      reason: expect.stringContaining("the gate holds"),
    });
    expect(alias().canary!.share).toBe(0.1);
  });

  it("holds where there is no secret to sign with", async () => {
    const { posts, analysis, alias, look } = await asked(says({ decision: "allow" }), { pauseMs: 50 });
    await until(async () => {
      await look();
      expect(analysis.verdictOn(alias())?.reason).toContain("OCELLUS_WEBHOOK_SECRET");
    });
    expect(posts).toEqual([]);
  });
});

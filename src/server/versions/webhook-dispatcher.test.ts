import { createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { pino } from "pino";
import { describe, expect, it, onTestFinished } from "vitest";
import { until } from "../../core/base/until.testkit.js";
import { pause, promote, type Registry, resume, rollBack, setShare } from "../../rollout/index.js";
import { openRegistry, registryWithCanary, temporaryFolder } from "../../rollout/registry.testkit.js";
import { type DeliveryOutcome, WebhookDispatcher, type WebhookDispatcherOptions } from "./webhook-dispatcher.js";

const secret = "between you and me";

/** Somebody's service: keeps what it took, and answers as the test says. */
async function receiver(answer: (response: ServerResponse, numPosts: number) => void = (response) => response.end()) {
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
  const { port } = server.address() as { port: number };
  const kinds = () => posts.map(({ body }) => body.kind);
  return { url: `http://127.0.0.1:${port}/decisions?token=x`, posts, kinds };
}

async function webhooks(registry: Registry, url: string, options: Partial<WebhookDispatcherOptions> = {}) {
  const outcomes: DeliveryOutcome[] = [];
  const opened = new WebhookDispatcher({
    ...{ registry, url, secret, log: pino({ level: "silent" }), firstPauseMs: 1 },
    ...{ describe: ({ kind }) => `it was ${kind}`, onDelivery: (outcome) => outcomes.push(outcome) },
    ...options,
  });
  await opened.start();
  onTestFinished(() => opened.close());
  return { outcomes, close: () => opened.close() };
}

const figures = { error: { canary: 0, stable: 0.01, numCanary: 100, numStable: 90, pWorse: 1, pNotFine: 0.01 } };

describe("the webhook of decisions", () => {
  it("hears of each in its order, signed, with who, why and the figures, and of nothing before its time", async () => {
    const registry = await registryWithCanary();
    const { url, posts } = await receiver();
    await webhooks(registry, url);
    await registry.run("alice@laptop", pause("prod"));
    await registry.run("alice@laptop", resume("prod"));
    await registry.run("canary-analysis", setShare("prod", 0.8, { reason: "no worse", figures }));
    await registry.run("bob@admin", rollBack("prod", { reason: "prices" }));
    await until(() => expect(posts.length).toBe(4));
    expect(posts.map(({ body }) => [body.kind, body.actor])).toEqual([
      ["paused", "alice@laptop"],
      ["resumed", "alice@laptop"],
      ["share_changed", "canary-analysis"],
      ["rolled_back", "bob@admin"],
    ]);
    expect(posts[2]!.body).toEqual({
      ...{
        object: "ocellus.decision",
        seq: 7,
        at: expect.any(String),
        actor: "canary-analysis",
        kind: "share_changed",
      },
      ...{ alias: "prod", share: 0.8, reason: "no worse", text: "it was share_changed" },
      figures: { error: { canary: 0, stable: 0.01, num_canary: 100, num_stable: 90, p_worse: 1, p_not_fine: 0.01 } },
    });
    for (const { headers, text } of posts) {
      const signed = createHmac("sha256", secret).update(`${headers["x-ocellus-timestamp"]}.${text}`).digest("hex");
      expect(headers["x-ocellus-signature"]).toBe(`v1=${signed}`);
      expect(Math.abs(Number(headers["x-ocellus-timestamp"]) - Date.now() / 1000)).toBeLessThan(60);
    }
  });

  it("is tried again when it errs, is late or redirects, and the next decision waits its turn", async () => {
    const registry = await registryWithCanary();
    const { url, kinds } = await receiver((response, n) => {
      if (n === 1) response.writeHead(500).end();
      else if (n === 2) response.writeHead(302, { location: "http://127.0.0.1:1/" }).end();
      else if (n !== 3) response.end(); // the third is never answered
    });
    const { outcomes } = await webhooks(registry, url, { deadlineMs: 3000 });
    await registry.run("canary-analysis", pause("prod"));
    await registry.run("canary-analysis", resume("prod"));
    await until(() => expect(outcomes).toEqual(["failed", "failed", "failed", "delivered", "delivered"]));
    expect(kinds()).toEqual(["paused", "paused", "paused", "paused", "resumed"]);
  });

  it("is given up after eight tries, and hears of the next", async () => {
    const registry = await registryWithCanary();
    const { url, posts } = await receiver((response, n) => response.writeHead(n <= 8 ? 503 : 204).end());
    const { outcomes } = await webhooks(registry, url);
    await registry.run("canary-analysis", pause("prod"));
    await registry.run("canary-analysis", resume("prod"));
    await until(() => expect(outcomes.slice(-2)).toEqual(["given_up", "delivered"]));
    expect(outcomes.filter((outcome) => outcome === "failed").length).toBe(8);
    expect(posts.at(-1)!.body.kind).toBe("resumed");
  });

  it("holds up no decision while it does not answer, nor the end of the server", async () => {
    const registry = await registryWithCanary();
    const { url, posts } = await receiver(() => {});
    const { close } = await webhooks(registry, url, { deadlineMs: 60_000 });
    await registry.run("canary-analysis", pause("prod"));
    await until(() => expect(posts.length).toBe(1));
    await registry.run("canary-analysis", resume("prod"));
    expect((await registry.run("canary-analysis", promote("prod"))).aliases.get("prod")!.tag).toBe("v2");
    await close();
  });

  it("hears after the next start of what it has missed, once", async () => {
    const registry = await registryWithCanary();
    let isOpen = false;
    const { url, kinds } = await receiver((response) => response.writeHead(isOpen ? 200 : 503).end());
    const first = await webhooks(registry, url, { firstPauseMs: 60_000 });
    await registry.run("canary-analysis", pause("prod"));
    await until(() => expect(kinds()).toEqual(["paused"]));
    await first.close();
    await registry.run("canary-analysis", resume("prod"));
    isOpen = true;
    const second = await webhooks(registry, url);
    await until(() => expect(second.outcomes).toEqual(["delivered", "delivered"]));
    expect(kinds()).toEqual(["paused", "paused", "resumed"]);
  });

  it("hears once, however many processes could tell it", async () => {
    const shared = { folder: await temporaryFolder() };
    const registries = [await registryWithCanary(shared), await openRegistry(shared), await openRegistry(shared)];
    const { url, kinds } = await receiver();
    for (const registry of registries) await webhooks(registry, url);
    for (const command of [pause, resume, pause, promote]) await registries[1]!.run("canary-analysis", command("prod"));
    await until(() => expect(kinds()).toEqual(["paused", "resumed", "paused", "promoted"]));
    await new Promise((resolve) => setTimeout(resolve, 500)); // the others have looked too
    expect(kinds().length).toBe(4);
  });
});

describe("who tells a receiver", () => {
  it("is one at a time, another when its time is out or it lets go, and then it settles nothing any more", async () => {
    const { deliveries } = await openRegistry();
    await deliveries.begin("r", 3);
    await deliveries.begin("r", 9);
    expect(await deliveries.hold("r", "a", 100, 200)).toBe(true);
    expect(await deliveries.hold("r", "b", 200, 300)).toBe(false);
    expect(await deliveries.hold("r", "a", 150, 250)).toBe(true);
    await deliveries.settle("r", "a", 4);
    expect(await deliveries.hold("r", "b", 251, 300)).toBe(true);
    await deliveries.settle("r", "a", 7);
    expect(await deliveries.position("r")).toBe(4);
    await deliveries.release("r", "b");
    expect(await deliveries.hold("r", "a", 252, 300)).toBe(true);
  });
});

/**
 * Server processes that share rate limits in a real store. A limit of `perMinute` lets a full bucket through at once and then one
 * more each `60 / perMinute` seconds; beyond that only what docs/scaling.md states may pass.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../../src/core/base/until.testkit.js";
import { createKey, keyFileText } from "../../src/server/index.js";
import { temporaryFolder } from "../support/folders.js";
import { noRedis, startRedis, type TestRedis } from "../support/redis.js";
import { type ServeProcess, serveProcess } from "../support/serve-process.js";

const folder = temporaryFolder();
const perMinute = 20;
const { secret, key } = createKey("alice", { requestsPerMinute: perMinute });
const headers = { authorization: `Bearer ${secret}` };
writeFileSync(join(folder, "keys.json"), keyFileText([key]));
/** What the bucket has gained since `started`. */
const gained = (started: number) => Math.ceil(((performance.now() - started) / 60_000) * perMinute);

describe.skipIf(noRedis)("servers on one store", () => {
  let store: TestRedis;
  let [a, b]: ServeProcess[] = [];
  const asked = async (server: ServeProcess) => (await fetch(`${server.url}/v1/models`, { headers })).status;
  /** How many of `count` requests to each server are let through. */
  const admitted = async (servers: readonly ServeProcess[], count: number) => {
    const statuses = await Promise.all(Array.from({ length: count }, () => servers.map(asked)).flat());
    expect(statuses.filter((status) => status !== 200 && status !== 429)).toEqual([]);
    return statuses.filter((status) => status === 200).length;
  };
  const state = async ({ url }: ServeProcess) => {
    const { rate_limits } = (await (await fetch(`${url}/health/ready`)).json()) as { rate_limits?: string };
    const gauge = /^ocellus_shared_rate_limits_up (\d)$/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1];
    return [rate_limits, gauge];
  };
  const untilState = (server: ServeProcess, wanted: readonly string[]) =>
    until(async () => expect(await state(server)).toEqual(wanted));

  beforeAll(async () => {
    store = await startRedis();
    const env = { OCELLUS_CACHE: join(folder, "cache"), OCELLUS_LOG_FORMAT: "json" };
    const args = ["--redis-url", store.url, "--keys-file", join(folder, "keys.json"), "--threads", "1"];
    a = await serveProcess(args, env);
    b = await serveProcess(args, env);
  });
  afterAll(async () => {
    await a?.stop("SIGKILL");
    await b?.stop("SIGKILL");
    await store?.stop();
  });

  it("keep one limit, which outlives a server, and each the whole limit while the store is away", async () => {
    let started = performance.now();
    const first = await admitted([a!, b!], perMinute);
    expect(first).toBeGreaterThanOrEqual(perMinute);
    expect(first).toBeLessThanOrEqual(perMinute + gained(started));

    await a!.stop("SIGKILL");
    expect(await admitted([b!], perMinute)).toBeLessThanOrEqual(gained(started));

    // Away: it knows that the bucket is nearly empty, and does not begin with a full one.
    await store.kill();
    expect(await admitted([b!], perMinute)).toBeLessThanOrEqual(gained(started));
    await untilState(b!, ["local", "0"]);
    expect(b!.log()).toMatch(/"level":40[^\n]*rate limits/);

    // Back, with nothing in it: once more a full bucket, and no more than that.
    await store.start();
    await untilState(b!, ["shared", "1"]);
    started = performance.now();
    const again = await admitted([b!], 2 * perMinute);
    expect(again).toBeGreaterThanOrEqual(perMinute);
    expect(again).toBeLessThanOrEqual(perMinute + gained(started));

    // A store that hangs costs one request a moment, not every request.
    store.freeze();
    expect(await admitted([b!], perMinute)).toBeLessThanOrEqual(gained(started));
    await untilState(b!, ["local", "0"]);
    store.thaw();
    await untilState(b!, ["shared", "1"]);
  });
});

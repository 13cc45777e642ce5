/** Load by somebody else's tool: autocannon finds no error in what the server answers, and only 429 where the queue is full. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import autocannon from "autocannon";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { ServerConfig } from "../src/server/index.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { loadTiny, startServer, type TestServer } from "./support/server.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());

const url = `data:image/jpeg;base64,${readFileSync(join(repository, "examples/pictures/dress.jpg")).toString("base64")}`;
const content = [
  { type: "image_url", image_url: { url } },
  { type: "text", text: "What colour is the product?" },
];
const numRequests = 300;

let server: TestServer;
afterEach(async () => {
  const all = server.services.models.all();
  await server.close();
  for (const { model } of all) await model.close();
});

async function load(config: Partial<ServerConfig>, extra: object) {
  server = await startServer({ tiny: await loadTiny() }, config);
  return autocannon({
    url: `${server.url}/v1/chat/completions`,
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ messages: [{ role: "user", content }], ...extra }),
    connections: 32,
    amount: numRequests,
    timeout: 60,
  });
}
const metric = async (pattern: RegExp) =>
  Number(pattern.exec(await (await fetch(`${server.url}/metrics`)).text())?.[1] ?? 0);

describe("32 connections of autocannon", () => {
  it.each([{ stream: false }, { stream: true }])("are all answered, with %j", async (extra) => {
    const { errors, timeouts, statusCodeStats } = await load({}, extra);
    expect({ errors, timeouts, statusCodeStats }).toEqual({
      errors: 0,
      timeouts: 0,
      statusCodeStats: { 200: { count: numRequests } },
    });
    expect(await metric(/requests_total\{[^}]*completions"[^}]*status="200"\} (\d+)/)).toBe(numRequests);
  });

  it("are told 429 and nothing else where the queue is full, and leave nothing behind", async () => {
    const { errors, timeouts, statusCodeStats = {} } = await load({ maxQueue: 4 }, {});
    expect({ errors, timeouts, statuses: Object.keys(statusCodeStats) }).toEqual({
      errors: 0,
      timeouts: 0,
      statuses: ["200", "429"],
    });
    expect(server.gate(undefined).stats).toEqual({ running: 0, waiting: 0 });
    expect([server.services.budget.bytes, server.services.pixels.taken]).toEqual([0, 0]);
  });
});

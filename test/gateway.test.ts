/** A server before engines elsewhere: what it answers when they lie, hang, break off or are full. Engines are stand-ins on real sockets. */

import { writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { openGateway } from "../src/cli/commands/serve/serve-backends.js";
import { decodeAndDigest, encodePng } from "../src/core/image/node/index.js";
import { type StandIn, type StandInOptions, startRaw, startStandIn } from "../src/engines/stand-in.testkit.js";
import type { WireBackendStates } from "../src/protocol/index.js";
import { createKey, KeyRing, type ServerOptions } from "../src/server/index.js";
import { temporaryFolder } from "./support/folders.js";
import { forbiddenWord, openGuards } from "./support/guards.js";
import { startServer, type TestServer } from "./support/server.js";

interface Started {
  readonly server: TestServer;
  readonly ask: (text?: string, more?: object, signal?: AbortSignal) => Promise<Response>;
}

const admin = createKey("admin");
const wordsPolicy = { guards: { words: { type: "words", lists: ["words.txt"] } } };

/** The first is asked first: it has nearly all the weight. */
async function start(
  urls: readonly string[],
  settings: object = {},
  of: object = {},
  options: Partial<ServerOptions> = {},
): Promise<Started> {
  const path = join(temporaryFolder(), "backends.json");
  const backends = urls.map((url, i) => ({
    ...{ name: `engine-${i}`, url, kind: "vllm", model: "stand-in", weight: i === 0 ? 1000 : 0.001 },
    ...of,
  }));
  const calm = { circuit: { failures: 1000 }, retries: { share: 1 }, health: { intervalMs: 3_600_000 } };
  writeFileSync(path, JSON.stringify({ models: { m: { backends } }, ...calm, ...settings }));
  const server = await startServer({}, {}, { adminKeys: KeyRing.of([admin.key]), ...options });
  const gateway = await openGateway({ backends: path }, server.services, server.pool, {
    decode: decodeAndDigest,
    limits: {},
  });
  onTestFinished(async () => {
    await server.close();
    await gateway!.close();
  });
  const ask: Started["ask"] = (text = "hello", more = {}, signal) =>
    fetch(`${server.url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "m", messages: [{ role: "user", content: text }], ...more }),
      ...(signal && { signal }),
    });
  return { server, ask };
}

const saying = (text: string): StandInOptions => ({ kind: "vllm", answer: () => ({ text }) });
const textOf = async (response: Response) =>
  ((await response.json()) as { choices: { message: { content: string } }[] }).choices[0]!.message.content;

type Fault = (response: ServerResponse) => void;
const events = (response: ServerResponse, ...data: string[]) => {
  if (!response.headersSent) response.writeHead(200, { "content-type": "text/event-stream" });
  for (const each of data) response.write(`data: ${each}\n\n`);
};
const chunk = (content: string, id = "1") =>
  JSON.stringify({
    id,
    object: "chat.completion.chunk",
    model: "stand-in",
    choices: [{ index: 0, delta: { content } }],
  });

/** Before its first token. */
const faults: Readonly<Record<string, Fault>> = {
  hangs: () => {},
  "hangs after its status": (response) => {
    events(response);
    response.flushHeaders();
  },
  "sends half an event": (response) => {
    events(response);
    response.end(`data: ${chunk("LIES").slice(0, 40)}`);
  },
  "says a length that is not true": (response) => {
    response.writeHead(200, { "content-type": "text/event-stream", "content-length": "1000" });
    response.write("data: ");
    setTimeout(() => response.destroy(), 5);
  },
  "reports an error with the status 200": (response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ error: { message: "LIES" } }));
  },
  "reports an error as its first event": (response) => {
    events(response, JSON.stringify({ error: { message: "LIES", code: 500 } }));
    response.end();
  },
  "has another model": (response) => {
    response.writeHead(404, { "content-type": "application/json" });
    response.end(JSON.stringify({ error: { message: "The model `stand-in` does not exist, only LIES", code: 404 } }));
  },
  "sends text without end": (response) => {
    events(response);
    const more = () => {
      while (!response.destroyed && response.write("LIES".repeat(16_384)));
    };
    response.on("drain", more);
    response.write("data: ");
    more();
  },
  "answers with a page": (response) => {
    response.writeHead(200, { "content-type": "text/html" });
    response.end("<html>LIES</html>");
  },
  "leads elsewhere": (response) => {
    response.writeHead(307, { location: "http://127.0.0.1:1/LIES" });
    response.end();
  },
  "ends without a word": (response) => {
    events(response, "[DONE]");
    response.end();
  },
  fails: (response) => {
    response.writeHead(500).end("LIES");
  },
};

describe("an engine that", () => {
  let fault: Fault = () => {};
  let bad: StandIn;
  beforeEach(async () => {
    bad = await startStandIn({
      ...saying("LIES"),
      fault: (_, response) => {
        fault(response);
        return true;
      },
    });
  });

  it.each(Object.entries(faults))("%s is not heard: another one answers", async (_, faulty) => {
    fault = faulty;
    const good = await startStandIn(saying("the truth"));
    const { ask } = await start([bad.url, good.url], { timeouts: { headersMs: 150, firstTokenMs: 150 } });
    expect(await textOf(await ask())).toBe("the truth");
    const stream = await (await ask("hello", { stream: true })).text();
    expect(stream).toContain('"the"');
    expect(stream).toMatch(/"finish_reason":"stop"[\s\S]*\[DONE\]\n\n$/);
    expect(stream).not.toContain("LIES");
    expect(bad.seen.filter(({ path }) => path === "/v1/chat/completions")).toHaveLength(2);
  });

  it("speaks no HTTP is not heard either", async () => {
    const [raw, good] = [
      await startRaw((socket) => socket.end("LIES LIES\r\n\r\n")),
      await startStandIn(saying("good")),
    ];
    const { ask, server } = await start([raw, good.url]);
    expect(await textOf(await ask())).toBe("good");
    expect(await (await fetch(`${server.url}/health/ready`)).json()).toEqual({
      status: "ok",
      backends: { m: { usable: 1, total: 2 } },
    });
  });

  it.each([
    ["breaks off", (response: ServerResponse) => response.destroy()],
    ["goes on with another client's answer", (response: ServerResponse) => events(response, chunk("LIES", "2"))],
    [
      "reports an error",
      (response: ServerResponse) => events(response, JSON.stringify({ error: { message: "LIES" } })),
    ],
  ])("%s within its answer ends that answer with an error, and no other engine is asked", async (_, end) => {
    fault = (response) => {
      events(response, chunk("one"));
      setTimeout(() => end(response), 20);
    };
    const good = await startStandIn(saying("another answer"));
    const { ask } = await start([bad.url, good.url]);
    const stream = await (await ask("hello", { stream: true })).text();
    expect(stream).toContain('"one"');
    expect(stream).toMatch(/"error":\{/);
    expect(stream).not.toContain("LIES");
    expect(good.seen.some(({ path }) => path === "/v1/chat/completions")).toBe(false);
    expect((await ask()).status).toBe(503);
  });

  it("was started again with another model is left out, and one that was upgraded is not", async () => {
    fault = () => {};
    const [changed, good] = [
      await startStandIn({ ...saying("other"), maxModelLen: 4096 }),
      await startStandIn(saying("good")),
    ];
    const { ask, server } = await start([changed.url, good.url], {
      health: { intervalMs: 20, failures: 1, successes: 1 },
    });
    const states = async () => {
      const headers = { authorization: `Bearer ${admin.secret}` };
      const response = await fetch(`${server.url}/admin/v1/backends`, { headers });
      return ((await response.json()) as WireBackendStates).data[0]!.backends.map(({ state }) => state);
    };
    const until = async (expected: readonly string[]) => {
      while (JSON.stringify(await states()) !== JSON.stringify(expected))
        await new Promise((turn) => setTimeout(turn, 10));
    };
    Object.assign(changed.options, { version: "0.33.0" });
    changed.closeConnections();
    await new Promise((turn) => setTimeout(turn, 60));
    await until(["up", "up"]);
    expect(await textOf(await ask())).toBe("other");
    Object.assign(changed.options, { maxModelLen: 2048 });
    changed.closeConnections();
    await until(["down", "up"]);
    expect(await textOf(await ask())).toBe("good");
  });
});

describe("a server before engines", () => {
  it("says with 429 that all are full, and with 503 that none is there; both with Retry-After", async () => {
    const engine = await startStandIn({ ...saying("a b c"), tokenMs: 100 });
    const { ask, server } = await start([engine.url], { queue: { maxWaiting: 0 } }, { maxConcurrent: 1 });
    const first = ask("one");
    while (engine.seen.filter(({ path }) => path === "/v1/chat/completions").length === 0)
      await new Promise((turn) => setTimeout(turn, 5));
    const second = await ask("two");
    expect([second.status, Number(second.headers.get("retry-after"))]).toEqual([429, expect.any(Number)]);
    expect((await first).status).toBe(200);
    await engine.close();
    const gone = await ask("three");
    expect([gone.status, gone.headers.has("retry-after")]).toEqual([503, true]);
    expect(await (await fetch(`${server.url}/metrics`)).text()).toMatch(
      /ocellus_backend_requests_total\{model="m",backend="engine-0",outcome="failure"\} 1/,
    );
  });

  it("ends at the engine what its client has left", async () => {
    const engine = await startStandIn({ ...saying("a b c d e f g h"), tokenMs: 50 });
    const { ask } = await start([engine.url]);
    const leaving = new AbortController();
    const response = await ask("hello", { stream: true }, leaving.signal);
    await response.body!.getReader().read();
    leaving.abort();
    const [asked] = engine.seen.filter(({ path }) => path === "/v1/chat/completions");
    while (!asked!.wasLeft) await new Promise((turn) => setTimeout(turn, 5));
  });

  it("has its guardrails before every engine: a question that is blocked reaches none, a word that is blocked comes from none", async () => {
    const guards = await openGuards(temporaryFolder(), wordsPolicy);
    onTestFinished(() => guards.close());
    const engine = await startStandIn(saying(`well then ${forbiddenWord} is the word`));
    const { ask } = await start([engine.url], {}, {}, { guards });
    const stream = await (await ask("hello", { stream: true })).text();
    expect(stream).toContain('"finish_reason":"content_filter"');
    expect(stream).not.toContain(forbiddenWord);
    const numSeen = engine.seen.length;
    expect((await ask(`what is ${forbiddenWord}?`)).status).toBe(400);
    expect(engine.seen).toHaveLength(numSeen);
  });

  it("sends an image to the engine that has it, once, and by its name from then on", async () => {
    const engines = await Promise.all(Array.from({ length: 4 }, () => startStandIn({ kind: "vllm" })));
    const { ask } = await start(
      engines.map(({ url }) => url),
      {},
      { weight: 1 },
    );
    const image = async (value: number) => ({ type: "image_url", image_url: { url: await pixel(value) } });
    for (let round = 0; round < 3; round++)
      for (let i = 0; i < 6; i++)
        await (
          await ask("", { messages: [{ role: "user", content: [await image(i), { type: "text", text: `${round}` }] }] })
        ).json();
    const asked = engines.flatMap(({ seen }) => seen.filter(({ path }) => path === "/v1/chat/completions"));
    const sent = asked.filter(({ body }) => body.messages[0].content[0].image_url !== null);
    expect([asked.length, sent.length]).toEqual([18, 6]);
  });
});

async function pixel(value: number): Promise<string> {
  const png = await encodePng({ width: 1, height: 1, data: Uint8Array.of(value, value, value) });
  return `data:image/png;base64,${Buffer.from(png).toString("base64")}`;
}

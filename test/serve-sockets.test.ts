/** Clients that misbehave below HTTP, and work that hears no deadline: what they hold is given back, and others are answered. */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { until } from "../src/core/base/until.testkit.js";
import { createApp, createKey, KeyRing, keyFileText, type ServerConfig } from "../src/server/index.js";
import { temporaryFolder } from "./support/folders.js";
import { type ScriptedModel, scriptedModel } from "./support/scripted-model.js";
import { startServer, type TestServer } from "./support/server.js";

// Hosts of this test stand on the loopback; what is private is tested in src/server.
vi.mock("../src/server/public-address.js", () => ({ isPublicAddress: () => true }));

const path = "/v1/chat/completions";
let model: ScriptedModel;
let server: TestServer;
const sockets: Socket[] = [];
async function start(config: Partial<ServerConfig> = {}, keys?: KeyRing): Promise<void> {
  model = scriptedModel();
  server = await startServer({ scripted: model }, config, { keys });
}
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.close();
});
const question = (content: unknown) => ({ messages: [{ role: "user", content }] });

/** A connection by hand: what it has been told so far, and whether the server has closed it. */
async function open() {
  const socket = connect({ port: Number(new URL(server.url).port), host: "127.0.0.1", allowHalfOpen: true });
  sockets.push(socket);
  await once(socket, "connect");
  const seen = { text: "", isClosed: false };
  socket.on("data", (data) => {
    seen.text += data;
  });
  socket.on("error", () => {}).on("end", () => (seen.isClosed = true));
  return { socket, seen };
}

function head(length: number, extra = "", version = "1.1"): string {
  return `POST ${path} HTTP/${version}\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n${extra}content-length: ${length}\r\n\r\n`;
}

const hello = JSON.stringify(question("hello"));

describe("a client that closes its half", () => {
  it.each(["1.1", "1.0"])("is answered, however long the answer takes (HTTP/%s)", async (version) => {
    await start();
    const { socket, seen } = await open();
    socket.end(head(hello.length, "", version) + hello);
    await until(() => expect(model.running).toEqual(["hello"]));
    await new Promise((later) => setTimeout(later, 50));
    await model.say("good day");
    await model.say();
    await until(() => expect(seen.isClosed).toBe(true));
    expect(seen.text).toMatch(
      version === "1.0" ? /^HTTP\/1\.1 200 OK\r\n/ : /^(HTTP\/1\.1 102 Processing\r\n\r\n)+HTTP\/1\.1 200 OK\r\n/,
    );
    expect(seen.text).toContain("good day");
  });

  it("and has left altogether holds no place", async () => {
    await start();
    const { socket } = await open();
    socket.write(head(hello.length) + hello);
    await until(() => expect(model.running).toEqual(["hello"]));
    socket.destroy();
    await until(() => expect(model.running).toEqual([]));
    expect(server.services.budget.bytes).toBe(0);
  });

  it("in the middle of its question is refused as its own fault", async () => {
    await start();
    const { socket, seen } = await open();
    socket.end(head(1000) + hello);
    await until(() => expect(seen.isClosed).toBe(true));
    expect(seen.text).toMatch(/^(HTTP\/1\.1 4\d\d |$)/);
    expect(server.services.budget.bytes).toBe(0);
  });
});

describe("uploads that stall", () => {
  it("of one key leave the others their room, and are ended when nothing comes", async () => {
    const made = ["crowd", "guest"].map((name) => createKey(name));
    const file = join(temporaryFolder(), "keys.json");
    writeFileSync(file, keyFileText(made.map(({ key }) => key)));
    const size = 100_000;
    await start({ maxBodyBytes: size, maxBodiesBytes: 8 * size, bodyIdleMs: 1500 }, await KeyRing.open(file));
    const [crowd, guest] = made.map(({ secret }) => `authorization: Bearer ${secret}\r\n`);
    const stalled = await Promise.all(Array.from({ length: 8 }, open));
    for (const { socket } of stalled) socket.write(head(size, crowd) + " ".repeat(size - 10));
    await until(() => expect(server.services.budget.bytes).toBeGreaterThan(3 * size));
    expect(server.services.budget.bytes).toBeLessThanOrEqual(4 * size);
    const honest = await open();
    const body = hello.padStart(size - 10);
    honest.socket.write(head(body.length, guest) + body);
    await until(() => expect(model.running).toEqual(["hello"]));
    await model.say();
    await until(() => expect(honest.seen.text).toMatch(/^HTTP\/1\.1 200 OK/));
    const held = stalled.filter(({ seen }) => !seen.text.startsWith("HTTP/1.1 429"));
    await until(() => expect(held.every(({ seen }) => seen.text.includes('"code":"timeout"'))).toBe(true));
    await until(() => expect(server.services.budget.bytes).toBe(0));
  });
});

describe("work that hears no deadline", () => {
  it("is answered for all the same, in a stream too, and gives its bytes back", async () => {
    await start({ deadlineMs: 200 });
    model.prepare = () => new Promise(() => {});
    for (const stream of [false, true]) {
      const response = await server.post(path, { ...question("x".repeat(5000)), stream });
      expect([response.status, await response.json()]).toMatchObject([504, { error: { code: "timeout" } }]);
      expect(server.services.budget.bytes).toBe(0);
    }
    await server.close();
    await start({ deadlineMs: 3000 });
    model.generate = async function* () {
      yield { type: "text", text: "so far", tokens: [] };
      await new Promise(() => {});
    };
    const text = await (await server.post(path, { ...question("hello"), stream: true })).text();
    expect(text).toContain("so far");
    expect(text).toContain('"code":"timeout"');
    expect(server.services.budget.bytes).toBe(0);
  });

  it("does not keep a server from stopping", async () => {
    await start();
    model.prepare = () => new Promise(() => {});
    const asked = server.post(path, question("hello"));
    await until(() => expect(server.services.budget.bytes).toBeGreaterThan(0));
    await server.services.lifecycle.drain(1);
    expect((await asked).status).toBe(503);
  });
});

it("a host that answers 101 to an image's address ends that request, and its bytes are given back", async () => {
  await start({ allowImageUrls: true, imageTimeoutMs: 300 });
  const host = createServer((socket) => {
    socket.once("data", () =>
      socket.end("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
    );
  }).listen(0, "127.0.0.1");
  await once(host, "listening");
  const url = `http://127.0.0.1:${(host.address() as { port: number }).port}/`;
  const answers = await Promise.all(
    Array.from({ length: 4 }, (_, i) =>
      server.post(
        path,
        question([
          { type: "image_url", image_url: { url: `${url}${i}` } },
          { type: "text", text: "x".repeat(100_000) },
        ]),
      ),
    ),
  );
  expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 400]);
  expect(server.services.budget.bytes).toBe(0);
  host.close();
});

it("a connection without requests is kept for as long as the setting says", async () => {
  await start({ keepAliveMs: 600_000 });
  const { socket, seen } = await open();
  socket.write("GET /health/live HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
  await until(() => expect(seen.text).toContain("Keep-Alive: timeout=600"));
  expect(seen.isClosed).toBe(false);
});

it("every route that takes JSON refuses a body of many small values while it reads it", async () => {
  await start();
  const routes = createApp(server.services).routes.filter(
    ({ method, path }) => method === "POST" && !path.includes("*"),
  );
  const paths = [...new Set(routes.map(({ path }) => path.replace(/:\w+/g, "x")))];
  const body = `{"model":"scripted","x":[${"{},".repeat(2 ** 19)}{}]}`;
  const headers = { "content-type": "application/json" };
  const found: Record<string, number> = {};
  for (const path of paths) found[path] = (await fetch(server.url + path, { method: "POST", headers, body })).status;
  const withoutJson = ["/v1/files", "/v1/batches/x/cancel"];
  const read = Object.entries(found).filter(([path]) => !path.startsWith("/admin/") && !withoutJson.includes(path));
  expect(read.length).toBeGreaterThan(6);
  expect(read.filter(([, status]) => status !== 413)).toEqual([]);
  expect(server.services.budget.bytes).toBe(0);
});

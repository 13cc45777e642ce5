/** SIGTERM ends a server in time whatever runs: the event loop, a thread that never comes back, a host and a client that stall. */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { expect, it } from "vitest";
import { until } from "../../src/core/base/until.testkit.js";
import { endless } from "../support/endless.js";
import { temporaryFolder } from "../support/folders.js";
import { type ServeProcess, serveProcess } from "../support/serve-process.js";

const folder = temporaryFolder();
const cache = { OCELLUS_CACHE: join(folder, "cache") };
const args = ["--threads", "1", "--log-format", "json", "--drain-ms", "500"];

/** A module that the server loads before its own. */
function preloaded(name: string, source: string): NodeJS.ProcessEnv {
  const path = join(folder, `${name}.mjs`);
  writeFileSync(path, source);
  return { ...cache, NODE_OPTIONS: `--import ${path}` };
}

const lastWords = ({ log }: ServeProcess) => JSON.parse(log().trimEnd().split("\n").at(-1)!).msg as string;

it("a blocked event loop", async () => {
  const env = preloaded("block", 'process.on("SIGUSR2", () => { for (;;); });');
  const server = await serveProcess([...args, "--stall-ms", "2000"], env);
  server.child.kill("SIGUSR2");
  expect(await server.stop()).toBe("SIGKILL");
  expect(lastWords(server)).toContain("blocked");
});

it("something that never closes", async () => {
  const env = preloaded(
    "hang",
    `import { Worker } from "node:worker_threads";
    Worker.prototype.terminate = () => new Promise(() => {});
    setInterval(() => {}, 1e6);`,
  );
  const server = await serveProcess(args, env);
  expect(await server.stop()).toBe("SIGKILL");
  expect(lastWords(server)).toContain("did not stop");
});

it("a host that says nothing and a client that does not read", async () => {
  const env = preloaded(
    "loopback",
    'import net from "node:net"; net.BlockList.prototype.check = function () { return false; };',
  );
  const server = await serveProcess([...args, "--allow-image-urls", "--image-timeout-ms", "600s"], env);
  const host = createServer(() => {}).listen(0, "127.0.0.1");
  await once(host, "listening");
  const reached = once(host, "connection");
  const url = `http://127.0.0.1:${(host.address() as AddressInfo).port}/`;
  const body = (content: unknown, extra: object = {}) =>
    JSON.stringify({ messages: [{ role: "user", content }], ...extra });
  const headers = { "content-type": "application/json" };
  const fetched = fetch(`${server.url}/v1/chat/completions`, {
    ...{
      method: "POST",
      headers,
      body: body([
        { type: "image_url", image_url: { url } },
        { type: "text", text: "?" },
      ]),
    },
  });
  await reached;
  const unread = connect(Number(new URL(server.url).port), "127.0.0.1");
  const long = body("Tell me", { stream: true, max_tokens: 1500, logit_bias: endless });
  unread.on("error", () => {}).pause();
  unread.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${long.length}\r\n\r\n${long}`,
  );
  await until(async () =>
    expect(await (await fetch(`${server.url}/metrics`)).text()).toMatch(/^ocellus_num_requests_running\{.*\} [12]$/m),
  );
  expect(await server.stop()).toBe(0);
  expect((await fetched).status).toBe(503);
  unread.destroy();
  host.close();
});

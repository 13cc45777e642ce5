import { expect, it } from "vitest";
import type { OcellusError } from "../core/base/index.js";
import { EngineClient } from "./client.js";
import { PinnedEngine } from "./pinned.js";
import { startRaw, startStandIn } from "./stand-in.testkit.js";

it("has the engine's address in its details, for the log, and not in the message that clients read", async () => {
  const urls = [
    (await startStandIn({ model: "another" })).url,
    (await startStandIn({ model: "stand-in" })).url, // which is not what was published
    "http://127.0.0.1:1",
    await startRaw((socket) => socket.end("SSH-2.0\r\n")),
  ];
  let numFailures = 0;
  for (const url of urls) {
    const client = new EngineClient({ url, kind: "vllm", model: "stand-in" });
    const failed = ({ message, details }: OcellusError) => {
      numFailures++;
      const { host, hostname, port } = new URL(url);
      expect([message.includes(hostname), message.includes(port), details.engine]).toEqual([false, false, host]);
    };
    const pinned = new PinnedEngine(client, {});
    await pinned.chat({ messages: [] }).next().catch(failed);
    for (const asked of [client.checkHealth(), client.reported(), pinned.confirm()]) await asked.catch(failed);
    await client.close();
    const closed = await client.checkHealth().catch((error: OcellusError) => error.message);
    expect(closed).not.toContain("127.0.0.1");
  }
  expect(numFailures).toBeGreaterThanOrEqual(12);
});

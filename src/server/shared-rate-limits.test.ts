import { createServer, type Socket } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { until } from "../core/base/until.testkit.js";
import { SharedRateLimits } from "./shared-rate-limits.js";

/** A replica as clients see it: it answers, and takes no script that writes. */
async function startReplica() {
  let numScripts = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    socket.on("data", (bytes) => {
      for (const [, command] of bytes.toString("latin1").matchAll(/\*\d+\r\n\$\d+\r\n(\w+)/g)) {
        const isScript = command!.startsWith("EVAL");
        numScripts += Number(isScript);
        socket.write(isScript ? "-READONLY You can't write against a read only replica.\r\n" : "+OK\r\n");
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as { port: number };
  return { url: `redis://127.0.0.1:${port}`, numScripts: () => numScripts };
}

it("stays local, and says so once, while the store answers and does not take the script", async () => {
  const replica = await startReplica();
  const told = { warn: 0, info: 0 };
  const limits = await SharedRateLimits.open(replica.url, { warn: () => told.warn++, info: () => told.info++ });
  onTestFinished(() => limits.close());
  await until(() => expect(replica.numScripts()).toBeGreaterThan(1));
  const state = await limits.take("alice", { requests: 2, per: "minute" });
  expect([limits.isShared, state.remaining, told]).toEqual([false, 1, { warn: 1, info: 0 }]);
});

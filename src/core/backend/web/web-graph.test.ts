/** A graph in a browser, with a runtime that is played: WebAssembly computes without a pause, and still others have their turn. */
import { expect, it } from "vitest";
import type { Runtime } from "./onnxruntime.js";
import { WebGraph } from "./web-graph.js";

const session = { inputNames: [], outputNames: [], run: async () => ({}), release: async () => {} };
const runtime = { InferenceSession: { create: async () => session } } as unknown as Runtime;

it("lets a message that waits be heard after each run: a stop, a question", async () => {
  const graph = await WebGraph.open(new Uint8Array(), { runtime, device: "cpu" });
  const { port1, port2 } = new MessageChannel() as unknown as {
    port1: { on(event: "message", listener: () => void): void; close(): void };
    port2: { postMessage(message: null): void };
  };
  let isHeard = false;
  port1.on("message", () => {
    isHeard = true;
  });
  port2.postMessage(null);
  for (let run = 0; run < 100 && !isHeard; run++) await graph.run({}, {}); // a message between threads may take some turns
  port1.close();
  expect(isHeard).toBe(true);
});

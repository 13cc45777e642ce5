/** A decoder whose prompts are read by a second graph that may still be opening. */
import { describe, expect, it } from "vitest";
import { withPrefill } from "./cached-graph.js";
import type { Graph } from "./graph.js";
import { int64 } from "./tensors.js";

/** Gives `rows` = `value`, and notes when it is closed. */
function graphOf(value: number, closed: number[]): Graph {
  return {
    device: "cpu",
    run: async () => ({ rows: int64([value]) }),
    close: async () => void closed.push(value),
  };
}

const shape = { layers: [], numSlots: 1, maxLength: 8 };
const lengths = { length: 2, cached: [0], added: [{ slot: 0, position: 0, count: 2 }] };

function opened(prefill: Promise<Graph>, closed: number[]) {
  const graph = withPrefill(graphOf(1, closed), prefill);
  const cached = graph.withCache!(shape);
  const step = async (by: "decoder" | "prefill") => {
    const { rows } = await cached.step({}, { first: 0, count: 1 }, lengths, ["rows"], by);
    return Number((rows!.data as BigInt64Array)[0]);
  };
  return { graph, cached, step };
}

describe("a decoder with a second graph for prompts", () => {
  it("answers while that one is opening; a prompt waits for it", async () => {
    const closed: number[] = [];
    let open!: (graph: Graph) => void;
    const opening = new Promise<Graph>((resolve) => {
      open = resolve;
    });
    const { graph, step } = opened(opening, closed);
    let isRead = false;
    const prompt = step("prefill").finally(() => {
      isRead = true;
    });
    expect(await step("decoder")).toBe(1);
    expect(isRead).toBe(false);
    open(graphOf(2, closed));
    expect(await prompt).toBe(2);
    await graph.close();
    expect(closed).toEqual([2, 1]);
  });

  it("reads prompts itself when that one cannot be opened, says why, and is closed all the same", async () => {
    const closed: number[] = [];
    const broken = new Error("cannot be opened");
    const { graph, cached, step } = opened(Promise.reject(broken), closed);
    expect(await step("prefill")).toBe(1);
    expect(cached.prefillFault).toContain(broken.message);
    expect(await step("decoder")).toBe(1);
    await graph.close();
    expect(closed).toEqual([1]);
  });
});

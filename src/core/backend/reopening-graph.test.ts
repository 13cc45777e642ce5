import { describe, expect, it } from "vitest";
import { type LosableGraph, ReopeningGraph } from "./reopening-graph.js";

/** Graphs that are lost by the input "die"; each says which one it is. */
function graphs() {
  const opened: { isLost: boolean; isClosed: boolean }[] = [];
  const open = async (): Promise<LosableGraph> => {
    const state = { isLost: false, isClosed: false };
    const number = opened.push(state);
    return {
      device: "cpu",
      get isLost() {
        return state.isLost;
      },
      run: async (feeds) => {
        if (state.isLost) throw isLost(number);
        if ("die" in feeds) {
          state.isLost = true;
          throw died(number);
        }
        return { number: number as never };
      },
      close: async () => {
        state.isClosed = true;
      },
    };
  };
  return { opened, open };
}

const die = { die: undefined as never };

const died = (number: number) => new Error(`graph ${number} died`);
const isLost = (number: number) => new Error(`graph ${number} is lost`);

describe("a graph that is opened again", () => {
  it("fails what it was lost with, and runs what is asked afterwards on one other", async () => {
    const { opened, open } = graphs();
    const graph = await ReopeningGraph.open(open);
    await expect(graph.run(die, {})).rejects.toThrow(died(1));
    const both = await Promise.all([graph.run({}, {}), graph.run({}, {})]);
    expect(both).toEqual([{ number: 2 }, { number: 2 }]);
    expect(opened.map(({ isClosed }) => isClosed)).toEqual([true, false]);
    await graph.close();
    expect(opened.every(({ isClosed }) => isClosed)).toBe(true);
  });

  it("stays lost when it was lost too often, until ten minutes have passed", async () => {
    const { opened, open } = graphs();
    let now = 0;
    const graph = await ReopeningGraph.open(open, () => now);
    for (let i = 1; i <= 4; i++) await expect(graph.run(die, {})).rejects.toThrow(died(i));
    for (const feeds of [{}, die]) await expect(graph.run(feeds, {})).rejects.toThrow(isLost(4));
    expect(opened).toHaveLength(4);
    now += 10 * 60_000;
    expect(await graph.run({}, {})).toEqual({ number: 5 });
  });

  it("fails while it cannot be opened, and is tried again", async () => {
    const { opened, open } = graphs();
    let failure: Error | undefined;
    const graph = await ReopeningGraph.open(async () => {
      if (failure) throw failure;
      return open();
    });
    await expect(graph.run(die, {})).rejects.toThrow(died(1));
    failure = new Error("no memory");
    await expect(graph.run({}, {})).rejects.toThrow(failure);
    failure = undefined;
    expect(await graph.run({}, {})).toEqual({ number: 2 });
    expect(opened).toHaveLength(2);
  });

  it("is not opened again once it was closed", async () => {
    const { opened, open } = graphs();
    const graph = await ReopeningGraph.open(open);
    await expect(graph.run(die, {})).rejects.toThrow(died(1));
    await graph.close();
    await expect(graph.run({}, {})).rejects.toThrow(isLost(1));
    expect(opened).toHaveLength(1);
  });
});

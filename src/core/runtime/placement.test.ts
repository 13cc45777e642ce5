import { expect, it } from "vitest";
import { placementFor, stateNotes } from "./placement.js";

const kv = { kind: "kv", kvHeads: 1, headDim: 8 } as const;
const recurrent = { kind: "recurrent", shapes: [[2, 2]] } as const;
const chosen = { device: "webgpu", towers: "webgpu", prefillChunk: 31 } as const;

it("puts a decoder whose layers keep states on the CPU, and only that, and says so", () => {
  expect(placementFor([kv, kv], chosen)).toEqual(chosen);
  expect(stateNotes([kv, kv], chosen)).toEqual([]);
  expect(placementFor([kv, recurrent], chosen)).toEqual({ device: "cpu", towers: "webgpu" });
  expect(stateNotes([kv, recurrent], chosen)).toHaveLength(2);
  expect(stateNotes([kv, recurrent], { device: "cpu", towers: "cpu" })).toHaveLength(1);
});

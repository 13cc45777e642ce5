/**
 * A decoder graph whose step may be a run of several tokens of each sequence, with the results that as many steps of one token
 * have, to the last bit. All tokens are rows of the same products, whose bits do not depend on the rows beside them.
 * GroupQueryAttention takes another kernel for several tokens than for one (docs/decisions/0011-same-answer.md) and refuses several
 * sequences of them, so it is looped: each iteration takes the next token of every sequence, as a step would.
 */
import { type Graph, type Node, nodeOf, type Subgraph, type Value } from "./value.js";

/** Fed beside the inputs that the graph had. With one step it does what it did and reads none of the others. */
const runs = {
  /** Tokens of the longest run. */
  steps: { name: "run_steps", dtype: "i64", shape: [] },
  /** By step and slot: the row of its next token; of a slot that has no more, of its last one again. */
  rows: { name: "run_rows", dtype: "i64", shape: ["steps", "slots"] },
  /** As `seqlens_k`, by step and slot. */
  lengths: { name: "run_lengths", dtype: "i32", shape: ["steps", "slots"] },
  /** Of each row its step and slot. */
  places: { name: "run_places", dtype: "i64", shape: ["batch", 2] },
} as const satisfies Record<string, Value>;

const one: Value = { name: "run_one", dtype: "i64", shape: [] };
const isRun: Value = { name: "run_is_run", dtype: "bool", shape: [] };

/** The tokens of runs are rows of the batch, [tokens, 1], while a past is that of a slot. */
export function withTokenRuns(graph: Graph): Graph {
  const compared = nodeOf("Greater", isRun.name, [runs.steps, one], [isRun]);
  const bytes = new Uint8Array(BigInt64Array.of(1n).buffer);
  return {
    ...graph,
    inputs: [...graph.inputs.map(ofSlots), ...Object.values(runs)],
    nodes: [compared, ...graph.nodes.map((each) => (each.op === "GroupQueryAttention" ? eitherWay(each) : each))],
    initializers: [...graph.initializers, { value: one, source: { bytes } }],
  };
}

/** In a run the slots are fewer than the rows. */
function ofSlots(input: Value): Value {
  if (!input.name.startsWith("past_key_values.") && input.name !== "seqlens_k") return input;
  return { ...input, shape: ["slots", ...input.shape.slice(1)] };
}

/** The attention as it was, or the loop. */
function eitherWay(attention: Node): Node {
  const [output, ...presents] = attention.outputs as [Value, Value, Value];
  const { name } = attention;
  const value = (of: Value, suffix: string): Value => ({ ...of, name: `${name}.${suffix}` });
  const direct = value(output, "direct");
  const kept = presents.map((of, i) => value(of, `direct_${i}`)); // the kernel needs room for them: it reads what it wrote there
  const once: Subgraph = {
    name: `${name}.once`,
    inputs: [],
    outputs: [direct],
    nodes: [{ ...attention, name: direct.name, outputs: [direct, ...kept] }],
  };
  const looped = value(output, "looped");
  const branches = { then_branch: looping(attention, looped), else_branch: once };
  return nodeOf("If", name, [isRun], [output], branches);
}

function looping(attention: Node, output: Value): Subgraph {
  const { name } = attention;
  const [, , , pastKey, pastValue] = attention.inputs as Value[];
  const value = (suffix: string, of: Omit<Value, "name">): Value => ({ ...of, name: `${name}.${suffix}` });
  const lastKey = value("last_key", pastKey!);
  const lastValue = value("last_value", pastValue!);
  const all = value("all", { dtype: output.dtype, shape: ["steps", "slots", 1, output.shape.at(-1)!] });
  const body = oneStep(attention, output);
  return {
    name: `${name}.run`,
    inputs: [],
    outputs: [output],
    nodes: [
      nodeOf("Loop", `${name}.loop`, [runs.steps, undefined, pastKey, pastValue], [lastKey, lastValue, all], { body }),
      nodeOf("GatherND", output.name, [all, runs.places], [output]),
    ],
  };
}

/** The next token of each slot: step, condition, past → condition, present, what was read. */
function oneStep(attention: Node, output: Value): Subgraph {
  const { name } = attention;
  const [q, k, v, pastKey, pastValue, , ...others] = attention.inputs as Value[];
  const value = (suffix: string, of: Omit<Value, "name">): Value => ({ ...of, name: `${name}.step.${suffix}` });
  const [step, goesOn, stillOn] = [
    value("n", { dtype: "i64", shape: [] }),
    value("condition", { dtype: "bool", shape: [] }),
    value("condition_out", { dtype: "bool", shape: [] }),
  ];
  const past = [value("past_key", pastKey!), value("past_value", pastValue!)];
  const present = [value("present_key", pastKey!), value("present_value", pastValue!)];
  const rows = value("rows", { dtype: "i64", shape: ["slots"] });
  const lengths = value("lengths", { dtype: "i32", shape: ["slots"] });
  const taken = [q, k, v].map((x, i) =>
    value(`${"qkv"[i]}`, { dtype: x!.dtype, shape: ["slots", ...x!.shape.slice(1)] }),
  );
  const read = value("output", { dtype: output.dtype, shape: ["slots", ...output.shape.slice(1)] });
  const gather = (from: Value, at: Value, to: Value) => nodeOf("Gather", to.name, [from, at], [to], { axis: 0 });
  return {
    name: `${name}.step`,
    inputs: [step, goesOn, ...past],
    outputs: [stillOn, ...present, read],
    nodes: [
      nodeOf("Identity", stillOn.name, [goesOn], [stillOn]),
      gather(runs.rows, step, rows),
      gather(runs.lengths, step, lengths),
      ...[q, k, v].map((x, i) => gather(x!, rows, taken[i]!)),
      { ...attention, name: read.name, inputs: [...taken, ...past, lengths, ...others], outputs: [read, ...present] },
    ],
  };
}

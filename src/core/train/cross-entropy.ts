/**
 * The loss of a language model: the weighted sum of -log p(target) over rows of logits, and its gradients. The host makes a mean of it
 * by weights 1/n on the tokens of answers and 0 elsewhere. Only rows that are asked for meet the vocabulary (`logits_rows`): of
 * many, take some at a time and add the losses and gradients up, which holds rows · vocabulary numbers twice.
 *
 *   e = exp(l - max l);  loss = Σ w · (log Σe + max l - l[target]);  ∂loss/∂l = w · (e / Σe - 1[target])
 */
import type { Graph, Scope, Value } from "../graph/index.js";
import { GraphBuilder, valueNamed } from "../graph/index.js";
import { sumOver } from "./emit.js";
import { withGradients, withTrainable } from "./vjp.js";

/** What the loss is fed beside the graph's own inputs: i64 and f32 [rows]. */
export const lossInputs = { targets: "targets", weights: "weights" } as const;
/** What it gives: f32 [], and of each row without its weight, [rows]. */
export const lossOutputs = { loss: "loss", ofTokens: "token_losses" } as const;

interface Loss {
  readonly builder: GraphBuilder;
  readonly scope: Scope;
  /** exp of the logits less the largest of their row, and its sums [rows, 1] */
  readonly exps: Value;
  readonly sums: Value;
  /** As columns [rows, 1]. */
  readonly targets: Value;
  readonly weights: Value;
}

function addLoss(graph: Graph, logits: string): Loss {
  const builder = GraphBuilder.over(graph);
  const scope = builder.root.at("cross_entropy");
  const rows = valueNamed(graph, logits);
  const column = (name: string, dtype: "i64" | "f32") =>
    scope.op("Unsqueeze", [builder.input(name, dtype, [rows.shape[0]!]), scope.int64([1])]);
  const [targets, weights] = [column(lossInputs.targets, "i64"), column(lossInputs.weights, "f32")];
  const largest = scope.op("ReduceMax", [rows], { axes: [-1], keepdims: 1 });
  const exps = scope.op("Exp", [scope.op("Sub", [rows, largest])]);
  const sums = sumOver(scope, exps, [1]);
  const logSums = scope.op("Add", [scope.op("Log", [sums]), largest]);
  const losses = scope.op("Sub", [logSums, scope.op("GatherElements", [rows, targets], { axis: 1 })]);
  builder.output(lossOutputs.loss, sumOver(scope, scope.op("Mul", [losses, weights]), [0, 1], 0));
  builder.output(lossOutputs.ofTokens, scope.op("Squeeze", [losses, scope.int64([1])]));
  return { builder, scope, exps, sums, targets, weights };
}

/** The graph with a loss of its logits [rows, vocabulary], instead of its outputs. */
export function withCrossEntropy(graph: Graph, logits = "logits"): Graph {
  const built = addLoss(graph, logits).builder.build();
  return { ...built, outputs: built.outputs.slice(graph.outputs.length) };
}

export interface CrossEntropyOptions {
  /** Inputs or weights whose gradients go out, as in `vjp`. */
  readonly wrt: readonly string[];
  /** Default "logits". */
  readonly logits?: string;
}

/** One graph of the loss and of its gradients: outputs `grad:<name>`, `loss` and `token_losses`. @throws as `vjp` */
export function crossEntropyGradients(graph: Graph, { wrt, logits = "logits" }: CrossEntropyOptions): Graph {
  const { builder, scope, exps, sums, targets, weights } = addLoss(withTrainable(graph, wrt), logits);
  const shares = scope.op("Mul", [exps, scope.op("Div", [weights, sums])]);
  const options = { axis: 1, reduction: "add" };
  const gradient = scope.op("ScatterElements", [shares, targets, scope.op("Neg", [weights])], options);
  const seeds = new Map([[logits, gradient]]);
  return withGradients(builder, graph, { seeds, wrt, keep: Object.values(lossOutputs) });
}

/** What the gradient of an operator is written as: a vector-Jacobian product, in nodes of the same graph. */
import { OcellusError } from "../base/index.js";
import type { Attributes, Node, Scope, Value } from "../graph/index.js";

/** A node on the way back. */
export interface Step {
  /** Below `grad.`, by the name of the node. */
  readonly scope: Scope;
  readonly node: Node;
  readonly inputs: readonly Value[];
  readonly attributes: Attributes;
  /** The first output, and its gradient. */
  readonly output: Value;
  readonly grad: Value;
  /** Of each output; undefined: nothing comes back through it. */
  readonly grads: readonly (Value | undefined)[];
}

/** The gradients of a node's inputs, in their order, each made only where it is wanted; undefined: there is none. */
export type Rule = (step: Step) => readonly ((() => Value) | undefined)[];

/** Of a use of an operator that no family makes. */
export function unwritten({ op, name, attributes }: Node, but: string): OcellusError {
  return new OcellusError("unsupported", `no gradient of ${op} is written (node ${name}) ${but}`, {
    details: { op, node: name, attributes: Object.keys(attributes) },
  });
}

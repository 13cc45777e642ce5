/** The automaton and the vocabulary's tree, stepped through together: where one fails, what is below in the other is skipped. */
import type { Derivatives } from "./derivative.js";
import type { Expression } from "./expression.js";
import type { Vocabulary } from "./vocabulary.js";

export interface Walk {
  /** The state before the node `from`. */
  readonly start: Expression;
  /** Nodes from here to before `to`, all of them below one node or all of the tree. */
  readonly from: number;
  readonly to: number;
}

/** A step that is known takes a small part of the time of one that has to be derived. */
const stepsPerWork = 16;

/** Calls `visit` for each node that can be reached, with the state after it, parents before children. */
export function followTree(
  { byte, depth, end }: Vocabulary,
  derivatives: Derivatives,
  { start, from, to }: Walk,
  visit: (node: number, state: Expression) => void,
): void {
  const { classOf, of } = derivatives;
  const top = depth[from]!;
  const path = [start]; // states before each depth from `top` on
  let numSteps = 0;
  for (let node = from; node < to; ) {
    numSteps++;
    const at = depth[node]! - top;
    const state = path[at]!;
    const symbol = classOf[byte[node]!]!;
    const next = state.next?.[symbol] ?? derivatives.derive(state, symbol);
    if (next === of.nothing) {
      node = end[node]!;
      continue;
    }
    visit(node, next);
    path[at + 1] = next;
    node++;
  }
  of.spend(numSteps / stepsPerWork);
}

/**
 * Reverse-mode differentiation of a graph: the graph that gives, for the gradients of some of its outputs, those of inputs and
 * weights. It is made of ordinary operators, so it runs wherever the graph runs. [Griewank and Walther 2008, ch. 3]
 *
 *   inputs, grad:<output> ─ the nodes as they were ─ their gradients, last node first ─→ grad:<name>
 *
 * docs/tuning.md lists the operators; one without a rule is an error that names it.
 */
import { invariant, nearestHint, nearestNames, OcellusError } from "../base/index.js";
import {
  between,
  type Graph,
  GraphBuilder,
  type Node,
  type Value,
  valueNamed,
  withWeightsAsInputs,
} from "../graph/index.js";
import { attention } from "./attention.js";
import { elementwise } from "./elementwise.js";
import { layout } from "./layout.js";
import { products } from "./products.js";
import { recurrent } from "./recurrent.js";
import type { Rule } from "./rule.js";

const rules: Readonly<Record<string, Rule>> = { ...attention, ...elementwise, ...layout, ...products, ...recurrent };

/** Operators that gradients go back through. */
export const differentiable: readonly string[] = Object.keys(rules).sort();

export interface VjpOptions {
  /** Outputs whose gradients come in; values within the graph may be named too. */
  readonly of: readonly string[];
  /** Inputs or weights whose gradients go out. Weights become inputs. */
  readonly wrt: readonly string[];
  /** Outputs that are given beside the gradients. Default none. */
  readonly keep?: readonly string[];
}

/** The name under which the gradient of a value goes in or out. */
export const gradientOf = (name: string): string => `grad:${name}`;

/**
 * The vector-Jacobian product: inputs as the graph's that are needed, the weights of `wrt`, and `grad:<output>`; outputs
 * `grad:<name>` in the order of `wrt`, then the outputs named in `keep`.
 * @throws `invalid_request` for a name that is no input or weight, or on which nothing depends; `unsupported` for an operator
 */
export function vjp(graph: Graph, { of, wrt, keep = [] }: VjpOptions): Graph {
  const builder = GraphBuilder.over(withTrainable(graph, wrt));
  const seeds = of.map((name): readonly [string, Value] => {
    const { dtype, shape } = valueNamed(graph, name);
    return [name, builder.input(gradientOf(name), dtype, shape)];
  });
  return withGradients(builder, graph, { seeds: new Map(seeds), wrt, keep });
}

/** The graph with weights as inputs. */
export function withTrainable(graph: Graph, wrt: readonly string[]): Graph {
  const names = [...graph.inputs, ...graph.initializers.map(({ value }) => value)].map(({ name }) => name);
  for (const name of wrt) {
    if (names.includes(name)) continue;
    throw new OcellusError(
      "invalid_request",
      `graph ${graph.name} has no input or weight ${name}${nearestHint(name, names)}`,
      {
        details: { graph: graph.name, name, nearest: nearestNames(name, names) },
      },
    );
  }
  return withWeightsAsInputs(graph, wrt);
}

export interface Seeds {
  /** Gradients of values, by their names. */
  readonly seeds: ReadonlyMap<string, Value>;
  readonly wrt: readonly string[];
  readonly keep: readonly string[];
}

/** Adds the way back to a builder that holds the nodes of `graph`, and gives what is needed of all. */
export function withGradients(builder: GraphBuilder, graph: Graph, { seeds, wrt, keep }: Seeds): Graph {
  const gradients = backward(builder, graph.nodes, seeds, new Set(wrt));
  for (const name of wrt) {
    const gradient = gradients.get(name);
    if (!gradient)
      throw new OcellusError(
        "invalid_request",
        `nothing that has a gradient in graph ${graph.name} depends on ${name}`,
        {
          details: { graph: graph.name, name },
        },
      );
    builder.output(gradientOf(name), builder.root.at(gradientOf(name)).op("Identity", [gradient]));
  }
  const built = builder.build();
  const given = (name: string) => built.outputs.find((each) => each.name === name) ?? valueNamed(built, name);
  return between(built, [], [...wrt.map(gradientOf), ...keep].map(given));
}

/** The gradients of all values between `wrt` and the seeds, by name. */
function backward(
  builder: GraphBuilder,
  nodes: readonly Node[],
  seeds: ReadonlyMap<string, Value>,
  wrt: ReadonlySet<string>,
): ReadonlyMap<string, Value> {
  const dependent = dependents(nodes, wrt);
  const gradients = new Map(seeds);
  for (const node of nodes.toReversed()) {
    const grads = node.outputs.map(({ name }) => gradients.get(name));
    if (!node.inputs.some((input) => input && dependent.has(input.name)) || !grads.some(Boolean)) continue;
    const scope = builder.root.at("grad").at(node.name);
    const made = ruleOf(node)({
      ...{ scope, node, grads, inputs: node.inputs as readonly Value[], attributes: node.attributes },
      ...{ output: node.outputs[0]!, grad: grads[0]! },
    });
    for (const [i, input] of node.inputs.entries()) {
      if (!input || !made[i] || !dependent.has(input.name)) continue;
      const [so, more] = [gradients.get(input.name), made[i]()];
      invariant(more.shape.length === input.shape.length, `the gradient of ${input.name} has another rank`);
      gradients.set(input.name, so ? scope.op("Add", [so, more]) : more);
    }
  }
  return gradients;
}

/** Names of the values that are computed of some. */
function dependents(nodes: readonly Node[], of: ReadonlySet<string>): ReadonlySet<string> {
  const names = new Set(of);
  for (const { inputs, outputs } of nodes) {
    const isDependent = inputs.some((input) => input && names.has(input.name));
    for (const { name, dtype } of outputs) if (isDependent && dtype === "f32") names.add(name);
  }
  return names;
}

function ruleOf({ op, name }: Node): Rule {
  const rule = rules[op];
  if (rule) return rule;
  throw new OcellusError("unsupported", `no gradient is written for the operator ${op} (node ${name})`, {
    details: { op, node: name, supported: differentiable },
  });
}

/**
 * Tool calls as the Hermes and Qwen templates write them:
 *   <tool_call>\n{"name": …, "arguments": …}\n</tool_call>
 * with the tags as the vocabulary's own tokens, where it has them. This makes calls valid; parsing them belongs to others.
 */
import { OcellusError } from "../base/index.js";
import type { Ahead, Constraint } from "../engine/index.js";
import type { Expression } from "./expression.js";
import type { JsonText } from "./json.js";
import { schemaText } from "./schema.js";
import type { Vocabulary } from "./vocabulary.js";

export interface ToolSignature {
  readonly name: string;
  /** JSON schema of the arguments; none when it is left out. */
  readonly parameters?: unknown;
}

export interface ToolConstraint {
  readonly tools: readonly ToolSignature[];
  /** auto: calls are valid when the model begins one. required: the answer is a call. By name: a call of this tool. */
  readonly choice: "auto" | "required" | { readonly name: string };
  /** Whether several calls may follow one another. Default true; a tool chosen by name is called once. */
  readonly parallel?: boolean;
}

const openTag = "<tool_call>";
const closeTag = "</tool_call>";

/** The token that begins a call, if the vocabulary has one. */
export function callToken(vocabulary: Vocabulary): number | undefined {
  return vocabulary.addedTokens.get(openTag);
}

export function maxCalls({ choice, parallel = true }: ToolConstraint): number {
  return typeof choice === "string" && parallel ? Number.POSITIVE_INFINITY : 1;
}

/** One or more whole calls. */
export function toolCalls(json: JsonText, vocabulary: Vocabulary, constraint: ToolConstraint): Expression {
  const { of } = json;
  const call = of.sequence(tag(json, vocabulary, openTag), toolCallBody(json, vocabulary, constraint));
  return of.sequence(call, of.repeat(of.sequence(of.text("\n"), call), 0, maxCalls(constraint) - 1));
}

/** What follows the token that begins a call. */
export function toolCallBody(json: JsonText, vocabulary: Vocabulary, { tools, choice }: ToolConstraint): Expression {
  const { of } = json;
  const chosen = typeof choice === "string" ? tools : tools.filter(({ name }) => name === choice.name);
  if (chosen.length === 0)
    throw new OcellusError(
      "invalid_request",
      typeof choice === "string" ? "tools: expected at least one" : `tools: there is none called ${choice.name}`,
      {
        details: {
          field: "tools",
          wanted: typeof choice === "string" ? choice : choice.name,
          known: tools.map(({ name }) => name),
        },
      },
    );
  const calls = chosen.map(({ name, parameters }) =>
    json.object((inner) => ({
      named: [
        { name: of.text('"name"'), value: inner.constant(name), isRequired: true },
        { name: of.text('"arguments"'), value: argumentsText(inner, name, parameters), isRequired: true },
      ],
    })),
  );
  return of.sequence(of.text("\n"), of.choice(calls), of.text("\n"), tag(json, vocabulary, closeTag));
}

function argumentsText(json: JsonText, tool: string, parameters: unknown): Expression {
  if (parameters === undefined || parameters === null) return json.constant({});
  const isTyped = typeof parameters !== "object" || "type" in parameters || "$ref" in parameters;
  return schemaText(json, isTyped ? parameters : { type: "object", ...parameters }, `tool ${tool}`);
}

function tag({ of }: JsonText, vocabulary: Vocabulary, text: string): Expression {
  const token = vocabulary.addedTokens.get(text);
  return token === undefined ? of.text(text) : of.token(token);
}

/** Free until the model begins a call, which then must be a valid one; free again after it. */
export class ToolCallsOnDemand implements Constraint {
  /** Of what follows the token. */
  readonly #newCall: () => Constraint;
  readonly #callToken: number;
  #callsLeft: number;
  #inside: Constraint | undefined;

  constructor(newCall: () => Constraint, callTokenId: number, maxCalls: number) {
    this.#newCall = newCall;
    this.#callToken = callTokenId;
    this.#callsLeft = maxCalls;
  }

  get mayEnd(): boolean {
    return !this.#inside;
  }

  allow(logits: Float32Array): void {
    if (this.#inside) this.#inside.allow(logits);
    else if (this.#callsLeft === 0) logits[this.#callToken] = Number.NEGATIVE_INFINITY;
  }

  ahead(most: number): Ahead {
    return this.#inside?.ahead?.(most) ?? { forced: [], spelled: [] };
  }

  /** What follows the beginning of a call is not looked at. */
  numAllowed(tokens: readonly number[]): number {
    if (this.#inside) return this.#inside.numAllowed?.(tokens) ?? tokens.length;
    const call = tokens.indexOf(this.#callToken);
    return call < 0 ? tokens.length : call + Number(this.#callsLeft > 0);
  }

  accept(tokenId: number): void {
    if (this.#inside) {
      this.#inside.accept(tokenId);
      if (this.#inside.mayEnd) this.#inside = undefined;
    } else if (tokenId === this.#callToken) {
      this.#callsLeft--;
      this.#inside = this.#newCall();
    }
  }
}

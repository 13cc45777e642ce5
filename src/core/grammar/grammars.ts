/** What a request asks of its answer → a constraint for its sequence. Grammars are kept, as the same ones are asked for again. */
import { LRUCache } from "lru-cache";
import { OcellusError, ofParam, stringifyJson } from "../base/index.js";
import type { Constraint } from "../engine/index.js";
import type { Tokenizer } from "../tokenizer/index.js";
import type { Expression } from "./expression.js";
import { Grammar } from "./grammar.js";
import type { JsonText } from "./json.js";
import { schemaText } from "./schema.js";
import { callToken, maxCalls, ToolCallsOnDemand, type ToolConstraint, toolCallBody, toolCalls } from "./tool-calls.js";
import { Vocabulary } from "./vocabulary.js";

export type ResponseFormat =
  | { readonly type: "text" }
  /** Any JSON object. */
  | { readonly type: "json_object" }
  /** JSON that satisfies the schema; the name is for people. */
  | { readonly type: "json_schema"; readonly schema: unknown; readonly name?: string };

/** A grammar in use holds some 2 MB with Qwen3's vocabulary, at most some 40. */
const maxGrammars = 16;
/** OpenAI's limit on all names and values of a schema is 120,000 characters. */
const maxSchemaCharacters = 2 ** 18;

/** What is wrong with a schema is wrong with the parameter that brought it. */
function forParam<T>(param: "response_format" | "tools", build: () => T): T {
  try {
    return build();
  } catch (error) {
    throw ofParam(error, param);
  }
}

export class Grammars {
  readonly #tokenizer: Tokenizer;
  /** By what was asked for. */
  readonly #grammars = new LRUCache<string, Grammar>({ max: maxGrammars });
  #vocabulary: Vocabulary | undefined;

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
  }

  /**
   * What makes a constraint for each of a request's sequences; undefined when the answer is free.
   * @throws `invalid_request`, `unsupported` (naming keyword and place), `too_large`.
   */
  constraint(format: ResponseFormat = { type: "text" }, tools?: ToolConstraint): (() => Constraint) | undefined {
    checkType(format);
    if (!tools) return format.type === "text" ? undefined : this.#grammar([format], formatOf(format));
    const vocabulary = this.#sharedVocabulary();
    const calls = (json: JsonText) => forParam("tools", () => toolCalls(json, vocabulary, tools));
    if (tools.choice !== "auto") return this.#grammar([tools], calls);
    if (format.type !== "text") {
      const either = (json: JsonText) => json.of.choice([formatOf(format)(json), calls(json)]);
      return this.#grammar([format, tools], either);
    }
    const token = callToken(vocabulary);
    if (token === undefined) return undefined; // nothing tells where a call begins
    const body = (json: JsonText) => forParam("tools", () => toolCallBody(json, vocabulary, tools));
    const newCall = this.#grammar([tools], body);
    return () => new ToolCallsOnDemand(newCall, token, maxCalls(tools));
  }

  #grammar(asked: readonly unknown[], build: (json: JsonText) => Expression): () => Constraint {
    const key = keyOf(asked);
    const grammar = this.#grammars.get(key) ?? new Grammar(this.#sharedVocabulary(), build);
    this.#grammars.set(key, grammar);
    return () => grammar.constraint();
  }

  /** Made when first needed: it takes half a second for 150,000 tokens. */
  #sharedVocabulary(): Vocabulary {
    this.#vocabulary ??= new Vocabulary(this.#tokenizer);
    return this.#vocabulary;
  }
}

function checkType({ type }: ResponseFormat): void {
  if (type === "text" || type === "json_object" || type === "json_schema") return;
  throw new OcellusError(
    "invalid_request",
    `responseFormat: expected the type text, json_object or json_schema, found ${JSON.stringify(type satisfies never)}`,
    { details: { field: "responseFormat.type", expected: ["text", "json_object", "json_schema"], found: type } },
  );
}

function formatOf(format: Exclude<ResponseFormat, { type: "text" }>): (json: JsonText) => Expression {
  if (format.type === "json_schema")
    return (json) => forParam("response_format", () => schemaText(json, format.schema));
  return (json) =>
    json.object((inner) => ({ named: [], further: { name: json.string(), value: inner.value, isRequired: false } }));
}

function keyOf(asked: readonly unknown[]): string {
  const key = asJson(asked);
  if (key.length <= maxSchemaCharacters) return key;
  throw new OcellusError(
    "too_large",
    `the JSON schemas of a request hold ${key.length} characters, at most ${maxSchemaCharacters} are accepted`,
    { details: { param: "response_format", numCharacters: key.length, limit: maxSchemaCharacters } },
  );
}

function asJson(asked: readonly unknown[]): string {
  try {
    return stringifyJson(asked);
  } catch (cause) {
    throw new OcellusError("invalid_request", `JSON schema: expected what JSON can say, found ${cause}`, {
      details: { expected: "JSON" },
      cause,
    });
  }
}

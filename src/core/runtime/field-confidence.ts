/**
 * The confidence of an answer's fields: gathered from the tokens of one answer, and brought by one temperature per kind to how
 * often such fields are right, where the checkpoint has a confidence.json (docs/fields.md; written by `ocellus eval --calibrate`).
 */
import { z } from "zod";
import { nextTurn, OcellusError } from "../base/index.js";
import type { Checkpoint } from "../checkpoint/portable.js";
import type { TokenEvent } from "../engine/index.js";
import {
  type FieldAlternative,
  type FieldConfidence,
  type FieldKind,
  type Fields,
  fieldsOf,
} from "../grammar/index.js";
import type { Tokenizer } from "../tokenizer/index.js";
import type { ChatOptions, Prepared } from "./chat.js";

export const confidenceFile = "confidence.json";

/** Likeliest allowed tokens that are looked at in each step: as many as OpenAI's `top_logprobs` has. */
export const fieldTop = 20;

/** Fitted ones lie between 0.5 and 5; what is beyond these bounds was fitted to a handful of answers. */
const temperature = z.number().min(0.05).max(50);
const kinds = ["enum", "boolean", "number", "string"] as const satisfies readonly FieldKind[];

const fileSchema = z.strictObject({
  version: z.literal(1),
  temperatures: z.partialRecord(z.enum(kinds), temperature),
  /** Answers that each was fitted to, for people. */
  answers: z.partialRecord(z.enum(kinds), z.int().min(1)).optional(),
});
export type ConfidenceFile = z.infer<typeof fileSchema>;
export type FieldTemperatures = ConfidenceFile["temperatures"];

/** @throws `invalid_file` */
export async function readConfidence(files: Pick<Checkpoint, "path" | "readJson">): Promise<FieldTemperatures> {
  const json = await files.readJson(confidenceFile);
  if (json === undefined) return {};
  const found = fileSchema.safeParse(json);
  if (found.success) return found.data.temperatures;
  const path = `${files.path}/${confidenceFile}`;
  const [{ path: field, message } = { path: [], message: "" }] = found.error.issues;
  throw new OcellusError(
    "invalid_file",
    `${path}: ${field.join(".")}: ${message}; make it again: ocellus eval --calibrate`,
    { details: { path, field: field.join(".") } },
  );
}

/** @throws `invalid_request` where fields are asked for of an answer that has none. */
export function checkFields({ fields, responseFormat }: ChatOptions): void {
  if (!fields || (responseFormat && responseFormat.type !== "text")) return;
  throw new OcellusError(
    "invalid_request",
    `fields: expected a JSON answer, found the format ${responseFormat?.type ?? "text"}; give response_format a json_schema`,
    { details: { param: "fields", expected: ["json_schema", "json_object"], found: responseFormat?.type ?? "text" } },
  );
}

/** Gathers the tokens of one answer, without its thoughts. */
export class FieldReader {
  readonly #tokenizer: Tokenizer;
  readonly #temperatures: FieldTemperatures;
  readonly #schema: unknown;
  readonly #added: ReadonlySet<number>;
  readonly #events: TokenEvent[] = [];

  constructor(
    { tokenizer, fieldTemperatures }: { readonly tokenizer: Tokenizer; readonly fieldTemperatures: FieldTemperatures },
    { options }: Pick<Prepared, "options">,
  ) {
    const { responseFormat } = options;
    this.#tokenizer = tokenizer;
    this.#temperatures = fieldTemperatures;
    this.#schema = responseFormat?.type === "json_schema" ? responseFormat.schema : undefined;
    this.#added = new Set(tokenizer.addedTokens.values());
  }

  push(event: TokenEvent): void {
    this.#events.push(event);
  }

  /**
   * @param cut of an answer that a stop string has ended: its length in bytes
   * @param hasThoughts whether thoughts stood before it: then whitespace there is no part of it
   */
  async fields(cut: number | undefined, hasThoughts: boolean): Promise<Fields> {
    const tokens = this.#events.map(({ tokenId, constrained, finishReason }) => {
      return { tokenId, constrained, bytes: finishReason === "stop" ? "" : this.#bytesOf(tokenId) };
    });
    const text = tokens.map(({ bytes }) => bytes).join("");
    const skip = hasThoughts ? /^[ \t\r\n]*/.exec(text)![0].length : 0;
    const isWhole = cut === undefined && this.#events.at(-1)?.finishReason === "stop";
    const bytesOf = (id: number) => (this.#added.has(id) ? "" : this.#bytesOf(id));
    const work = fieldsOf(
      tokens,
      { bytesOf, schema: this.#schema, isWhole },
      { skip, ...(cut !== undefined && { limit: skip + cut }) },
    );
    return calibrated(await inTurns(work), this.#temperatures);
  }

  #bytesOf(id: number): string {
    return String.fromCharCode(...(this.#tokenizer.bytesOf?.(id) ?? []));
  }
}

/** Tokens between which nothing else of the process is done: some milliseconds. */
const tokensAtOnce = 32;

/** The fields of an answer, read without keeping others from their turn. */
export async function inTurns(work: Generator<undefined, Fields>): Promise<Fields> {
  for (let done = 1; ; done++) {
    const turn = work.next();
    if (turn.done) return turn.value;
    if (done % tokensAtOnce === 0) await nextTurn();
  }
}

/** @see calibratedProbability */
function calibrated(fields: Fields, temperatures: FieldTemperatures): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([pointer, field]) => [pointer, calibratedField(field, temperatures)]),
  );
}

/** Other values keep their shares of what the value itself leaves. */
function calibratedField(field: FieldConfidence, temperatures: FieldTemperatures): FieldConfidence {
  const at = field.kind === "null" ? undefined : temperatures[field.kind];
  if (at === undefined) return field;
  const probability = calibratedProbability(field.probability, at);
  const rest = 1 - field.probability;
  const scale = rest > 0 ? (1 - probability) / rest : 0;
  const rival = (field.probability - field.margin) * scale;
  const scaled = (each: FieldAlternative) => ({ ...each, probability: each.probability * scale });
  const { alternatives } = field;
  return {
    ...field,
    probability,
    margin: probability - rival,
    ...(alternatives && { alternatives: alternatives.map(scaled) }),
    calibrated: true,
  };
}

/** The log-odds divided by the temperature: above 1, what was too sure becomes less so. [Guo et al. 2017, for two classes] */
export function calibratedProbability(probability: number, temperature: number): number {
  const odds = (probability / (1 - probability)) ** (1 / temperature);
  return odds === Number.POSITIVE_INFINITY ? 1 : odds / (1 + odds);
}

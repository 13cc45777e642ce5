/**
 * What a table asks of each picture: one question, or fields with types. Here it becomes the request, and an answer becomes
 * cells. The fields stand in the prompt as well as in `response_format`: that holds a model to the form, but does not tell it.
 */
import type { ChatCompletion, ChatRequest } from "../../../src/protocol/index.js";
import type { Language } from "../preferences.js";
import type { Cell, Field, Plan } from "./row.js";

/** Of a question in words, and of fields: what does not end by then does not end. */
const maxTokens = { question: 256, fields: 1024 } as const;
/** A list that has no end is the usual way in which a small model fails. */
const maxItems = 32;
/** The column of a table that asks one question. */
export const answerColumn = "answer";

export function columnsOf({ mode, fields }: Plan): readonly string[] {
  return mode === "question" ? [answerColumn] : fields.map(({ name }) => name.trim());
}

/** What keeps a table from being asked; undefined when nothing does. */
export type PlanProblem = "question" | "fields" | "name" | "twice" | "choices";

export function planProblem({ mode, question, fields }: Plan): PlanProblem | undefined {
  if (mode === "question") return question.trim() === "" ? "question" : undefined;
  if (fields.length === 0) return "fields";
  const names = fields.map(({ name }) => name.trim());
  if (names.includes("")) return "name";
  if (new Set(names).size < names.length) return "twice";
  return fields.some((field) => field.type === "choice" && choicesOf(field).length < 2) ? "choices" : undefined;
}

export function choicesOf({ choices }: Field): string[] {
  return [...new Set(listOf(choices))];
}

/** Items between commas, of either script. */
export function listOf(text: string): string[] {
  return text
    .split(/[,，、\n]/)
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

export function schemaOf(fields: readonly Field[]): Record<string, unknown> {
  return {
    type: "object",
    properties: Object.fromEntries(fields.map((field) => [field.name.trim(), valueSchema(field)])),
    required: fields.filter(({ required }) => required).map(({ name }) => name.trim()),
    additionalProperties: false,
  };
}

function valueSchema(field: Field): Record<string, unknown> {
  switch (field.type) {
    case "text":
      return { type: "string" };
    case "number":
      return { type: "number" };
    case "yesNo":
      return { type: "boolean" };
    case "choice":
      return { enum: choicesOf(field) };
    case "list":
      return { type: "array", items: { type: "string" }, maxItems };
    default:
      return field.type satisfies never;
  }
}

/** The words that go with each picture. A golden set asks the same words, without a form to hold the answer. */
export function promptOf({ mode, question, fields }: Plan, language: Language): string {
  if (mode === "question") return question.trim();
  const told = { en: english, zh: chinese }[language];
  return [question.trim() || told.task, told.form, ...fields.map((field) => `- ${told.field(field)}`)].join("\n");
}

interface Told {
  readonly task: string;
  readonly form: string;
  readonly field: (field: Field) => string;
}

const english: Told = {
  task: "What does the picture show?",
  form: "Answer with a JSON object of these fields:",
  field: (field) => {
    const types = { text: "text", number: "a number", yesNo: "true or false", list: "a list of texts" };
    const type = field.type === "choice" ? `one of ${choicesOf(field).join(", ")}` : types[field.type];
    return `${field.name.trim()}: ${type}${field.required ? "" : ", left out if it cannot be seen"}`;
  },
};

const chinese: Told = {
  task: "图片里有什么？",
  form: "用 JSON 对象回答，包含以下字段：",
  field: (field) => {
    const types = { text: "文字", number: "数字", yesNo: "true 或 false", list: "文字列表" };
    const type = field.type === "choice" ? `${choicesOf(field).join("、")}之一` : types[field.type];
    return `${field.name.trim()}：${type}${field.required ? "" : "，看不出来就省略"}`;
  },
};

export function tableRequest(plan: Plan, model: string, url: string, language: Language): ChatRequest {
  const content = [
    { type: "image_url" as const, image_url: { url } },
    { type: "text" as const, text: promptOf(plan, language) },
  ];
  const common = { model, messages: [{ role: "user" as const, content }], temperature: 0 };
  if (plan.mode === "question") return { ...common, max_tokens: maxTokens.question, logprobs: true };
  const form = { name: "row", schema: schemaOf(plan.fields), strict: true };
  return {
    ...common,
    max_tokens: maxTokens.fields,
    response_format: { type: "json_schema", json_schema: form },
    ocellus: { fields: true },
  };
}

/** @returns undefined where the answer was cut off. @throws when it is not what was asked for. */
export function cellsOf(plan: Plan, { choices, ocellus }: ChatCompletion): Record<string, Cell> | undefined {
  const { message, finish_reason: finish, logprobs } = choices[0]!;
  const text = message.content ?? "";
  if (finish === "length") return undefined;
  if (plan.mode === "question") {
    const all = logprobs?.content?.map(({ logprob }) => logprob) ?? [];
    const mean = all.reduce((sum, value) => sum + value, 0) / Math.max(1, all.length);
    return { [answerColumn]: { value: text.trim(), ...(all.length > 0 && { probability: Math.exp(mean) }) } };
  }
  const values = JSON.parse(text) as Record<string, unknown>;
  const cells = columnsOf(plan).filter((name) => Object.hasOwn(values, name));
  return Object.fromEntries(cells.map((name) => [name, { value: values[name], ...sureness(name, ocellus?.fields) }]));
}

type Fields = NonNullable<NonNullable<ChatCompletion["ocellus"]>["fields"]>;

/** Of a list that of its least sure item. */
function sureness(name: string, fields: Fields = {}): Omit<Cell, "value"> {
  const pointer = `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
  const own = Object.entries(fields).filter(([at]) => at === pointer || at.startsWith(`${pointer}/`));
  if (own.length === 0) return {};
  const probability = Math.min(...own.map(([, field]) => field.probability));
  const others = fields[pointer]?.alternatives?.flatMap(({ value }) => (value === undefined ? [] : [value])) ?? [];
  return { probability, ...(others.length > 0 && { others }) };
}

/** A question as a program: curl, TypeScript and Python, ready to run where the pictures lie. */
import type { ChatRequest } from "../../src/protocol/index.js";

import { isVideo } from "./videos/limits.js";

export const snippetLanguages = ["curl", "TypeScript", "Python"] as const;
export type SnippetLanguage = (typeof snippetLanguages)[number];

export interface SnippetSource {
  /** With `file:NAME` in the place of each picture's address. */
  readonly request: ChatRequest;
  /** Up to and including /v1. */
  readonly baseUrl: string;
  readonly needsKey: boolean;
}

export function snippet(language: SnippetLanguage, source: SnippetSource): string {
  switch (language) {
    case "curl":
      return curl(source);
    case "TypeScript":
      return typeScript(source);
    case "Python":
      return python(source);
    default:
      return language satisfies never;
  }
}

export const fileScheme = "file:";

function mimeType(name: string): string {
  const ending = /\.(\w+)$/.exec(name)?.[1]?.toLowerCase() ?? "jpeg";
  return `${isVideo({ name, type: "" }) ? "video" : "image"}/${ending === "jpg" ? "jpeg" : ending}`;
}

/** An opening quote: one within a string stands behind a backslash. */
const pictureInJson = /(?<!\\)"file:((?:[^"\\]|\\.)*)"/;

function nameOf(match: string): string {
  return JSON.parse(`"${match}"`) as string;
}

/** The body comes through a here-document: base64 of photos is too long for an argument. There, \ $ ` are special. */
function curl({ request, baseUrl, needsKey }: SnippetSource): string {
  const pattern = new RegExp(`${pictureInJson.source}|[\\\\$\`]`, "g");
  const body = JSON.stringify(request, undefined, 2).replace(pattern, (found, picture?: string) => {
    if (picture === undefined) return `\\${found}`;
    const name = nameOf(picture);
    return `"data:${mimeType(name)};base64,$(base64 < '${name.replaceAll("'", "'\\''")}' | tr -d '\\n')"`;
  });
  const key = needsKey ? ['  -H "Authorization: Bearer $OCELLUS_KEY"'] : [];
  const head = [`curl ${baseUrl}/chat/completions`, '  -H "Content-Type: application/json"', ...key];
  return `${head.join(" \\\n")} \\\n  --data-binary @- <<END\n${body}\nEND\n`;
}

/** Fields that OpenAI's own types do not have. */
const ownFields = ["top_k", "min_p", "repetition_penalty", "min_pixels", "max_pixels", "ocellus"] as const;

function typeScript({ request, baseUrl, needsKey }: SnippetSource): string {
  const pattern = new RegExp(pictureInJson, "g");
  const json = JSON.stringify(request, undefined, 2);
  const body = json.replace(pattern, (_, name: string) => `picture(${JSON.stringify(nameOf(name))})`);
  const hasPictures = body !== json;
  const extra = ownFields.some((name) => name in request) ? " as OpenAI.ChatCompletionCreateParamsNonStreaming" : "";
  return [
    ...(hasPictures ? ['import { readFileSync } from "node:fs";'] : []),
    'import OpenAI from "openai";',
    "",
    `const client = new OpenAI({ baseURL: "${baseUrl}", apiKey: ${needsKey ? "process.env.OCELLUS_KEY!" : '"none"'} });`,
    "",
    ...(hasPictures ? [...typeScriptPicture, ""] : []),
    `const answer = await client.chat.completions.create(${unquoteKeys(body)}${extra});`,
    "console.log(answer.choices[0]?.message.content);",
    "",
  ].join("\n");
}

const typeScriptPicture = [
  "function picture(file: string): string {",
  '  const type = file.split(".").at(-1)!.toLowerCase().replace("jpg", "jpeg");',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the program's own
  '  return `data:image/${type};base64,${readFileSync(file).toString("base64")}`;',
  "}",
];

/** Only the keys at the first level: deeper ones may belong to a schema, which is better left as it was written. */
function unquoteKeys(json: string): string {
  return json.replace(/^ {2}"(\w+)":/gm, "  $1:");
}

function python({ request, baseUrl, needsKey }: SnippetSource): string {
  const { own, usual } = splitOwn(request);
  const values = Object.entries({ ...usual, ...(Object.keys(own).length > 0 && { extra_body: own }) });
  const fields = values.map(([name, value]) => `    ${name}=${literal(value, 1)},`);
  const hasPictures = JSON.stringify(request).includes(`"${fileScheme}`);
  return [
    ...(hasPictures ? ["import base64"] : []),
    ...(needsKey ? ["import os"] : []),
    ...(hasPictures ? ["from pathlib import Path"] : []),
    ...(hasPictures || needsKey ? [""] : []),
    "from openai import OpenAI",
    "",
    ...(hasPictures ? ["", ...pythonPicture, "", ""] : []),
    `client = OpenAI(base_url="${baseUrl}", api_key=${needsKey ? 'os.environ["OCELLUS_KEY"]' : '"none"'})`,
    "answer = client.chat.completions.create(",
    ...fields,
    ")",
    "print(answer.choices[0].message.content)",
    "",
  ].join("\n");
}

const pythonPicture = [
  "def picture(file):",
  '    kind = Path(file).suffix[1:].lower().replace("jpg", "jpeg")',
  '    return f"data:image/{kind};base64," + base64.b64encode(Path(file).read_bytes()).decode()',
];

function splitOwn(request: ChatRequest) {
  const isOwn = ([name]: [string, unknown]) => (ownFields as readonly string[]).includes(name);
  const entries = Object.entries(request);
  return {
    own: Object.fromEntries(entries.filter(isOwn)),
    usual: Object.fromEntries(entries.filter((entry) => !isOwn(entry))),
  };
}

/** JSON as Python writes it. */
function literal(value: unknown, depth: number): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return String(value);
  if (typeof value === "string")
    return value.startsWith(fileScheme)
      ? `picture(${JSON.stringify(value.slice(fileScheme.length))})`
      : JSON.stringify(value);
  const indent = "    ".repeat(depth + 1);
  const isArray = Array.isArray(value);
  const inner = isArray
    ? value.map((each) => literal(each, depth + 1))
    : Object.entries(value as object).map(([name, each]) => `${JSON.stringify(name)}: ${literal(each, depth + 1)}`);
  const [open, close] = isArray ? "[]" : "{}";
  if (inner.length === 0) return `${open}${close}`;
  return `${open}\n${inner.map((each) => `${indent}${each},\n`).join("")}${"    ".repeat(depth)}${close}`;
}

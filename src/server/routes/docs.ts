/**
 * GET /openapi.json, and GET /docs: the same for people. A server with the web page has a room for it there, where calls can be
 * tried; another one answers a page without scripts, in English or Chinese.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { OpenAPIHono } from "@hono/zod-openapi";
import { html, raw } from "hono/html";
import { ignoredHeader } from "../../protocol/index.js";
import type { App } from "../request-context.js";
import { plainPolicy } from "../security-headers.js";
import type { Services } from "../services.js";

export function addDocs(app: App, { version, webFolder }: Services): void {
  let known: OpenApiDocument | undefined;
  const document = () => {
    known ??= openApiDocument(app, version);
    return known;
  };
  app.get("/openapi.json", (c) => c.json(document()));
  app.get("/docs", (c) => {
    if (webFolder !== undefined && existsSync(join(webFolder, "index.html"))) return c.redirect("./#/docs");
    const words = c.req.header("accept-language")?.startsWith("zh") ? chinese : english;
    const headers = { "content-security-policy": plainPolicy, vary: "accept-language" };
    return c.html(page(document(), words), 200, headers);
  });
}

type OpenApiDocument = ReturnType<OpenAPIHono["getOpenAPI31Document"]>;

/** Of all routes that were added to the app. To be called once: the scheme is added to it. */
function openApiDocument(app: App, version: string): OpenApiDocument {
  app.openAPIRegistry.registerComponent("securitySchemes", "key", { type: "http", scheme: "bearer" });
  return app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Ocellus",
      version,
      description:
        "OpenAI's API for a vision-language model of your own. What is ours in answers stands under `ocellus`; " +
        `parameters without effect are named in the header \`${ignoredHeader}\`, unknown ones are refused.`,
      license: { name: "Apache-2.0", url: "https://www.apache.org/licenses/LICENSE-2.0" },
    },
    servers: [{ url: "/" }],
    security: [{ key: [] }, {}],
  });
}

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
}

interface Operation {
  readonly summary?: string;
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: Schema }>> }>
  >;
}

const english = {
  language: "en",
  title: "Ocellus API",
  programs: "For programs:",
  request: "Request",
  answer: "Answer",
  optional: "optional",
  listOf: "list of",
};
const chinese: typeof english = {
  language: "zh-CN",
  title: "Ocellus 接口",
  programs: "供程序读取：",
  request: "请求",
  answer: "响应",
  optional: "可选",
  listOf: "列表：",
};

function page(document: OpenApiDocument, words: typeof english) {
  const schemas = (document.components?.schemas ?? {}) as Readonly<Record<string, Schema>>;
  const operations = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    Object.entries(item as Readonly<Record<string, Operation>>).map(([method, operation]) => ({
      path,
      method,
      operation,
    })),
  );
  return html`<!doctype html>
<html lang="${words.language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${words.title}</title><style>${raw(style)}</style></head><body><main>
<h1>${words.title} <small>${document.info.version}</small></h1>
<p lang="en">${document.info.description?.split("`").map((text, i) => (i % 2 === 0 ? text : html`<code>${text}</code>`))}</p><p>${words.programs} <a href="/openapi.json">/openapi.json</a></p>
${operations.map(
  ({ path, method, operation }) => html`<details><summary><b class="${method}">${method}</b> <code>${path}</code>
<span lang="en">${operation.summary}</span></summary>
${Object.entries(operation.requestBody?.content ?? {}).map(
  ([type, { schema }]) =>
    html`<h2>${words.request} <small>${type}</small></h2>${describe(schema, { schemas, words }, 0)}`,
)}
${Object.entries(operation.responses["200"]?.content ?? {}).map(
  ([type, { schema }]) =>
    html`<h2>${words.answer} <small>${type}</small></h2>${describe(schema, { schemas, words }, 0)}`,
)}</details>`,
)}</main></body></html>`;
}

/** Answers of our own nest five deep; what is deeper is a schema of the caller's. */
const maxDepth = 6;

type Markup = ReturnType<typeof html>;

interface Describing {
  readonly schemas: Readonly<Record<string, Schema>>;
  readonly words: typeof english;
}

function describe(schema: Schema, context: Describing, depth: number): Markup | string {
  const { schemas, words } = context;
  const own = resolved(schema, schemas);
  const choices = own.anyOf ?? own.oneOf;
  if (choices) {
    const shown = choices.filter((choice) => choice.type !== "null").map((choice) => describe(choice, context, depth));
    return html`<ul class="choice">${shown.map((choice) => html`<li>${choice}</li>`)}</ul>`;
  }
  if (own.type === "array" && own.items) return html`${words.listOf} ${describe(own.items, context, depth)}`;
  if (!own.properties || depth >= maxDepth) return typeName(own);
  const required = new Set(own.required);
  return html`<dl>${Object.entries(own.properties).map(
    ([name, value]) =>
      html`<dt><code>${name}</code>${required.has(name) ? "" : html`<small> ${words.optional}</small>`}</dt>
<dd>${describe(value, context, depth + 1)}</dd>`,
  )}</dl>`;
}

function resolved(schema: Schema, schemas: Readonly<Record<string, Schema>>): Schema {
  return schema.$ref ? (schemas[schema.$ref.split("/").at(-1)!] ?? schema) : schema;
}

function typeName({ type, format, const: constant, enum: values, minimum, maximum }: Schema): string {
  if (constant !== undefined) return JSON.stringify(constant);
  if (values) return values.map((value) => JSON.stringify(value)).join(" · ");
  const isSafe = (bound?: number) => bound !== undefined && Math.abs(bound) < Number.MAX_SAFE_INTEGER;
  const range = [isSafe(minimum) ? `from ${minimum}` : "", isSafe(maximum) ? `to ${maximum}` : ""].join(" ").trim();
  return [Array.isArray(type) ? type.join(" or ") : (type ?? "anything"), format, range].filter(Boolean).join(", ");
}

/** Colours and type of the web page (web/src/style/base.css), without its fonts. */
const style = `
:root { color-scheme: light dark; --paper: #fbf9f4; --panel: #f4f0e7; --line: #e3dccd; --ink: #26221c; --soft: #685f53;
  --accent: #0d6b66; --danger: #9c3320; --serif: Newsreader, Georgia, "Songti SC", "Noto Serif CJK SC", SimSun, serif;
  --sans: "Hanken Grotesk", system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; }
@media (prefers-color-scheme: dark) { :root { --paper: #191714; --panel: #1f1d19; --line: #37322b; --ink: #ece6db;
  --soft: #aaa092; --accent: #7fcabf; --danger: #f0957f; } }
html { background: var(--paper); color: var(--ink); font: 400 16px/1.5 var(--sans); }
main { max-width: 52rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font: 400 2.5rem/1.1 var(--serif); letter-spacing: -.02em; } h2 { font: 500 1.06rem/1.3 var(--serif); }
small { color: var(--soft); font: 400 .82rem/1.3 var(--sans); } a { color: var(--accent); }
code { font: .84rem ui-monospace, "SF Mono", "Noto Sans Mono", "DejaVu Sans Mono", monospace; }
details { border-top: 1px solid var(--line); padding: .6rem 0; }
summary { cursor: pointer; } summary span { color: var(--soft); }
summary b { color: var(--accent); text-transform: uppercase; font-size: .75rem; display: inline-block; min-width: 3.5rem; }
summary .get { color: var(--soft); } summary .delete { color: var(--danger); }
dl { margin: 0 0 0 .5rem; padding-left: 1rem; border-left: 2px solid var(--line); }
dt { margin-top: .4rem; } dd { margin: 0 0 0 1rem; color: var(--soft); }
ul.choice { margin: 0; padding-left: 1.2rem; }
`;

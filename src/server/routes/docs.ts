/** GET /openapi.json, and GET /docs: the same for people, one page without scripts. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { html, raw } from "hono/html";
import { ignoredHeader } from "../../protocol/index.js";
import type { App } from "../request-context.js";
import { plainPolicy } from "../security-headers.js";
import type { Services } from "../services.js";

export function addDocs(app: App, { version }: Services): void {
  let known: OpenApiDocument | undefined;
  const document = () => {
    known ??= openApiDocument(app, version);
    return known;
  };
  app.get("/openapi.json", (c) => c.json(document()));
  app.get("/docs", (c) => c.html(page(document()), 200, { "content-security-policy": plainPolicy }));
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

function page(document: OpenApiDocument) {
  const schemas = (document.components?.schemas ?? {}) as Readonly<Record<string, Schema>>;
  const operations = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    Object.entries(item as Readonly<Record<string, Operation>>).map(([method, operation]) => ({
      path,
      method,
      operation,
    })),
  );
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${document.info.title} API</title><style>${raw(style)}</style></head><body>
<h1>${document.info.title} API <small>${document.info.version}</small></h1>
<p>${document.info.description?.split("`").map((text, i) => (i % 2 === 0 ? text : html`<code>${text}</code>`))}</p><p>For programs: <a href="/openapi.json">/openapi.json</a></p>
${operations.map(
  ({ path, method, operation }) => html`<details><summary><b class="${method}">${method}</b> <code>${path}</code>
<span>${operation.summary}</span></summary>
${Object.entries(operation.requestBody?.content ?? {}).map(
  ([type, { schema }]) => html`<h3>Request <small>${type}</small></h3>${describe(schema, schemas, 0)}`,
)}
${Object.entries(operation.responses["200"]?.content ?? {}).map(
  ([type, { schema }]) => html`<h3>Answer <small>${type}</small></h3>${describe(schema, schemas, 0)}`,
)}</details>`,
)}</body></html>`;
}

/** Answers of our own nest five deep; what is deeper is a schema of the caller's. */
const maxDepth = 6;

type Markup = ReturnType<typeof html>;

function describe(schema: Schema, schemas: Readonly<Record<string, Schema>>, depth: number): Markup | string {
  const own = resolved(schema, schemas);
  const choices = own.anyOf ?? own.oneOf;
  if (choices) {
    const shown = choices.filter((choice) => choice.type !== "null").map((choice) => describe(choice, schemas, depth));
    return html`<ul class="choice">${shown.map((choice) => html`<li>${choice}</li>`)}</ul>`;
  }
  if (own.type === "array" && own.items) return html`list of ${describe(own.items, schemas, depth)}`;
  if (!own.properties || depth >= maxDepth) return typeName(own);
  const required = new Set(own.required);
  return html`<dl>${Object.entries(own.properties).map(
    ([name, value]) =>
      html`<dt><code>${name}</code>${required.has(name) ? "" : html`<small> optional</small>`}</dt>
<dd>${describe(value, schemas, depth + 1)}</dd>`,
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

const style = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
html { background: Canvas; color: CanvasText; }
body { max-width: 52rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
small { font-weight: normal; opacity: .65; }
details { border-top: 1px solid color-mix(in srgb, currentColor 20%, transparent); padding: .6rem 0; }
summary { cursor: pointer; } summary span { opacity: .75; }
summary b { text-transform: uppercase; font-size: .75rem; display: inline-block; min-width: 3.5rem; }
.post { color: #2563eb; } .get { color: #15803d; } .delete { color: #dc2626; }
dl { margin: 0 0 0 .5rem; padding-left: 1rem; border-left: 2px solid color-mix(in srgb, currentColor 15%, transparent); }
dt { margin-top: .4rem; color: CanvasText; } dd { margin: 0 0 0 1rem; color: color-mix(in srgb, CanvasText 80%, Canvas); }
ul.choice { margin: 0; padding-left: 1.2rem; }
@media (prefers-color-scheme: dark) { .post { color: #60a5fa; } .get { color: #4ade80; } .delete { color: #f87171; } }
`;

/** /openapi.json as the room of the API reads it: operations in groups, and for each a request to begin from. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
}

type Content = Readonly<Record<string, { readonly schema: Schema }>>;

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query";
  readonly required?: boolean;
}

interface WireOperation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
}

export interface ApiDocument {
  readonly info: { readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, WireOperation>>>>;
  readonly components: { readonly schemas: Schemas };
}

export type Schemas = Readonly<Record<string, Schema>>;

export interface Operation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly summary: string;
  readonly parameters: readonly Parameter[];
  readonly body?: { readonly type: string; readonly schema: Schema };
  readonly answers: readonly { readonly type: string; readonly schema: Schema }[];
}

export const groupNames = ["models", "files", "ocellus", "admin", "server"] as const;
export type GroupName = (typeof groupNames)[number];

export function operationsOf({ paths }: ApiDocument): Operation[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId: id, summary, parameters = [], requestBody, responses }]) => {
      const [body] = contents(requestBody?.content);
      return {
        id,
        method,
        path,
        summary,
        parameters,
        ...(body && { body }),
        answers: contents(responses[200]?.content),
      };
    }),
  );
}

function contents(content: Content = {}): { type: string; schema: Schema }[] {
  return Object.entries(content).map(([type, { schema }]) => ({ type, schema }));
}

export function groupOf({ path }: Operation): GroupName {
  if (path.startsWith("/admin/")) return "admin";
  if (path.startsWith("/v1/ocellus/")) return "ocellus";
  if (/^\/v1\/(files|batches)/.test(path)) return "files";
  return path.startsWith("/v1/") ? "models" : "server";
}

export function resolved(schema: Schema, schemas: Schemas): Schema {
  return schema.$ref ? (schemas[schema.$ref.split("/").at(-1)!] ?? schema) : schema;
}

/** Our own schemas nest five deep; what is deeper is a schema of the caller's. */
export const maxDepth = 6;

/** The least that a schema asks for: required fields, first choices. */
function skeletonOf(schema: Schema, schemas: Schemas, depth = 0): unknown {
  const own = resolved(schema, schemas);
  const choices = own.anyOf ?? own.oneOf;
  if (choices?.[0]) return skeletonOf(choices[0], schemas, depth);
  if (own.const !== undefined) return own.const;
  if (own.enum) return own.enum[0];
  if (own.default !== undefined) return own.default;
  const type = typeof own.type === "string" ? own.type : own.type?.[0];
  if (type === "array") return own.items && depth < maxDepth ? [skeletonOf(own.items, schemas, depth + 1)] : [];
  if (type === "object") return skeletonOfObject(own, schemas, depth);
  if (type === "string") return "";
  if (type === "boolean") return false;
  if (type === "integer" || type === "number") return Math.max(own.minimum ?? 0, Number.MIN_SAFE_INTEGER);
  return null;
}

function skeletonOfObject({ properties = {}, required = [] }: Schema, schemas: Schemas, depth: number): object {
  if (depth >= maxDepth) return {};
  return Object.fromEntries(required.map((name) => [name, skeletonOf(properties[name] ?? {}, schemas, depth + 1)]));
}

const messages = [{ role: "user", content: "What can you see in pictures?" }];
/** Of what is asked most, a request that a person would make. */
const usual: Readonly<Record<string, object>> = {
  postChatCompletions: { messages, max_tokens: 64 },
  postMessages: { messages, max_tokens: 64 },
  postMessagesCountTokens: { messages },
  postResponses: { input: messages[0]!.content, max_output_tokens: 64 },
  postCompletions: { prompt: "A red dress with", max_tokens: 32 },
  postEmbeddings: { input: ["a red dress"] },
  postRerank: { query: "a red dress", documents: ["a dress of red cotton", "brown boots"] },
  postModerations: { input: "A sentence to check." },
};

/** The body to begin from, as JSON. */
export function exampleBody({ id, body }: Operation, schemas: Schemas, model: string): string {
  const made = body ? (skeletonOf(body.schema, schemas) as object) : {};
  const fields = usual[id] ? { ...("model" in made && { model }), ...usual[id] } : made;
  return JSON.stringify("model" in fields ? { ...fields, model } : fields, undefined, 2);
}

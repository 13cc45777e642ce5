/**
 * /openapi.json judged by others: a linter finds nothing, and whatever is sent by its schemas, or beside them, is answered
 * as it says: never a 5xx, and every field of every answer documented.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createConfig, lintFromString } from "@redocly/openapi-core";
import type { ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { loadDualEncoder } from "../src/core/runtime/index.js";
import { createApp, useVersions } from "../src/server/index.js";
import { summariesZh } from "../web/src/api-docs/summaries-zh.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { damaged, fromSchema, type Schema } from "./support/from-schema.js";
import { noPromtool, promtoolSays } from "./support/promtool.js";
import { loadTiny, startServer, type TestServer } from "./support/server.js";
import { type OpenVersions, openVersions } from "./support/versioned-server.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}
interface Operation {
  readonly operationId: string;
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content>>;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

let server: TestServer;
let kept: OpenVersions;
let document: Document;
let ajv: Ajv2020;
beforeAll(async () => {
  server = await startServer({ tiny: await loadTiny() }, { collections: temporaryFolder(), insecureLocalAdmin: true });
  server.pool.add("clip", await loadDualEncoder(join(repository, "test/golden/clip/gelu")));
  kept = await openVersions({ v1: {}, v2: {}, v3: {} });
  useVersions(server.services, kept.versions);
  document = (await (await fetch(`${server.url}/openapi.json`)).json()) as Document;
  ajv = new Ajv2020({ strict: false, allErrors: true }).addSchema(closed(document) as object, "api");
});
afterAll(async () => {
  await server.close();
  await kept.close();
  for (const { model } of server.services.models.all()) await model.close();
});

/** The same schemas, in which a field that is not named is an error. */
function closed(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(closed);
  const inner = Object.fromEntries(Object.entries(value).map(([name, part]) => [name, closed(part)]));
  return "properties" in value && !("additionalProperties" in value) && "type" in value
    ? { ...inner, additionalProperties: false }
    : inner;
}

/** By schema of the document: to compile one takes longer than most checks. */
const validators = new Map<Schema, ValidateFunction>();

function check(place: string, schema: Schema, value: unknown): void {
  const validate =
    validators.get(schema) ?? ajv.compile(schema.$ref ? { $ref: `api${schema.$ref}` } : (closed(schema) as object));
  validators.set(schema, validate);
  const valid = validate(value);
  expect(valid || validate.errors, `${place}: ${JSON.stringify(value).slice(0, 400)}`).toBe(true);
}

/** Every answer is one that the document tells of. */
async function checkAnswer(place: string, operation: Operation, response: Response): Promise<void> {
  expect(response.status, `${place}: ${response.status} ${await response.clone().text()}`).toBeLessThan(500);
  const said = operation.responses[response.status] ?? operation.responses[`${Math.floor(response.status / 100)}XX`];
  const type = response.headers.get("content-type")?.split(";")[0] ?? "";
  const schema = said?.content?.[type]?.schema;
  if (!schema) throw new Error(`${place}: ${response.status} with ${type} is not in the document`);
  if (type === "application/json") check(place, schema, await response.json());
  if (type !== "text/event-stream") return;
  const lines = (await response.text()).split("\n").filter((line) => /^data: [^[]/.test(line));
  expect(lines.length, place).toBeGreaterThan(0);
  for (const line of lines) {
    const event = JSON.parse(line.slice("data: ".length));
    expect(event, place).not.toHaveProperty("error");
    if (!place.includes("/v1/responses")) check(place, schema, event); // theirs are many; the official client reads them elsewhere
  }
}

describe("/openapi.json", () => {
  it("has nothing that a strict linter would change", async () => {
    const config = await createConfig({ extends: ["recommended-strict"] });
    const problems = await lintFromString({ source: JSON.stringify(document), config });
    expect(problems.map(({ ruleId, message }) => `${ruleId}: ${message}`)).toEqual([]);
  });

  it("is translated for the page, call by call", () => {
    const ids = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map((each) => each.operationId),
    );
    expect(Object.keys(summariesZh).sort()).toEqual(ids.sort());
  });

  it("tells of every route, and of no other", () => {
    const all = createApp({ ...server.services, webFolder: temporaryFolder() })
      .routes.filter(({ method }) => method !== "ALL") // middleware
      .map(({ method, path }) => `${method} ${path.replace(/:(\w+)(\{[^}]*\})?/g, "{$1}")}`);
    const forPeople = ["/", "/assets/*", "/licenses.md", "/docs"].map((path) => `GET ${path}`);
    const pages = [...forPeople, "GET /openapi.json"];
    expect(all).toEqual(expect.arrayContaining(pages));
    const routes = all.filter((route) => !pages.includes(route));
    const told = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(told.sort()).toEqual([...new Set(routes)].sort());
  });
});

const image = readFileSync(join(repository, "examples/pictures/dress.jpg"));
const special = {
  model: ["tiny", "clip"],
  url: [
    `data:image/jpeg;base64,${image.toString("base64")}`,
    "http://127.0.0.1/",
    "file-none",
    "data:image/png;base64,AA",
  ],
  image_url: [`data:image/jpeg;base64,${image.toString("base64")}`],
  arguments: ["{}", '{"a":1}', "{"],
};
/** What is asked of the model stays small: long answers test nothing more. */
function tamed(body: unknown): unknown {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return body;
  const { n, ...rest } = body as Record<string, unknown>;
  const limits = ["max_tokens", "max_completion_tokens", "max_output_tokens"].filter((name) => name in rest);
  const small = Object.fromEntries(
    limits.map((name) => [name, typeof rest[name] === "number" ? Math.min(8, rest[name]) : rest[name]]),
  );
  return { ...rest, ...small, ...(n !== undefined && { n: typeof n === "number" ? Math.min(3, n) : n }) };
}

describe("whatever is sent", () => {
  const posts = ["/v1/chat/completions", "/v1/responses", "/v1/completions", "/v1/embeddings", "/v1/ocellus/match"];
  const limit: Readonly<Record<string, string>> = {
    "/v1/chat/completions": "max_tokens",
    "/v1/responses": "max_output_tokens",
    "/v1/completions": "max_tokens",
  };
  it.each(posts)("to %s is answered as the document says", async (path) => {
    const operation = document.paths[path]!.post!;
    const { $ref } = operation.requestBody!.content!["application/json"]!.schema;
    const schema = document.components.schemas[$ref!.split("/").at(-1)!]!;
    const valid = fromSchema(schema, special);
    const statuses = new Map<number, number>();
    const body = fc.oneof({ weight: 3, arbitrary: valid }, { weight: 1, arbitrary: damaged(valid) });
    await fc.assert(
      fc.asyncProperty(body, async (drawn) => {
        const sent = tamed({ ...(limit[path] && { [limit[path]]: 4 }), ...(drawn as object) });
        const response = await server.post(path, sent);
        statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
        await checkAnswer(`${path} ${JSON.stringify(sent).slice(0, 1500)}`, operation, response);
      }),
      { numRuns: 150, seed: 20, endOnFailure: true },
    );
    expect([...statuses.keys()], "both kinds of answer were seen").toEqual(expect.arrayContaining([200, 400]));
  });

  it("to the admin API, in any order, is answered as the document says, and leaves a state that it tells of", async () => {
    const words = { version: ["v1", "v2", "v3"] };
    const paths = Object.keys(document.paths).filter((path) => path.includes("{alias}") && document.paths[path]!.post);
    const commands = paths.map((path) => {
      const operation = document.paths[path]!.post!;
      const { $ref } = operation.requestBody!.content!["application/json"]!.schema;
      const valid = fromSchema(document.components.schemas[$ref!.split("/").at(-1)!]!, words);
      const body = fc.oneof({ weight: 5, arbitrary: valid }, { weight: 1, arbitrary: damaged(valid) });
      return fc.record({ path: fc.constant(path), operation: fc.constant(operation), body });
    });
    const statuses = new Set<number>();
    const alias = fc.oneof({ weight: 5, arbitrary: fc.constant("prod") }, fc.constantFrom("other", "v1"));
    await fc.assert(
      fc.asyncProperty(fc.oneof(...commands), alias, async ({ path, operation, body }, name) => {
        const response = await server.post(path.replace("{alias}", name), body);
        statuses.add(response.status);
        await checkAnswer(`${path} ${JSON.stringify(body)}`, operation, response);
        for (const shown of ["/admin/v1/state", "/admin/v1/history", "/admin/v1/aliases/{alias}/figures"])
          await checkAnswer(
            shown,
            document.paths[shown]!.get!,
            await fetch(server.url + shown.replace("{alias}", name)),
          );
      }),
      { numRuns: 200, seed: 20 },
    );
    expect([...statuses].sort()).toEqual([200, 400, 404]);
  });

  it("as parts of a path is answered as the document says", async () => {
    const gets = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.entries(operations).flatMap(([method, operation]) =>
        method === "post" ? [] : [{ path, method, operation }],
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...gets), fc.string({ minLength: 1, unit: "grapheme" }), async (row, id) => {
        const path = row.path.replace("{id}", encodeURIComponent(id));
        const response = await fetch(server.url + path, { method: row.method.toUpperCase() });
        if (row.path !== path && response.status === 200) return; // a dot may name another route
        await checkAnswer(`${row.method} ${path}`, row.operation, response);
      }),
      { numRuns: 200, seed: 20 },
    );
  });

  it("as files of any bytes is answered as the document says", async () => {
    const operation = document.paths["/v1/files"]!.post!;
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.constant(new Uint8Array(image)));
    const purpose = fc.oneof(fc.constantFrom("vision", "user_data"), fc.string());
    await fc.assert(
      fc.asyncProperty(bytes, fc.string(), purpose, async (content, name, given) => {
        const form = new FormData();
        form.append("file", new File([content as Uint8Array<ArrayBuffer>], name));
        form.append("purpose", given);
        const response = await fetch(`${server.url}/v1/files`, { method: "POST", body: form });
        await checkAnswer("post /v1/files", operation, response);
      }),
      { numRuns: 100, seed: 20 },
    );
  });
});

it.skipIf(noPromtool)("/metrics passes promtool's check, with numbers in every kind of metric", async () => {
  await server.client.chat.completions.create({ model: "tiny", messages: [{ role: "user", content: "Hello" }] });
  const text = await (await fetch(`${server.url}/metrics`)).text();
  expect(text).toMatch(/ocellus_completion_tokens_total\{model="tiny"\} [1-9]/);
  expect(promtoolSays(text)).toBe("");
});

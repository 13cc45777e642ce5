/** Who may call which route: every route is in the table, and is tried with each kind of key, through proxies and from afar. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApp, createKey, KeyRing, type ServerConfig, type Services } from "../src/server/index.js";
import { temporaryFolder } from "./support/folders.js";
import { startVersionedServer, type VersionedServer } from "./support/versioned-server.js";

type Caller = "anyone" | "key" | "admin";

const collection = "/v1/ocellus/collections/:collection";
const alias = "/admin/v1/aliases/:alias";

/** A route that is not in it fails the first test: whoever adds one decides. */
const table: Readonly<Record<Caller, readonly string[]>> = {
  anyone: [
    ...["GET /health/live", "GET /health/ready", "GET /docs", "GET /openapi.json"],
    ...["GET /", "GET /assets/*", "GET /licenses.md"],
    "GET /metrics", // or a key: the setting metricsKey
  ],
  key: [
    ...["GET /v1/models", "GET /v1/models/:id{.+}", "GET /v1/ocellus/models/:id{.+}/description"],
    "GET /v1/ocellus/models/:id{.+}/browser/:file",
    ...["GET", "POST"].map((method) => `${method} /v1/ocellus/models/:id{.+}/examination`),
    ...["POST /v1/chat/completions", "POST /v1/completions", "POST /v1/responses"],
    ...["POST /v1/messages", "POST /v1/messages/count_tokens", "POST /v1/rerank"],
    ...["POST /v1/batches", "GET /v1/batches", "GET /v1/batches/:id", "POST /v1/batches/:id/cancel"],
    ...["POST /v1/embeddings", "POST /v1/moderations", "POST /v1/ocellus/match"],
    ...[
      "POST /v1/ocellus/documents",
      "POST /v1/ocellus/documents/images",
      "POST /v1/ocellus/attention",
      "POST /v1/ocellus/text",
    ],
    ...["POST /v1/files", "GET /v1/files", "GET /v1/files/:id", "GET /v1/files/:id/content", "DELETE /v1/files/:id"],
    ...["GET /v1/ocellus/guards", "POST /v1/ocellus/guards/proposals", "POST /v1/ocellus/guards/schema"],
    ...["GET /v1/ocellus/collections", "POST /v1/ocellus/collections"],
    `POST ${collection}/entries/delete`,
    ...[`GET ${collection}`, `DELETE ${collection}`, `GET ${collection}/duplicates`, `POST ${collection}/search`],
    ...[`GET ${collection}/entries`, `POST ${collection}/entries`, `DELETE ${collection}/entries/:id`],
    ...[`GET ${collection}/entries/:id`, `GET ${collection}/entries/:id/image`],
  ],
  admin: [
    ...["GET /admin/v1/state", "GET /admin/v1/history", "GET /admin/v1/backends", "GET /admin/v1/requests/:id"],
    ...[`GET ${alias}/figures`, "GET /admin/v1/diff", "POST /admin/v1/diff"],
    ...["GET", "POST"].map((method) => `${method} /admin/v1/versions/:version/examination`),
    "POST /admin/v1/guards/replay",
    ...["deploy", "canary", "shadow", "promote", "rollback", "pause", "resume"].map((verb) => `POST ${alias}/${verb}`),
  ],
};
const rows = Object.entries(table).flatMap(([who, routes]) => routes.map((route) => [route, who as Caller] as const));

const [user, admin] = [createKey("bob"), createKey("alice")];
const as = (secret: string) => ({ authorization: `Bearer ${secret}` });
const local = { host: "127.0.0.1:8080" };

let setup: VersionedServer;
beforeAll(async () => {
  setup = await startVersionedServer({ v1: {} }, { options: { webFolder: temporaryFolder() } });
});
afterAll(() => setup.close());

interface Door {
  readonly config?: Partial<ServerConfig>;
  readonly keys?: Partial<Pick<Services, "keys" | "adminKeys">>;
}

/** The status of an empty request: whatever is not 401 was let in. */
async function ask(route: string, headers: Record<string, string>, { config, keys = bothKeys() }: Door = {}) {
  const { services } = setup.server;
  const strict = { ...services.config, insecureLocalAdmin: false, ...config };
  const app = createApp({ ...services, keys: undefined, adminKeys: undefined, ...keys, config: strict });
  const [method, pattern] = route.split(" ") as [string, string];
  const path = pattern.replace(/:\w+(\{[^}]*\})?/g, "x").replace("*", "x.js");
  return (await app.request(path, { method, headers: { ...local, ...headers } })).status;
}

const bothKeys = () => ({ keys: KeyRing.of([user.key]), adminKeys: KeyRing.of([admin.key]) });
const isIn = async (...given: Parameters<typeof ask>) => (await ask(...given)) !== 401;

it("the table has every route of the server", () => {
  const routes = createApp(setup.server.services)
    .routes.filter(({ method }) => method !== "ALL")
    .map(({ method, path }) => `${method} ${path}`);
  expect(rows.map(([route]) => route).sort()).toEqual([...new Set(routes)].sort());
});

describe("with keys", () => {
  it.each(rows)("%s is for: %s", async (route, who) => {
    const found = {
      without: await isIn(route, {}),
      wrong: await isIn(route, as("sk-ocellus-wrong")),
      key: await isIn(route, as(user.secret)),
      admin: await isIn(route, as(admin.secret)),
    };
    const isOpen = who === "anyone";
    expect(found).toEqual({
      ...{ without: isOpen, wrong: isOpen },
      ...{ key: isOpen || who === "key", admin: isOpen || who === "admin" },
    });
  });

  it("/metrics asks for the key that was set", async () => {
    const callers = [{}, as(user.secret), as(admin.secret)];
    const letIn = (metricsKey: ServerConfig["metricsKey"]) =>
      Promise.all(callers.map((headers) => isIn("GET /metrics", headers, { config: { metricsKey } })));
    expect(await letIn("none")).toEqual([true, true, true]);
    expect(await letIn("api")).toEqual([false, true, false]);
    expect(await letIn("admin")).toEqual([false, false, true]);
  });
});

describe("without keys", () => {
  it.each(rows)("%s (for: %s) is for this machine, and what administers is for no one", async (route, who) => {
    expect(await isIn(route, {}, { keys: {} })).toBe(who !== "admin");
    expect(await isIn(route, { host: "rebound.example" }, { keys: {} }), "under a foreign name").toBe(false);
    expect(await isIn(route, { origin: "https://page.example" }, { keys: {} }), "from a foreign page").toBe(false);
  });

  const insecure = { config: { insecureLocalAdmin: true }, keys: {} };
  it.each(table.admin)("%s is for this machine where that was said, by no other way", async (route) => {
    expect(await isIn(route, {}, insecure)).toBe(true);
    expect(await isIn(route, { origin: "http://127.0.0.1:8080" }, insecure), "this server's page").toBe(true);
    const others: Record<string, string>[] = [
      ...["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-anything"],
      ...["x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip", "cf-connecting-ip"],
      ...["x-envoy-external-address", "x-original-forwarded-for"],
    ].map((name) => ({ [name]: "127.0.0.1" }));
    others.push({ host: "ocellus.example" }, { host: "10.0.0.7:8080" }, { host: "localhost.example" });
    others.push({ origin: "https://page.example" }, { origin: "null" }, { origin: "http://localhost:1234" });
    for (const headers of others)
      for (const keys of [{}, { keys: KeyRing.of([user.key]) }])
        expect(
          await isIn(route, { ...headers, ...as(user.secret) }, { ...insecure, keys }),
          JSON.stringify(headers),
        ).toBe(false);
  });

  it("is never for this machine alone where other machines reach the server, nor where there are admin keys", async () => {
    const far = { ...insecure, config: { ...insecure.config, host: "0.0.0.0" } };
    expect(await isIn("GET /admin/v1/state", {}, far)).toBe(false);
    expect(await isIn("GET /admin/v1/state", {}, { ...insecure, keys: bothKeys() })).toBe(false);
  });
});

/** /admin/v1: what the command line does with versions, over HTTP, and who may. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { OcellusError } from "../src/core/base/index.js";
import { until } from "../src/core/base/until.testkit.js";
import { Journal } from "../src/rollout/journal.js";
import { createKey, KeyRing } from "../src/server/index.js";
import { startServer } from "./support/server.js";
import { startVersionedServer, type VersionedOptions, type VersionedServer } from "./support/versioned-server.js";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function setUp(options: VersionedOptions = {}): Promise<VersionedServer> {
  const setup = await startVersionedServer({ v1: {}, v2: {}, v3: {} }, options);
  open.push(setup);
  return setup;
}

interface Answer {
  readonly status: number;
  readonly body: any;
}

async function answerOf(response: Response): Promise<Answer> {
  return { status: response.status, body: await response.json() };
}

async function get({ server }: Pick<VersionedServer, "server">, path: string, headers = {}): Promise<Answer> {
  return answerOf(await fetch(`${server.url}/admin/v1/${path}`, { headers }));
}

async function command(setup: VersionedServer, name: string, body: object = {}, headers = {}): Promise<Answer> {
  return answerOf(await setup.server.post(`/admin/v1/aliases/prod/${name}`, body, headers));
}

function keyRing(name: string): { ring: KeyRing; secret: string } {
  const { secret, key } = createKey(name);
  return { ring: KeyRing.of([key]), secret };
}

describe("a command over HTTP", () => {
  it("deploys, and the next question is answered by the new version", async () => {
    const setup = await setUp();
    const { status, body } = await command(setup, "deploy", { version: "v2" });
    expect({ status, ...body }).toMatchObject({ status: 200, name: "prod", version: "v2", previous: ["v1"] });
    await until(async () => expect((await setup.ask()).said).toBe("v2"));
  });

  it("starts a canary, changes its share, pauses and resumes its analysis, and promotes it", async () => {
    const setup = await setUp();
    const started = await command(setup, "canary", { version: "v2", steps: [0.1, 0.5] });
    expect(started.body.canary).toEqual({
      ...{ version: "v2", share: 0.1, steps: [0.1, 0.5] },
      ...{ uses_analysis: true, is_paused: false, step_since: expect.any(String) },
    });
    expect((await command(setup, "canary", { version: "v2", share: 0.3 })).body.canary.share).toBe(0.3);
    expect((await command(setup, "pause")).body.canary.is_paused).toBe(true);
    expect((await command(setup, "resume")).body.canary.is_paused).toBe(false);
    const promoted = await command(setup, "promote", { version: "v2", reason: "it reads prices" });
    expect(promoted.body).toMatchObject({ version: "v2", previous: ["v1"] });
    expect(promoted.body).not.toHaveProperty("canary");
    const { data } = (await get(setup, "history")).body;
    expect(data.slice(0, 5).map(({ kind }: any) => kind)).toEqual(
      ["canary_started", "share_changed", "paused", "resumed", "promoted"].reverse(),
    );
    expect(data[0]).toMatchObject({ actor: "127.0.0.1@admin", version: "v2", reason: "it reads prices" });
  });

  it("takes a plan that begins at 0 %, lasts a time a step and asks a gate, and shows it", async () => {
    const setup = await setUp();
    const plan = { steps: [0, 0.05, 1], step_seconds: 600, gate: "https://gate.example/prod" };
    const { status, body } = await command(setup, "canary", { version: "v2", ...plan });
    expect({ status, canary: body.canary }).toMatchObject({ status: 200, canary: { share: 0, ...plan } });
    expect((await get(setup, "state")).body.aliases[0].canary).toMatchObject(plan);
    expect((await get(setup, "history")).body.data[0]).toMatchObject({ kind: "canary_started", ...plan });
    expect((await setup.ask()).said).toBe("v1");
  });

  it.each([
    ["steps", { steps: [0] }],
    ["steps", { steps: [0, 0] }],
    ["steps", { steps: [-0.1, 1] }],
    ["steps", { steps: [] }],
    ["step_seconds", { step_seconds: 0 }],
    ["step_seconds", { step_seconds: 1.5 }],
    ["step_seconds", { step_seconds: 2_592_001 }],
    ["gate", { gate: "gate.example" }],
    ["gate", { gate: "file:///etc/passwd" }],
    ["gate", { gate: "https://me:secret@gate.example/" }],
    ["gate", { gate: "https://gate.example/", analysis: false }],
    ["gates", { gates: "https://gate.example/" }],
  ])("refuses a plan with wrong %s, and starts nothing: %j", async (field, plan) => {
    const setup = await setUp();
    const { status, body } = await command(setup, "canary", { version: "v2", ...plan });
    expect([status, body.error.code]).toEqual([400, "invalid_request"]);
    expect(`${body.error.param} ${body.error.message}`).toContain(field);
    expect((await get(setup, "state")).body.aliases[0]).not.toHaveProperty("canary");
  });

  it("rolls back in memory while the journal cannot be written, answers on, and says so until it is written", async () => {
    const setup = await setUp();
    await command(setup, "deploy", { version: "v2" });
    await until(async () => expect((await setup.ask()).said).toBe("v2"));
    const write = vi.spyOn(Journal.prototype, "append").mockRejectedValue(new OcellusError("io", "the disk is full"));
    expect(await command(setup, "deploy", { version: "v3" })).toMatchObject({
      ...{ status: 500, body: { error: { code: "io", message: "the disk is full" } } },
    });
    const rolledBack = await command(setup, "rollback");
    expect(rolledBack).toMatchObject({ status: 200, body: { version: "v1", is_unrecorded: true } });
    await until(async () => expect((await setup.ask()).said).toBe("v1"));
    expect((await get(setup, "state")).body.aliases[0]).toMatchObject({ version: "v1", is_unrecorded: true });
    expect((await get(setup, "history")).body.data[0]).toMatchObject({ kind: "deployed", version: "v2" });
    write.mockRestore();
    await until(async () => expect((await get(setup, "state")).body.aliases[0]).not.toHaveProperty("is_unrecorded"));
    expect((await get(setup, "history")).body.data[0]).toMatchObject({ kind: "rolled_back", version: "v1" });
    expect((await setup.ask()).said).toBe("v1");
  });

  it("mirrors to a shadow by a share, and compares a canary's answers where a floor is given", async () => {
    const setup = await setUp();
    const shadow = await command(setup, "shadow", { version: "v2", share: 0.2 });
    expect(shadow.body).toMatchObject({ shadow: "v2", shadow_share: 0.2 });
    expect((await command(setup, "shadow", { off: true })).body).not.toHaveProperty("shadow_share");
    expect((await command(setup, "shadow", { version: "v2", share: 2 })).status).toBe(400);
    const canary = await command(setup, "canary", { version: "v3", agreement: { floor: 0.9 } });
    expect(canary.body.canary.agreement).toEqual({ floor: 0.9, share: 0.1 });
  });

  it("rolls back: the canary first, then to the version before", async () => {
    const setup = await setUp();
    await command(setup, "deploy", { version: "v2" });
    await command(setup, "canary", { version: "v3" });
    expect((await command(setup, "rollback")).body).toMatchObject({ version: "v2" });
    expect((await command(setup, "rollback", { version: "v2" })).body).toMatchObject({ version: "v1" });
    expect(await command(setup, "rollback")).toMatchObject({
      status: 400,
      body: { error: { code: "invalid_request", message: expect.stringMatching(/prod.*v1/) } },
    });
  });

  it("is refused when it would concern another version than the one that somebody saw", async () => {
    const setup = await setUp();
    await command(setup, "deploy", { version: "v2" });
    await command(setup, "canary", { version: "v3" });
    for (const name of ["promote", "rollback"])
      expect(await command(setup, name, { version: "v2" })).toMatchObject({
        status: 400,
        body: { error: { message: expect.stringMatching(/v3.*v2/) } },
      });
    expect(setup.registry.state.aliases.get("prod")!.canary!.tag).toBe("v3");
  });

  it("changes the share of a canary that runs, and does not start one again that was turned back", async () => {
    const setup = await setUp();
    await command(setup, "canary", { version: "v2" });
    const wider = { version: "v2", share: 0.4, is_running: true };
    expect((await command(setup, "canary", wider)).body.canary.share).toBe(0.4);
    expect(await command(setup, "canary", { ...wider, version: "v3" })).toMatchObject({ status: 400 });
    expect(await command(setup, "canary", { version: "v2", is_running: true })).toMatchObject({
      status: 400,
      body: { error: { param: "share" } },
    });
    await command(setup, "rollback", { reason: "it cannot read prices" });
    expect(await command(setup, "canary", wider)).toMatchObject({
      status: 400,
      body: { error: { code: "invalid_request", message: expect.stringMatching(/prod.*canary/) } },
    });
    expect(setup.registry.state.aliases.get("prod")).not.toHaveProperty("canary.tag");
  });

  it("is refused when the alias is not as it was when somebody decided, whatever the command", async () => {
    const setup = await setUp();
    await command(setup, "shadow", { version: "v3" });
    await command(setup, "canary", { version: "v2", share: 0.1 });
    const asItIs = { version: "v1", canary: "v2", share: 0.1, shadow: "v3" };
    for (const [part, then] of [
      ["version", "v3"],
      ["version", null],
      ["canary", null],
      ["share", 0.05],
      ["shadow", "v2"],
    ] as const) {
      const seen = { ...asItIs, [part]: then };
      for (const [name, body] of [
        ["pause", {}],
        ["canary", { version: "v2", share: 0.5, is_running: true }],
        ["shadow", { off: true }],
      ] as const) {
        const { status, body: answer } = await command(setup, name, { ...body, seen });
        expect([status, answer.error?.message], `${name} ${part}`).toEqual([
          400,
          expect.stringMatching(new RegExp(`${part} of prod .*${then ?? "none"}`)),
        ]);
      }
    }
    expect((await command(setup, "pause", { seen: asItIs })).body.canary.is_paused).toBe(true);
    const fresh = { version: "v1", seen: { version: null } };
    expect((await answerOf(await setup.server.post("/admin/v1/aliases/new/deploy", fresh))).status).toBe(200);
    expect((await answerOf(await setup.server.post("/admin/v1/aliases/new/deploy", fresh))).status).toBe(400);
  });

  it("starts a shadow and ends it, and wants one or the other", async () => {
    const setup = await setUp();
    expect((await command(setup, "shadow", { version: "v3" })).body.shadow).toBe("v3");
    expect((await command(setup, "shadow", { off: true })).body).not.toHaveProperty("shadow");
    expect(await command(setup, "shadow")).toMatchObject({ status: 400, body: { error: { param: "version" } } });
  });

  it("that makes no sense is refused in OpenAI's shape, and changes nothing", async () => {
    const setup = await setUp();
    const { seq } = setup.registry.state;
    const error = (code: string) => ({ error: { type: "invalid_request_error", code, message: expect.any(String) } });
    expect(await command(setup, "pause")).toMatchObject({ status: 400, body: error("invalid_request") });
    expect(await command(setup, "deploy", { version: "v9" })).toMatchObject({ status: 404, body: error("not_found") });
    expect(await command(setup, "deploy", {})).toMatchObject({ status: 400, body: { error: { param: "version" } } });
    expect(await command(setup, "canary", { version: "v2", share: 5 })).toMatchObject({ status: 400 });
    expect(await command(setup, "canary", { version: "v2", speed: 5 })).toMatchObject({ status: 400 });
    expect(await command(setup, "fly")).toMatchObject({ status: 404, body: error("not_found") });
    const bad = await answerOf(await setup.server.post("/admin/v1/aliases/a%20b/deploy", { version: "v1" }));
    expect(bad).toMatchObject({ status: 400, body: error("invalid_request") });
    expect(setup.registry.state.seq).toBe(seq);
  });

  it("of fifty at once is one of fifty in a row", async () => {
    const setup = await setUp();
    const all = Array.from({ length: 50 }, (_, i) => command(setup, "deploy", { version: `v${(i % 3) + 1}` }));
    expect((await Promise.all(all)).map(({ status }) => status)).toEqual(Array(50).fill(200));
    const { data } = (await get(setup, "history", {})).body;
    const served = data.filter(({ kind }: any) => kind === "deployed").map(({ version }: any) => version);
    for (const [i, version] of served.slice(1).entries()) expect(version).not.toBe(served[i]);
    expect((await get(setup, "state")).body.aliases[0].version).toBe(served[0]);
  });
});

describe("what can be read", () => {
  it("is the state: versions with what is loaded, aliases, the canary with the figures of its analysis", async () => {
    const setup = await setUp();
    await command(setup, "canary", { version: "v2", steps: [0.5, 1] });
    await setup.deployments.settle();
    const prod = async () => (await get(setup, "state")).body.aliases[0];
    expect(await prod()).toMatchObject({ is_in_force: true, canary: { share: 0.5 } });
    expect((await prod()).canary).not.toHaveProperty("verdict");
    for (let user = 0; user < 12; user++) await setup.ask({}, { user: `user ${user}` });
    const { verdict } = await until(async () => {
      const { canary } = await prod();
      expect(canary.verdict?.figures.error.num_canary + canary.verdict?.figures.error.num_stable).toBe(12);
      return canary;
    });
    expect(verdict).toMatchObject({ decision: "wait", reason: expect.any(String) });
    const { num_canary, num_stable, canary, stable } = verdict.figures.error;
    expect({ answers: num_canary + num_stable, canary, stable }).toEqual({ answers: 12, canary: 0, stable: 0 });
    await command(setup, "canary", { version: "v2", share: 0.7 });
    expect((await prod()).canary, "a new step begins with no evidence").not.toHaveProperty("verdict");
    const { versions } = (await get(setup, "state")).body;
    expect(versions.map(({ version, is_loaded }: any) => [version, is_loaded])).toEqual([
      ...[["v1", true] as const, ["v2", true] as const, ["v3", false] as const],
    ]);
  });

  it("is what could not be loaded, and that the alias goes on as before", async () => {
    const setup = await setUp();
    vi.spyOn(setup.registry, "folderOf").mockRejectedValue(new Error("the disk is gone"));
    await command(setup, "deploy", { version: "v3" });
    await setup.deployments.settle();
    const { aliases, versions } = (await get(setup, "state")).body;
    expect(aliases[0]).toMatchObject({ version: "v3", is_in_force: false });
    expect(versions[2]).toMatchObject({ version: "v3", is_loaded: false, failure: "the disk is gone" });
  });

  it("is the history page by page", async () => {
    const setup = await setUp();
    const first = (await get(setup, "history?limit=3")).body;
    expect(first).toMatchObject({
      has_more: true,
      data: [{ seq: 4, kind: "deployed", alias: "prod" }, { seq: 3 }, { seq: 2 }],
    });
    expect((await get(setup, "history?before=2")).body).toMatchObject({ has_more: false, data: [{ seq: 1 }] });
    expect(await get(setup, "history?limit=0")).toMatchObject({ status: 400, body: { error: { param: "limit" } } });
  });

  it("is which version answered a request, and why", async () => {
    const setup = await setUp();
    await setup.ask({ "x-request-id": "question-1" });
    expect((await get(setup, "requests/question-1")).body).toMatchObject({
      id: expect.stringMatching(/^question-1\.[\w-]{12}$/),
      model: "prod",
      version: "v1",
    });
    expect((await get(setup, "requests/other")).status).toBe(404);
  });
});

describe("who may", () => {
  it("is who has an admin key, and not who has a key to ask; its name is in the history", async () => {
    const [admin, user] = [keyRing("alice"), keyRing("bob")];
    const setup = await setUp({ options: { adminKeys: admin.ring, keys: user.ring } });
    const as = (secret: string) => ({ authorization: `Bearer ${secret}` });
    for (const headers of [{}, as(user.secret), as("sk-ocellus-wrong")]) {
      expect(await get(setup, "state", headers)).toMatchObject({
        status: 401,
        body: { error: { type: "authentication_error", code: "unauthorized" } },
      });
      expect((await command(setup, "deploy", { version: "v2" }, headers)).status).toBe(401);
    }
    expect((await command(setup, "deploy", { version: "v2" }, as(admin.secret))).status).toBe(200);
    expect((await get(setup, "history", as(admin.secret))).body.data[0].actor).toBe("alice@admin");
    const asked = await setup.ask(as(admin.secret));
    expect(asked.status, "nor may an admin ask").toBe(401);
  });

  it("finds nothing on a server without a registry", async () => {
    const server = await startServer({});
    open.push(server);
    for (const path of ["state", "history", "requests/x"])
      expect(await get({ server }, path)).toMatchObject({ status: 404, body: { error: { code: "not_found" } } });
    expect((await server.post("/admin/v1/aliases/prod/pause", {})).status).toBe(404);
  });
});

import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { parseBackends } from "./backends-file.js";
import type { RoutedRequest } from "./engine.js";
import { type Behaviour, FakeEngines, failing, hanging, saying } from "./fake-backends.testkit.js";
import type { GatewayListener } from "./listener.js";
import { Pool } from "./pool.js";
import { Router } from "./router.js";

let engines: FakeEngines;
const heard = { retries: 0, hedges: 0, ends: [] as string[] };
const listener: GatewayListener = {
  onEnd: (_, backend, { outcome }) => heard.ends.push(`${backend} ${outcome}`),
  onRetry: () => heard.retries++,
  onHedge: () => heard.hedges++,
};
beforeEach(() => {
  engines = new FakeEngines();
  Object.assign(heard, { retries: 0, hedges: 0, ends: [] });
});

interface Setup {
  readonly backends?: number;
  readonly maxConcurrent?: number;
  readonly settings?: object;
}

async function open({ backends = 3, maxConcurrent = 4, settings = {} }: Setup = {}) {
  const list = Array.from({ length: backends }, (_, i) => ({
    name: `b${i}`,
    url: `http://b${i}:1`,
    model: "m",
    maxConcurrent,
  }));
  const {
    models,
    $schema: _,
    ...all
  } = parseBackends(JSON.stringify({ models: { m: { backends: list } }, ...settings }), "f");
  const pool = new Pool({ name: "m", settings: all, open: engines.open });
  await pool.configure(models.m!.backends, all);
  return { pool, router: new Router(pool, listener), all, configs: models.m!.backends };
}

type AnyRouter = Awaited<ReturnType<typeof open>>["router"];

const textOf = (text: string): RoutedRequest => ({ messages: [{ role: "user", content: text }] });

async function ask(router: AnyRouter, asked: string | RoutedRequest = "hello", signal?: AbortSignal): Promise<string> {
  let said = "";
  for await (const word of router.chat(typeof asked === "string" ? textOf(asked) : asked, signal)) said += word;
  return said;
}

/** The backend that the request goes to. */
async function homeOf(router: AnyRouter, asked: string | RoutedRequest): Promise<string> {
  await ask(router, asked);
  return engines.asked.pop()!;
}

describe("a pool of backends", () => {
  it("sends requests that begin alike to the same backend, and others to others", async () => {
    const { router } = await open({ backends: 8 });
    const homes = new Set<string>();
    for (let i = 0; i < 100; i++) {
      const home = await homeOf(router, `question ${i}`);
      expect(await homeOf(router, `question ${i}`)).toBe(home);
      homes.add(home);
    }
    expect(homes.size).toBe(8);
  });

  it("sends the same images to the same backend, whatever is asked of them and in whatever order they come", async () => {
    const { router } = await open({ backends: 8 });
    const image = (uuid: string) => ({ type: "image_url", uuid });
    const text = (words: string) => ({ type: "text", text: words });
    const conversation = (...content: (ReturnType<typeof image> | ReturnType<typeof text>)[]): RoutedRequest => ({
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content },
        { role: "assistant", content: "yes" },
        { role: "user", content: [image(`later ${content.length}`), text("and this one?")] },
      ],
    });
    const homes = new Set<string>();
    for (let i = 0; i < 12; i++) {
      const home = await homeOf(router, conversation(image(`a${i}`), image(`b${i}`), text("What is it?")));
      const again = conversation(text("Which colour?"), image(`b${i}`), text("or"), image(`a${i}`), image(`a${i}`));
      expect(await homeOf(router, again)).toBe(home);
      homes.add(home);
    }
    expect(homes.size).toBeGreaterThan(3);
  });

  it("asks another backend before the first token, each at most once, and says so to those who count", async () => {
    const { router } = await open();
    const home = await homeOf(router, "x");
    engines.behaviours.set(home, failing("unavailable"));
    const said = await ask(router, "x");
    expect(said).toMatch(/^b\d$/);
    expect(said).not.toBe(home);
    expect(heard).toMatchObject({ retries: 1, ends: [`${home} success`, `${home} failure`, `${said} success`] });
  });

  it("never asks another one after the first token", async () => {
    const { router } = await open();
    for (const name of ["b0", "b1", "b2"]) engines.behaviours.set(name, failing("unavailable", ["half"]));
    await expect(ask(router)).rejects.toMatchObject({ code: "unavailable" });
    expect(engines.asked).toHaveLength(1);
  });

  it.each(["invalid_request", "too_large", "unsupported"] as const)(
    "does not repeat what is %s, nor blame the backend",
    async (code) => {
      const { router } = await open();
      for (const name of ["b0", "b1", "b2"]) engines.behaviours.set(name, failing(code));
      await expect(ask(router)).rejects.toMatchObject({ code });
      expect(engines.asked).toHaveLength(1);
      expect(heard.ends[0]).toMatch(/neutral/);
    },
  );

  it("gives up after its attempts, and with the last error", async () => {
    const { router } = await open({ backends: 6, settings: { retries: { attempts: 2 } } });
    for (let i = 0; i < 6; i++) engines.behaviours.set(`b${i}`, failing("timeout"));
    await expect(ask(router)).rejects.toMatchObject({ code: "timeout" });
    expect(engines.asked).toHaveLength(2);
  });

  it("repeats no more than its share of the requests", async () => {
    const { router } = await open({ backends: 4, settings: { retries: { share: 0.1 }, circuit: { failures: 1000 } } });
    for (let i = 0; i < 4; i++) engines.behaviours.set(`b${i}`, failing("unavailable"));
    for (let i = 0; i < 200; i++) await ask(router, `${i}`).catch(() => {});
    expect(engines.asked.length).toBeLessThanOrEqual(200 + 10 + 0.1 * 200);
    expect(engines.asked.length).toBeGreaterThan(200 + 10);
  });

  it("leaves a full backend alone for as long as it says, and tells the client when all are full", async () => {
    const { router, pool } = await open({ backends: 2 });
    for (const name of ["b0", "b1"]) engines.behaviours.set(name, failing("overloaded", [], { retryAfterMs: 20_000 }));
    await expect(ask(router)).rejects.toMatchObject({ code: "overloaded" });
    expect(pool.states.map(({ state }) => state)).toEqual(["busy", "busy"]);
    const asked = engines.asked.length;
    await expect(ask(router)).rejects.toMatchObject({ code: "overloaded", details: { states: ["busy", "busy"] } });
    expect(engines.asked).toHaveLength(asked);
  });

  it("says at once that none can be reached, and when to ask again", async () => {
    const { router, pool } = await open();
    for (const name of ["b0", "b1", "b2"]) engines.down.add(name);
    for (let i = 0; i < 2; i++) await pool.probe();
    const details = { retryAfterMs: expect.any(Number), states: ["down", "down", "down"] };
    await expect(ask(router)).rejects.toMatchObject({ code: "unavailable", details });
    engines.down.clear();
    for (let i = 0; i < 2; i++) await pool.probe();
    await ask(router);
  });

  it("opens a backend later that was not there at the start", async () => {
    engines.down.add("b1");
    const { pool } = await open({ backends: 2 });
    expect(pool.states.map(({ state }) => state)).toEqual(["up", "down"]);
    engines.down.clear();
    for (let i = 0; i < 2; i++) await pool.probe();
    expect(pool.states.map(({ state }) => state)).toEqual(["up", "up"]);
    expect(engines.opened).toEqual(["b0", "b1"]);
  });
});

describe("when all backends are full", () => {
  it("requests wait their turn, so many and no more", async () => {
    const { router } = await open({ backends: 1, maxConcurrent: 1, settings: { queue: { maxWaiting: 2 } } });
    const { behaviour, go } = hanging();
    engines.behaviours.set("b0", behaviour);
    const all = ["a", "b", "c", "d"].map((text) => ask(router, text).catch((error) => error.code));
    expect(await all[3]).toBe("overloaded");
    expect(engines.numRunning).toBe(1);
    go();
    expect(await Promise.all(all)).toEqual(["late", "late", "late", "overloaded"]);
  });

  it("a client that leaves gives its turn to the next, and a request that waits too long is refused", async () => {
    const { router, pool } = await open({ backends: 1, maxConcurrent: 1, settings: { queue: { maxWaitMs: 50 } } });
    const { behaviour, go } = hanging();
    engines.behaviours.set("b0", behaviour);
    const leaving = new AbortController();
    const first = ask(router, "a");
    const left = ask(router, "b", leaving.signal).catch((error) => error.code);
    const late = ask(router, "c").catch((error) => error.code);
    while (pool.numWaiting < 2) await new Promise((turn) => setTimeout(turn, 1));
    leaving.abort();
    expect([await left, await late]).toEqual(["aborted", "overloaded"]);
    go();
    expect(await first).toBe("late");
  });
});

describe("a client that leaves", () => {
  it("ends the request at the engine, whenever it leaves", async () => {
    const { router, pool } = await open({ backends: 1 });
    engines.behaviours.set("b0", saying("one", "two", "three"));
    for await (const _ of router.chat(textOf("x"))) break;
    engines.behaviours.set("b0", hanging().behaviour);
    const leaving = new AbortController();
    const hung = ask(router, "y", leaving.signal);
    while (engines.numRunning === 0) await new Promise((turn) => setTimeout(turn, 1));
    leaving.abort();
    await expect(hung).rejects.toMatchObject({ code: "aborted" });
    expect([engines.numRunning, pool.backends[0]!.load]).toEqual([0, 0]);
    expect(heard.ends).toEqual(["b0 neutral", "b0 neutral"]);
  });
});

describe("hedging", () => {
  it("asks a second backend where the first is late, and ends the slower one", async () => {
    const { router } = await open({ settings: { hedgeAfterMs: 5 } });
    const home = await homeOf(router, "x");
    engines.behaviours.set(home, hanging().behaviour);
    expect(await ask(router, "x")).not.toBe(home);
    expect([heard.hedges, engines.running.get(home)]).toEqual([1, 0]);
  });

  it("is off unless it is asked for", async () => {
    const { router } = await open();
    const home = await homeOf(router, "x");
    const { behaviour, go } = hanging();
    engines.behaviours.set(home, behaviour);
    const asked = ask(router, "x");
    await new Promise((turn) => setTimeout(turn, 20));
    go();
    expect([await asked, engines.asked.length, heard.hedges]).toEqual(["late", 1, 0]);
  });

  it("asks a third one when both fail", async () => {
    const { router } = await open({ settings: { hedgeAfterMs: 1 } });
    const slowly: Behaviour = async function* () {
      await new Promise((turn) => setTimeout(turn, 10));
      yield* failing("unavailable")(new AbortController().signal);
    };
    const home = await homeOf(router, "x");
    for (const name of ["b0", "b1", "b2"]) engines.behaviours.set(name, slowly);
    await expect(ask(router, "x")).rejects.toMatchObject({ code: "unavailable" });
    expect([engines.asked[0], new Set(engines.asked).size]).toEqual([home, 3]);
  });
});

describe("a change of the backends", () => {
  it("keeps those that are the same, and lets one that is gone finish its answers", async () => {
    const { router, pool, all, configs } = await open();
    const home = await homeOf(router, "x");
    const { behaviour, go } = hanging();
    engines.behaviours.set(home, behaviour);
    const running = ask(router, "x");
    while (engines.numRunning === 0) await new Promise((turn) => setTimeout(turn, 1));
    await pool.configure(
      configs.filter(({ name }) => name !== home),
      all,
    );
    expect(pool.states.find(({ name }) => name === home)).toMatchObject({ state: "leaving", running: 1 });
    expect(await ask(router, "x")).not.toBe(home);
    go();
    expect(await running).toBe("late");
    await new Promise((turn) => setTimeout(turn));
    expect([engines.closed, pool.states.length]).toEqual([[home], 2]);
    expect(engines.opened).toHaveLength(3);
  });

  it("ends what a backend that is gone still answers when its time is over", async () => {
    const { router, pool, all } = await open({ backends: 1, settings: { drainMs: 10 } });
    engines.behaviours.set("b0", hanging().behaviour);
    void ask(router, "x").catch(() => {});
    while (engines.numRunning === 0) await new Promise((turn) => setTimeout(turn, 1));
    await pool.configure([], all);
    while (engines.closed.length === 0) await new Promise((turn) => setTimeout(turn, 1));
  });
});

it("gives every place back, whatever engines and clients do", async () => {
  const behaviours: Behaviour[] = [
    ...[
      saying("a"),
      saying("a", "b", "c"),
      failing("unavailable"),
      failing("unavailable", ["a"]),
      failing("invalid_request"),
    ],
    ...[failing("overloaded", [], { retryAfterMs: 1 }), failing("internal"), async function* () {}],
  ];
  const request = fc.record({ text: fc.nat(5), leaves: fc.option(fc.nat(3)), aborts: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(behaviours.length - 1), { minLength: 3, maxLength: 3 }),
      fc.array(request, { maxLength: 25 }),
      async (ofEach, requests) => {
        engines = new FakeEngines();
        const { router, pool } = await open({
          maxConcurrent: 2,
          settings: { hedgeAfterMs: 1, queue: { maxWaitMs: 20 } },
        });
        for (const [i, behaviour] of ofEach.entries()) engines.behaviours.set(`b${i}`, behaviours[behaviour]!);
        const all = requests.map(async ({ text, leaves, aborts }) => {
          const controller = new AbortController();
          const { signal } = controller;
          let numEvents = 0;
          for await (const _ of router.chat(textOf(`${text}`), signal))
            if (leaves !== null && numEvents++ >= leaves) {
              if (aborts) controller.abort();
              break;
            }
        });
        await Promise.allSettled(all);
        await new Promise((turn) => setTimeout(turn));
        expect([engines.numRunning, pool.numWaiting, ...pool.backends.map(({ load }) => load)]).toEqual([
          0, 0, 0, 0, 0,
        ]);
      },
    ),
    { numRuns: 30 },
  );
});

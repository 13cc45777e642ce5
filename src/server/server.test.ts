/** A server of models that somebody else provides: what is lent comes back, and nothing is reached past the guardrails. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { until } from "../core/base/until.testkit.js";
import type { ChatEvent, LanguageModel, Prepared } from "../core/runtime/index.js";
import { GuardedModel } from "../guardrails/index.js";
import { createKey, KeyRing } from "./keys.js";
import { ModelPool } from "./model-pool.js";
import type { Caller, ModelProvider } from "./model-provider.js";
import { type CreateServerOptions, createServer } from "./server.js";

const end: ChatEvent = {
  type: "end",
  finishReason: "stop",
  usage: { promptTokens: 1, cachedTokens: 0, completionTokens: 1 },
  timings: { visionMs: 0, imagesCached: 0, firstTokenMs: 1, totalMs: 1, tokensPerSecond: 1 },
  images: [],
};

interface Saying {
  /** Before the answer. */
  readonly pause?: (signal: AbortSignal) => Promise<void>;
  readonly fails?: boolean;
}

/** Answers everything with one text. */
function saying(text: string, { pause = async () => {}, fails = false }: Saying = {}): LanguageModel {
  const prepare = async (_: unknown, options = {}): Promise<Prepared> => {
    if (fails) throw new Error("broken weights");
    return { promptTokens: 1, images: [], options, started: 0, visionMs: 0 };
  };
  return {
    info: { digest: text, path: ".", modelType: "t", weights: "fp32", device: "cpu", maxLength: 9, maxSequences: 2 },
    stats: { waiting: 0, running: 0 },
    tokenizer: {},
    pixelBytes: async () => 0,
    prepare,
    prepareText: prepare,
    async *generate({ options }: Prepared) {
      await pause(options.signal!);
      yield { type: "text", text, tokens: [] };
      yield end;
    },
    close: async () => {},
  } as unknown as LanguageModel;
}

/** Lends one model, and counts. */
function lender(model: LanguageModel, before: (caller: Caller) => Promise<void> = async () => {}) {
  const counts = { lent: 0, returned: 0 };
  const provider: ModelProvider = {
    async resolve(name, caller) {
      if (name !== "m") return undefined;
      await before(caller);
      counts.lent++;
      return { id: "m", model, release: () => void counts.returned++ };
    },
    list: () => [{ id: "m", model }],
  };
  return { counts, provider };
}

const generation = { messages: [{ role: "user", content: "?" }] };

function open(models: ModelProvider, options: Partial<CreateServerOptions> = {}) {
  const server = createServer({ models, ...options });
  const ask = async (body: object = {}, headers: Record<string, string> = {}, signal?: AbortSignal) => {
    const sent = {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      ...(signal && { signal }),
    };
    const response = await server.fetch("/v1/chat/completions", {
      ...sent,
      body: JSON.stringify({ ...generation, ...body }),
    });
    const text = await response.text();
    const { model, choices, error } = text.startsWith("{") ? JSON.parse(text) : {}; // a stream is only read to its end
    return { status: response.status, model, said: choices?.[0].message.content, code: error?.code };
  };
  return { server, ask };
}

type Ask = ReturnType<typeof open>["ask"];

describe("a provider's model", () => {
  it("is given back once, however its request ends", async () => {
    const pause = (signal: AbortSignal) =>
      new Promise<void>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    const ways: Record<string, (ask: Ask) => Promise<unknown>> = {
      answered: (ask) => ask(),
      streamed: (ask) => ask({ stream: true }),
      refused: (ask) => ask({ tools: [], tool_choice: "required" }),
      left: async (ask) => {
        const leaving = new AbortController();
        const answer = ask({}, {}, leaving.signal).catch(() => {});
        setTimeout(() => leaving.abort(), 20);
        await answer;
      },
    };
    for (const [how, way] of Object.entries(ways)) {
      const { counts, provider } = lender(saying("hello", how === "left" ? { pause } : {}));
      await way(open(provider).ask);
      await until(() => expect(counts, how).toEqual({ lent: 1, returned: 1 }));
    }
    const { counts, provider } = lender(saying("hello", { fails: true }));
    expect((await open(provider).ask()).status).toBe(500);
    expect(counts).toEqual({ lent: 1, returned: 1 });
  });

  it("is given back at once where it comes when its request has ended", async () => {
    let go = () => {};
    const late = new Promise<void>((resolve) => {
      go = resolve;
    });
    const { counts, provider } = lender(saying("hello"), () => late);
    const { ask } = open(provider, { config: { deadlineMs: 10 } });
    expect((await ask()).status).toBe(504); // the provider hears no signal
    expect(counts.lent).toBe(0);
    go();
    await until(() => expect(counts).toEqual({ lent: 1, returned: 1 }));
  });

  it("is given back where another one's provider fails to take its own", async () => {
    const { counts, provider } = lender(saying("hello"));
    const failing: ModelProvider = {
      list: () => provider.list(),
      async resolve(name, caller) {
        const lease = await provider.resolve(name, caller);
        const release = () => {
          lease!.release();
          throw new Error("broken provider");
        };
        return lease && { ...lease, release };
      },
    };
    expect((await open(failing).ask()).status).toBe(200);
    expect(counts).toEqual({ lent: 1, returned: 1 });
  });

  it("is lent for whatever is asked of it", async () => {
    const { counts, provider } = lender(saying("hello"));
    const { server, ask } = open(provider);
    expect(await ask({ model: "m" })).toMatchObject({ status: 200, model: "m", said: "hello" });
    const completion = { model: "m", prompt: "a" };
    const headers = { "content-type": "application/json" };
    await server.fetch("/v1/completions", { method: "POST", headers, body: JSON.stringify(completion) });
    expect((await server.fetch("/v1/ocellus/models/m/description")).status).toBe(503); // its folder is none
    expect(counts).toEqual({ lent: 3, returned: 3 });
    expect(await ask({ model: "n" })).toMatchObject({ status: 404, code: "not_found" });
    expect(((await (await server.fetch("/v1/models")).json()) as { data: unknown[] }).data).toMatchObject([
      { id: "m" },
    ]);
  });

  it("is behind the guardrails and one queue, whichever request it is lent to", async () => {
    const { provider } = lender(saying("hello"));
    const { models } = open(provider).server.services;
    const [first] = models.all();
    expect(first!.model).toBeInstanceOf(GuardedModel);
    expect(models.all()).toEqual([first]);
    expect(models.serve({ id: "other", model: provider.list()[0]!.model }).gate).toBe(first!.gate);
  });
});

describe("what follows requests", () => {
  it("hears each question, event and end once, and fails no request", async () => {
    const { provider, counts } = lender(saying("hello"));
    const { server, ask } = open(provider);
    const broken = () => {
      throw new Error("broken listener");
    };
    const heard: unknown[] = [];
    server.services.listeners.add({ generation: broken, event: broken, end: broken });
    server.services.listeners.add({
      generation: (_, { options }) => {
        heard.push("question");
        return { ...options, maxTokens: 3 };
      },
      event: (_, { options }, { index, event }) => heard.push([options.maxTokens, index, event.type]),
      end: ({ stats }, { status, method, route }) => {
        expect(counts.returned).toBe(counts.lent); // given back before anybody is told
        heard.push([status, method, route, stats.finishReason]);
      },
    });
    server.services.listeners.add({ generation: (_, { options }) => void heard.push(options.maxTokens) });
    const ended = ["/v1/chat/completions", "stop"];
    await ask();
    const events = (index: number) => [undefined, index, "text"];
    expect(heard.splice(0)).toEqual(["question", 3, events(0), [undefined, 0, "end"], [200, "POST", ...ended]]);
    await ask({ stream: true });
    expect(heard.splice(0).at(-1)).toEqual([200, "POST", ...ended]);
    await ask({ model: "n" });
    expect(heard.splice(0)).toEqual([[404, "POST", "/v1/chat/completions", undefined]]);
    await server.fetch("/health/live");
    expect(heard).toEqual([[200, "GET", "/health/live", undefined]]);
  });
});

it("is behind the server's middleware", async () => {
  const louder = {
    async *generate(next: (prepared: Prepared) => AsyncGenerator<ChatEvent>, prepared: Prepared) {
      for await (const event of next(prepared))
        yield event.type === "text" ? { ...event, text: `${event.text}!` } : event;
    },
  };
  const { ask } = open(new ModelPool({ m: saying("hello") }), { middleware: [louder] });
  expect((await ask()).said).toBe("hello!");
});

it("asks its pool first, then the providers behind it, and the first that answers where no name is given", async () => {
  const pool = new ModelPool({ a: saying("a") });
  pool.use(lender(saying("m")).provider);
  const { ask } = open(pool);
  expect([await ask(), await ask({ model: "a" }), await ask({ model: "m" })].map(({ said }) => said)).toEqual([
    "a",
    "a",
    "m",
  ]);
  expect(await open(new ModelPool()).ask()).toMatchObject({ status: 404, code: "not_found" });
});

it("refuses a setting that it does not have", () => {
  const wrong = { maxQeue: 1 } as object;
  expect(() => createServer({ models: new ModelPool(), config: wrong })).toThrow(
    expect.objectContaining({ code: "invalid_request", details: { param: "config.maxQeue" } }),
  );
});

it("serves the provider that docs/middleware.md shows", async () => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/middleware.md"), "utf8");
  const [, code] = /```ts\n[^`]*?(let numBeta.*?\n};)\n/s.exec(page) ?? [];
  const example = code!.replace(": ModelProvider", "");
  const returned = "return { shop, numBeta: () => numBeta };";
  const { shop, numBeta } = new Function("stable", "beta", `${example}\n${returned}`)(saying("v1"), saying("v2"));
  const [ann, bob] = [createKey("beta-ann"), createKey("bob")];
  const { server, ask } = open(shop, { keys: KeyRing.of([ann.key, bob.key]) });
  const headers = ({ secret }: { secret: string }) => ({ authorization: `Bearer ${secret}` });
  expect(await ask({ model: "shop" }, headers(ann))).toMatchObject({ model: "shop-beta", said: "v2" });
  expect(await ask({ model: "shop" }, headers(bob))).toMatchObject({ model: "shop", said: "v1" });
  expect(numBeta()).toBe(0);
  await server.close();
});

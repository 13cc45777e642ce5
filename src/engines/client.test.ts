import { describe, expect, it, onTestFinished } from "vitest";
import type { OcellusError } from "../core/base/index.js";
import { until } from "../core/base/until.testkit.js";
import type { EngineEvent } from "./chunk.js";
import { EngineClient, type EngineClientOptions } from "./client.js";
import { isBeforeFirstToken } from "./failure.js";
import { type EngineKind, engineKinds } from "./kinds.js";
import { bodyOf, type EngineRequest } from "./request.js";
import { startRaw, startStandIn } from "./stand-in.testkit.js";

const hello: EngineRequest = { messages: [{ role: "user", content: "hello" }] };

function clientOf(url: string, options: Partial<EngineClientOptions> = {}): EngineClient {
  const client = new EngineClient({ url, kind: "vllm", model: "stand-in", name: "gpu", ...options });
  onTestFinished(() => client.close());
  return client;
}

async function all(events: AsyncIterable<EngineEvent>): Promise<EngineEvent[]> {
  const found: EngineEvent[] = [];
  for await (const event of events) found.push(event);
  return found;
}

function textOf(events: readonly EngineEvent[], type: "text" | "reasoning" = "text"): string {
  return events.map((event) => (event.type === type ? event.text : "")).join("");
}

async function failure(promise: Promise<unknown>) {
  const error = (await promise.then(
    () => expect.fail("expected a failure"),
    (thrown) => thrown,
  )) as OcellusError;
  const { stage, fault } = error.details;
  return { code: error.code, stage, fault, error };
}

const headers = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";
const chunk = (delta: object, more = {}) =>
  `data: ${JSON.stringify({ id: "a", choices: [{ index: 0, delta, ...more }] })}\n\n`;
const token = chunk({ content: "word" });
const finish = chunk({}, { finish_reason: "stop" });

describe("an engine's answer", () => {
  it("comes as text, thoughts, calls with their pieces, probabilities, usage and its end, of every kind", async () => {
    for (const kind of engineKinds) {
      const engine = await startStandIn({
        kind,
        answer: () => ({
          reasoning: "let me see",
          text: "a red dress",
          toolCalls: [{ name: "find", arguments: '{"colour": "red"}' }],
        }),
      });
      const client = clientOf(engine.url, { kind });
      const events = await all(client.chat({ ...hello, sampling: { logprobs: true, top_logprobs: 2 } }));
      expect(textOf(events), kind).toBe("a red dress");
      expect(textOf(events, "reasoning")).toBe("let me see");
      const calls = events.filter((event) => event.type === "toolCall");
      expect(calls[0]).toEqual({ type: "toolCall", index: 0, id: "call_0", name: "find", arguments: "" });
      expect(calls.map((call) => call.arguments).join("")).toBe('{"colour": "red"}');
      const [first] = events.flatMap((event) => (event.type === "text" ? [event] : []));
      expect(first?.tokens).toMatchObject([
        { text: "a", bytes: [97], logprob: -0.1, topLogprobs: [{ text: "a" }, {}] },
      ]);
      const usage = { promptTokens: 40, completionTokens: 3, cachedTokens: 16 };
      expect(events.at(-1)).toEqual({ type: "end", finishReason: "stop", usage });
    }
  });

  it("uses one connection again and again, and a new one where the engine has closed it", async () => {
    const engine = await startStandIn();
    const ports = new Set<number>();
    engine.options.fault = (request) => {
      ports.add(request.socket.remotePort!);
      return false;
    };
    const client = clientOf(engine.url);
    for (let i = 0; i < 3; i++) {
      await all(client.chat(hello));
      await until(() => expect(client.numOpen).toBe(0));
    }
    expect(ports.size).toBe(1);
    let isStale = true;
    engine.options.fault = (request) => {
      if (isStale) request.socket.destroy();
      const was = isStale;
      isStale = false;
      return was;
    };
    expect(textOf(await all(client.chat(hello)))).toBe("I see 0 images.");
  });

  it("ends in the engine when its reader leaves, or its signal fires", async () => {
    const engine = await startStandIn({ tokenMs: 5, answer: () => ({ text: "word ".repeat(1000) }) });
    const client = clientOf(engine.url);
    for await (const event of client.chat(hello)) if (event.type === "text") break;
    const controller = new AbortController();
    const events = client.chat(hello, controller.signal);
    await events.next();
    controller.abort();
    expect(await failure(all(events))).toMatchObject({ code: "aborted" });
    await until(() => expect(engine.seen.map(({ wasLeft }) => wasLeft)).toEqual([true, true]));
    expect(client.numOpen).toBe(0);
  });

  it("has the engine's own words where the request is at fault, and none of them elsewhere", async () => {
    const answers: [number, unknown, string, object][] = [
      [
        400,
        { error: { message: "bad tool", type: "BadRequestError", param: "tools", code: 400 } },
        "invalid_request",
        { param: "tools" },
      ],
      [422, { detail: "Unexpected fields" }, "invalid_request", { said: "Unexpected fields" }],
      [
        400,
        {
          object: "error",
          message: "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
        },
        "too_large",
        { promptTokens: 5000 },
      ],
      [
        400,
        {
          error: {
            message: "request (2100 tokens) exceeds the available context size (2048 tokens)",
            n_prompt_tokens: 2100,
          },
        },
        "too_large",
        { promptTokens: 2100 },
      ],
      [
        400,
        { error: { message: "The decoder prompt (length 2049) is longer than the maximum model length of 2048." } },
        "too_large",
        { promptTokens: 2049 },
      ],
      [
        400,
        { error: { message: "This model's maximum context length is 8 tokens. It contains at least 9 input tokens" } },
        "too_large",
        { promptTokens: 9 },
      ],
      [401, { error: "no key" }, "unavailable", {}],
      [404, { error: { message: "The model `x` does not exist." } }, "unavailable", {}],
      [429, {}, "overloaded", { retryAfter: "7" }],
      [500, { error: { message: "a secret of someone else" } }, "unavailable", {}],
      [503, { error: { code: 503, message: "Loading model" } }, "unavailable", {}],
    ];
    const engine = await startStandIn();
    const client = clientOf(engine.url);
    for (const [status, body, code, details] of answers) {
      engine.options.fault = (_, response) => {
        response
          .writeHead(status, { "content-type": "application/json", "retry-after": "7" })
          .end(JSON.stringify(body));
        return true;
      };
      const found = await failure(all(client.chat(hello)));
      expect(found, `${status}`).toMatchObject({ code, stage: "headers", fault: "status" });
      expect(found.error.details).toMatchObject({ engine: "gpu", status, ...details });
      expect(isBeforeFirstToken(found.error)).toBe(true);
      expect(found.error.message.includes("secret")).toBe(false);
    }
  });
});

/** What an engine does on its socket, and what becomes of it. */
const faults: readonly [what: string, bytes: readonly string[], expected: object, isOpen?: true][] = [
  ["half an event", [`${headers}\r\n${token}data: {"id"`], { stage: "betweenTokens", fault: "malformed" }],
  ["no end", [`${headers}\r\n${token}`], { stage: "betweenTokens", fault: "cut" }],
  ["an end without a reason", [`${headers}\r\n${token}data: [DONE]\n\n`], { fault: "cut" }],
  ["too great a length", [`${headers}content-length: 100000\r\n\r\n${token}${finish}`], { fault: "cut" }],
  ["too small a length", [`${headers}content-length: 20\r\n\r\n${token}${finish}`], { fault: "malformed" }],
  ["a chunk of a wrong size", [`${headers}transfer-encoding: chunked\r\n\r\n5\r\n${token}`], { fault: "cut" }],
  ["no HTTP", ["SSH-2.0-OpenSSH_9.6\r\n"], { stage: "headers", fault: "malformed" }],
  ["nothing", [""], { stage: "headers", fault: "cut" }],
  [
    "an error with status 200",
    ['HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{"error":{"message":"x"}}'],
    { stage: "headers", fault: "engine" },
  ],
  [
    "an answer that is no stream",
    ['HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{"choices":[]}'],
    { fault: "malformed" },
  ],
  ["an error in the stream", [`${headers}\r\n${token}data: {"error": {"message": "CUDA"}}\n\n`], { fault: "engine" }],
  ["an error as a string", [`${headers}\r\ndata: {"error": "broken"}\n\n`], { stage: "firstToken", fault: "engine" }],
  ["an answer broken off", [`${headers}\r\n${token}${chunk({}, { finish_reason: "abort" })}`], { fault: "engine" }],
  ["something else than JSON", [`${headers}\r\ndata: <html>\n\n`], { stage: "firstToken", fault: "malformed" }],
  ["another client's chunk", [`${headers}\r\n${token}${token.replace('"a"', '"b"')}${finish}`], { fault: "malformed" }],
  ["numbers for words", [`${headers}\r\n${chunk({ content: 7 })}`], { fault: "malformed" }],
  [
    "a redirect",
    ["HTTP/1.1 307 Temporary\r\nlocation: http://127.0.0.1:1/\r\n\r\n"],
    { stage: "headers", fault: "malformed" },
  ],
  ["no status in time", [], { code: "timeout", stage: "headers", fault: "timeout" }, true],
  [
    "no token in time",
    [`${headers}\r\n${chunk({ role: "assistant", content: "" })}: ping\n\n`],
    { code: "timeout", stage: "firstToken", fault: "timeout" },
    true,
  ],
  [
    "no further token in time",
    [`${headers}\r\n${token}`],
    { code: "timeout", stage: "betweenTokens", fault: "timeout" },
    true,
  ],
];

describe("an engine that does", () => {
  it.each(faults)("send %s is an error that says so", async (_, bytes, expected, isOpen) => {
    const url = await startRaw((socket) => {
      for (const each of bytes) socket.write(each);
      if (!isOpen) socket.end();
    });
    const limits = { headersMs: 80, firstTokenMs: 80, betweenTokensMs: 80 };
    const patient = isOpen ? { limits } : {};
    expect(await failure(all(clientOf(url, patient).chat(hello)))).toMatchObject({ code: "unavailable", ...expected });
  });

  it("write without end is cut off, in an event as in all", async () => {
    const sent = { bytes: 0 };
    const flood = (piece: string) =>
      startRaw((socket) => {
        socket.write(`${headers}\r\n`);
        const more = () => {
          while (!socket.destroyed && socket.write(piece)) sent.bytes += piece.length;
        };
        socket.on("drain", more);
        more();
      });
    const oneEvent = clientOf(await flood("x".repeat(65_536)));
    expect(await failure(all(oneEvent.chat(hello)))).toMatchObject({ fault: "endless" });
    const manyEvents = clientOf(await flood(chunk({ content: "x".repeat(60_000) })));
    expect(await failure(all(manyEvents.chat(hello)))).toMatchObject({ fault: "endless", stage: "betweenTokens" });
    expect(sent.bytes).toBeLessThan(2 ** 27);
  });

  it("not exist, or not let anyone in, is not there", async () => {
    expect(await failure(all(clientOf("http://127.0.0.1:1").chat(hello)))).toMatchObject({
      stage: "connect",
      fault: "refused",
    });
    expect(await failure(all(clientOf("http://127.0.0.1:1").chat(hello, AbortSignal.abort())))).toMatchObject({
      code: "aborted",
    });
    const engine = await startStandIn({ tokenMs: 500, answer: () => ({ text: "a b c" }) });
    const crowded = clientOf(engine.url, { maxConnections: 1, limits: { connectMs: 60 } });
    const first = crowded.chat(hello);
    void first.next();
    expect(await failure(all(crowded.chat(hello)))).toMatchObject({ code: "timeout", stage: "connect" });
    await first.return(undefined);
  });

  it("wait for a slow reader is not at fault for the time", async () => {
    const engine = await startStandIn({ answer: () => ({ text: "a b c d" }) });
    const client = clientOf(engine.url, { limits: { betweenTokensMs: 60 } });
    let numRead = 0;
    for await (const _ of client.chat(hello))
      if (numRead++ === 0) await new Promise((resolve) => setTimeout(resolve, 150));
    expect(numRead).toBe(5);
  });
});

describe("a client", () => {
  it("reads models, versions, health and load of each kind", async () => {
    const load = { running: 2, waiting: 1 };
    const model = "stand-in";
    const served = { model, root: "/models/stand-in", max_model_len: 4096, version: "0.32.0" };
    const weights = { n_ctx: 4096, n_ctx_train: 4096, n_params: 1_000_000, size: 2_000_000 };
    const expected: Record<EngineKind, [facts: object, load: object | undefined]> = {
      openai: [{ model }, undefined],
      vllm: [served, { ...load, cacheUsage: 0.25 }],
      sglang: [served, { ...load, cacheUsage: 0.25 }],
      "llama-server": [{ model, ...weights, build_info: "0.32.0", total_slots: 4 }, load],
      ocellus: [{ model, version: "0.32.0", weights: "int4", max_length: 4096 }, undefined],
    };
    for (const kind of engineKinds) {
      const client = clientOf((await startStandIn({ kind })).url, { kind });
      await client.checkHealth();
      expect((await client.models()).map(({ id }) => id)).toEqual(["stand-in"]);
      expect([await client.reported(), await client.load()], kind).toEqual(expected[kind]);
      const other = clientOf(client.url, { kind, model: "stand-out" });
      expect(await failure(other.reported())).toMatchObject({ code: "not_found" });
    }
  });

  it("sends its key, and has it in no error", async () => {
    process.env.TEST_ENGINE_KEY = "sk-very-secret";
    onTestFinished(() => void delete process.env.TEST_ENGINE_KEY);
    const engine = await startStandIn();
    const client = clientOf(`${engine.url}/v1/`, { apiKeyEnv: "TEST_ENGINE_KEY" });
    await all(client.chat({ ...hello, requestId: "req-1" }));
    expect(engine.seen[0]).toMatchObject({
      path: "/v1/chat/completions",
      headers: { authorization: "Bearer sk-very-secret", "x-request-id": "req-1" },
    });
    await engine.close();
    const { error } = await failure(all(client.chat(hello)));
    expect(JSON.stringify([error.message, error.details, String(error.cause)])).not.toContain("secret");
    expect(await failure((async () => clientOf(engine.url, { apiKeyEnv: "NOT_SET" }))())).toMatchObject({
      code: "invalid_config",
    });
  });

  it("is not made of an address or a kind that is none", () => {
    for (const url of ["gpu:8000", "ftp://gpu", "http://user:pw@gpu", "http://gpu?x=1", ""])
      expect(() => new EngineClient({ url, kind: "vllm", model: "m" })).toThrow(
        expect.objectContaining({ code: "invalid_config" }),
      );
    expect(() => new EngineClient({ url: "http://gpu", kind: "tgi" as EngineKind, model: "m" })).toThrow(
      expect.objectContaining({ code: "invalid_config" }),
    );
  });

  it("refuses what a kind would ignore, and spells the rest as it does", () => {
    const request: EngineRequest = { ...hello, sampling: { top_k: 5, repetition_penalty: 1.1, seed: 2n ** 40n + 7n } };
    expect(JSON.parse(bodyOf("llama-server", "m", request))).toMatchObject({ top_k: 5, repeat_penalty: 1.1, seed: 7 });
    expect(JSON.parse(bodyOf("vllm", "m", request))).toMatchObject({ repetition_penalty: 1.1, seed: 2 ** 40 + 7 });
    expect(() => bodyOf("openai", "m", request)).toThrow(
      expect.objectContaining({ code: "unsupported", details: { param: "top_k", kind: "openai" } }),
    );
  });
});

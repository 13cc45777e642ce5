import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ChatEvent, Prepared } from "./chat.js";
import { type LanguageModel, type Middleware, withMiddleware } from "./language-model.js";

const end = { type: "end", finishReason: "stop" } as ChatEvent;
const prepared = { promptIds: Int32Array.of(1), images: [], options: {}, started: 0, visionMs: 0 };

/** Says what it was asked, and keeps all of it. */
function parrot(): LanguageModel & { readonly asked: unknown[] } {
  const asked: unknown[] = [];
  return {
    ...({ info: { digest: "d" }, stats: {}, tokenizer: {} } as Pick<LanguageModel, "info" | "stats" | "tokenizer">),
    asked,
    pixelBytes: async () => 0,
    prepare: async (messages, options = {}) => {
      asked.push(messages);
      return { ...prepared, options };
    },
    prepareText: async (prompt, options = {}) => {
      asked.push(prompt);
      return { ...prepared, options };
    },
    async *generate({ options }: Prepared) {
      yield { type: "text", text: `seed ${options.sampling?.seed}`, tokens: [] };
      yield end;
    },
    close: async () => {},
  };
}

/** Writes down that a call passes by it, on the way in. */
function tracing(name: string, log: string[]): Middleware {
  return {
    prepare(next, messages, options) {
      log.push(`${name} prepare`);
      return next(messages, options);
    },
    async *generate(next, request) {
      log.push(`${name} generate`);
      yield* next(request);
    },
  };
}

describe("a model behind middlewares", () => {
  const messages = [{ role: "user", content: "hello" }] as const;

  it("is asked through all of them, the first outermost", async () => {
    const log: string[] = [];
    const model = withMiddleware(parrot(), tracing("a", log), tracing("b", log));
    const { text } = await model.answer(messages, { sampling: { seed: 7 } });
    expect(text).toBe("seed 7");
    expect(log).toEqual(["a prepare", "b prepare", "a generate", "b generate"]);
  });

  it("is not asked what a middleware answers or refuses itself", async () => {
    const inner = parrot();
    const failure = new Error("no");
    const refusing: Middleware = { prepare: () => Promise.reject(failure) };
    await expect(withMiddleware(inner, refusing).answer(messages)).rejects.toBe(failure);
    expect(inner.asked).toEqual([]);
  });

  it("does what the model does and no more, each call through its middleware", async () => {
    expect(withMiddleware(parrot()).embedImage).toBeUndefined();
    const seeing = { ...parrot(), embedImage: async () => Float32Array.of(1) };
    const doubling: Middleware = {
      embedImage: async (next, image, options) => (await next(image, options)).map((x) => 2 * x),
    };
    expect(await withMiddleware(seeing, doubling, doubling).embedImage!("a.png")).toEqual(Float32Array.of(4));
  });

  it("gives other choices of one request without asking for the prompt again", async () => {
    const inner = parrot();
    const model = withMiddleware(inner, tracing("a", []));
    const first = await model.prepare(messages, { sampling: { seed: 1 } });
    const second = { ...first, options: { ...first.options, sampling: { seed: 2 } } };
    const texts: string[] = [];
    for (const request of [first, second])
      for await (const event of model.generate(request)) if (event.type === "text") texts.push(event.text);
    expect(texts).toEqual(["seed 1", "seed 2"]);
    expect(inner.asked).toHaveLength(1);
  });

  it("works as docs/middleware.md shows", async () => {
    const page = readFileSync(join(import.meta.dirname, "../../../docs/middleware.md"), "utf8");
    const [, code] = /```ts\n.*?(const house.*?\n};)\n/s.exec(page) ?? [];
    const example = code!.replace(": Middleware", "");
    const house = new Function(`${example}\nreturn house;`)() as Middleware;
    const inner = parrot();
    const { text } = await withMiddleware(inner, house).answer(messages);
    expect(inner.asked).toEqual([[{ role: "system", content: "Answer in one sentence." }, ...messages]]);
    expect(text).toBe("SEED UNDEFINED");
  });
});

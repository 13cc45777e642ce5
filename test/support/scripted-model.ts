/** A chat model whose answers come when the test says so: for what a server does around a model. */
import type { ChatEvent, ChatOptions, LanguageModel, Prepared } from "../../src/core/runtime/index.js";
import { OcellusError } from "../../src/core/runtime/index.js";

export interface ScriptedModel extends LanguageModel {
  /** Answers that wait for `say`, oldest first; each is the text of its last message. */
  readonly running: string[];
  /** Lets the oldest running answer continue, when there is one: one piece, or its end. */
  say(text?: string): Promise<void>;
  /** As many pieces as are asked for, without waiting. */
  floods: number;
}

interface Turn {
  readonly name: string;
  readonly tell: (text: string | undefined) => void;
}

export function scriptedModel(maxSequences = 2): ScriptedModel {
  const turns: Turn[] = [];
  const running: string[] = [];
  const model = {
    running,
    floods: 0,
    async say(text?: string) {
      while (turns.length === 0) await new Promise((turn) => setTimeout(turn, 1));
      turns.shift()!.tell(text);
    },
    info: { ...info, maxSequences },
    stats: { waiting: 0, running: 0, slots: maxSequences, steps: 0, promptTokens: 0, generatedTokens: 0, ...noBytes },
    tokenizer: { decode: () => "", bytesOf: () => undefined } as unknown as LanguageModel["tokenizer"],
    prepare: async (messages: Parameters<LanguageModel["prepare"]>[0], options: ChatOptions = {}) =>
      ({ ...prompt, options, name: String(messages.at(-1)!.content) }) as Prepared,
    pixelBytes: async () => 0,
    prepareText: async (_: unknown, options: ChatOptions = {}) => ({ ...prompt, options }),
    async *generate(prepared: Prepared): AsyncGenerator<ChatEvent> {
      const { name, options } = prepared as Prepared & { readonly name: string };
      const { signal } = options;
      running.push(name);
      try {
        for (let i = 0; i < model.floods; i++) {
          await new Promise((turn) => setImmediate(turn));
          if (signal?.aborted) throw aborted(signal);
          yield { type: "text", text: "x".repeat(1000), tokens: [] };
        }
        for (;;) {
          const text = await heard(name, signal);
          if (text === undefined) break;
          yield { type: "text", text, tokens: [] };
        }
        yield end;
      } finally {
        running.splice(running.indexOf(name), 1);
      }
    },
    close: async () => {},
  };
  const heard = (name: string, signal: AbortSignal | undefined) =>
    new Promise<string | undefined>((resolve, reject) => {
      const turn: Turn = { name, tell: resolve };
      turns.push(turn);
      const onAbort = () => {
        if (turns.includes(turn)) turns.splice(turns.indexOf(turn), 1);
        reject(aborted(signal!));
      };
      if (signal?.aborted) onAbort();
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  return model;
}

function aborted(signal: AbortSignal): OcellusError {
  return new OcellusError("aborted", "the caller aborted the request", { cause: signal.reason });
}

const noFeatures = {
  bytes: 0,
  entries: 0,
  pinnedBytes: 0,
  diskBytes: 0,
  diskRecords: 0,
  damagedRecords: 0,
  diskFailures: 0,
};
const noBytes = {
  cacheBytes: 0,
  cacheUsage: 0,
  prefixCacheBytes: 0,
  nearDuplicateBytes: 0,
  encoderCacheBytes: 0,
  draftedTokens: 0,
  acceptedTokens: 0,
  forcedTokens: 0,
  features: noFeatures,
};
const prompt = { started: 0, promptTokens: 1, images: [], visionMs: 0 };
const end: ChatEvent = {
  type: "end",
  finishReason: "stop",
  usage: { promptTokens: 1, cachedTokens: 0, completionTokens: 1 },
  timings: { visionMs: 0, imagesCached: 0, firstTokenMs: 0, totalMs: 0, tokensPerSecond: 0 },
  images: [],
};
const info: LanguageModel["info"] = {
  path: "scripted",
  modelType: "scripted",
  weights: "fp32",
  blockSize: 32,
  digest: "0",
  device: "cpu",
  maxLength: 100,
  maxSequences: 2,
  readsImages: true,
  readsTools: false,
  notes: [],
};

/**
 * An answer and its measurements: each token's probability and top alternatives, the vision encoder's attention, and how long
 * each stage took. Recorded from the same run that answers; nothing is computed a second time but the attention.
 */
import type { TokenEvent, TokenLogprob } from "../engine/index.js";
import { type ImageGrid, viewsOf, wholeOf } from "../image/spec/index.js";
import type { Prompt } from "../processor/portable.js";
import type { Tokenizer } from "../tokenizer/index.js";
import {
  type AnswerReason,
  type ChatEvent,
  type ChatOptions,
  type ChatUsage,
  chatOptionNames,
  type LocalToken,
  type PreparedChat,
} from "./chat.js";
import type { ChatNote } from "./familiarity.js";
import { collect } from "./stream-chat.js";
import type { QueryAttention } from "./vision.js";

/** What an answer says of itself at its end; a trace has tokens and attention instead. */
const untraced = ["fields", "boxes", "citeFields", "zoom"] as const satisfies readonly (keyof ChatOptions)[];
type Untraced = (typeof untraced)[number];

export interface TraceOptions extends Omit<ChatOptions, Untraced> {
  /** Likeliest other tokens told of each token. Default 5, at most 19. */
  readonly alternatives?: number;
}

export const traceOptionNames: readonly string[] = [
  ...chatOptionNames.filter((name) => !(untraced as readonly string[]).includes(name)),
  "alternatives" satisfies keyof TraceOptions,
];

export interface TraceCandidate {
  readonly tokenId: number;
  /** Special tokens by their spelling; a piece of a character as its bytes, `<0xE4>`. */
  readonly text: string;
  /** The model's own, before penalties, temperature and filters. */
  readonly probability: number;
}

export interface TracedToken extends TraceCandidate {
  /** The likeliest others, likeliest first. */
  readonly alternatives: readonly TraceCandidate[];
  /** Since the token before; of the first, since the prompt and its pictures were ready. */
  readonly ms: number;
  /** Absent: a step of the model's own; else the constraint left no other, or a draft was right. */
  readonly source?: "forced" | "draft";
}

export interface TracedImage {
  /** SHA-256 of the decoded pixels. */
  readonly digest: string;
  /** Patches that its queries look at: of the overview, where it is cut into slices. */
  readonly grid: ImageGrid;
  /** Rows of the prompt. */
  readonly numTokens: number;
  /** Its features were known from an earlier question. */
  readonly known: boolean;
  /** Of each layer in which queries look at the picture; empty for a vision encoder without queries. */
  readonly attention: readonly QueryAttention[];
}

/** Milliseconds. */
export interface TraceStages {
  /** Pictures decoded and fitted, the prompt rendered and tokenised. */
  readonly readMs: number;
  readonly visionMs: number;
  /** The prompt through the decoder, to the first token. */
  readonly prefillMs: number;
  /** All further tokens. */
  readonly decodeMs: number;
}

export interface Trace {
  readonly text: string;
  /** As a `ChatResult` has it. */
  readonly reasoning?: string;
  /** In their order, the one that ended the answer included. */
  readonly tokens: readonly TracedToken[];
  readonly finishReason: AnswerReason;
  readonly usage: ChatUsage;
  readonly images: readonly TracedImage[];
  readonly stages: TraceStages;
  /** As of an answer. */
  readonly notes?: readonly ChatNote[];
}

/** A token event, and when it came. */
interface TimedEvent {
  readonly event: TokenEvent;
  readonly ms: number;
}

/** Hands events on and writes down when each came. */
export class TokenRecorder {
  readonly #events: TimedEvent[] = [];

  async *record(events: AsyncIterable<TokenEvent>): AsyncGenerator<TokenEvent> {
    let before = performance.now();
    for await (const event of events) {
      const now = performance.now();
      this.#events.push({ event, ms: now - before });
      before = now;
      yield event;
    }
  }

  tokens(tokenizer: Tokenizer): TracedToken[] {
    return this.#events.map(({ event, ms }) => tracedToken(event, ms, tokenizer));
  }
}

function tracedToken(
  { tokenId, logprob, topLogprobs = [], source }: TokenEvent,
  ms: number,
  tokenizer: Tokenizer,
): TracedToken {
  const candidate = (token: TokenLogprob): TraceCandidate => ({
    tokenId: token.tokenId,
    text: tokenText(token.tokenId, tokenizer),
    probability: Math.exp(token.logprob),
  });
  const alternatives = topLogprobs.filter((alternative) => alternative.tokenId !== tokenId).map(candidate);
  return { ...candidate({ tokenId, logprob: logprob! }), alternatives, ms, ...(source && { source }) };
}

function tokenText(id: number, tokenizer: Tokenizer): string {
  const text = tokenizer.decode([id], { skipSpecialTokens: false });
  const bytes = text.includes("\uFFFD") ? tokenizer.bytesOf?.(id) : undefined;
  return bytes ? [...bytes].map((byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`).join("") : text;
}

/** What a model does for an answer, step by step. */
interface AnswerSteps<R extends { readonly prompt: Prompt }> {
  readonly tokenizer: Tokenizer;
  read(options: ChatOptions): Promise<R>;
  encode(read: R, startedAt: number): Promise<PreparedChat>;
  answer(prepared: PreparedChat, recorder: TokenRecorder): AsyncIterable<ChatEvent<LocalToken>>;
  attention(prompt: Prompt): Promise<readonly (readonly QueryAttention[])[]>;
}

export async function traceOf<R extends { readonly prompt: Prompt }>(
  options: TraceOptions,
  steps: AnswerSteps<R>,
): Promise<Trace> {
  const startedAt = performance.now();
  const read = await steps.read({ ...options, reuse: "exact", sampling: tracedSampling(options) }); // it looks at pixels
  const readAt = performance.now();
  const prepared = await steps.encode(read, startedAt);
  const readyAt = performance.now();
  const recorder = new TokenRecorder();
  const { text, reasoning, finishReason, usage, notes } = await collect(steps.answer(prepared, recorder));
  const tokens = recorder.tokens(steps.tokenizer);
  const attention = await steps.attention(read.prompt);
  const images = prepared.images.map((image, i) => {
    const { grid } = read.prompt.images[i]!;
    const { rows, columns } = viewsOf(grid).at(wholeOf(grid))!;
    return { ...image, grid: { rows, columns }, attention: attention[i]! };
  });
  const facts = { ...(reasoning !== undefined && { reasoning }), ...(notes && { notes }) };
  const stages = traceStages(startedAt, readAt, readyAt, tokens);
  return { text, ...facts, tokens, finishReason, usage, images, stages };
}

/** One more than the alternatives: the chosen token is usually among the likeliest. */
function tracedSampling({ sampling, alternatives = defaultAlternatives }: TraceOptions) {
  return { ...sampling, logprobs: true, top_logprobs: alternatives + 1 };
}

/** As many as are ever above a percent, in most answers. */
const defaultAlternatives = 5;

/** The stages of an answer from when its reading began, its pictures were read, and its prompt was ready. */
function traceStages(startedAt: number, readAt: number, readyAt: number, tokens: readonly TracedToken[]) {
  const [first, ...later] = tokens.map(({ ms }) => ms);
  return {
    readMs: readAt - startedAt,
    visionMs: readyAt - readAt,
    prefillMs: first ?? 0,
    decodeMs: later.reduce((sum, ms) => sum + ms, 0),
  };
}

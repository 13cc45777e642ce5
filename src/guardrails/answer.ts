/**
 * An answer on its way out. Guards that watch let go of each piece as soon as nothing can come of it; for those that must
 * see a whole answer it is held back. What is blocked ends with `content_filter`, and the sequence is freed.
 */
import type { ChatEvent, ChatToken, Prepared } from "../core/runtime/index.js";
import { answerForm } from "./answer-form.js";
import { type Evaluation, findingsOf } from "./evaluation.js";
import { type AnswerForm, plainText, redacted } from "./layout.js";
import { TextFilter } from "./text-filter.js";
import type { Guard } from "./verdict.js";

type AnswerEnd = Extract<ChatEvent, { type: "end" }>;
type WrittenType = Exclude<ChatEvent["type"], "end">;

interface AnswerContext {
  readonly evaluation: Evaluation;
  readonly prepared: Prepared;
}

/** @throws as the events do, `io` when the audit log cannot be written. */
export async function* guardedAnswer(
  events: AsyncIterable<ChatEvent>,
  context: AnswerContext,
): AsyncGenerator<ChatEvent> {
  const { evaluation } = context;
  const parts: Outgoing[] = [];
  let isRecorded = false;
  const record = async (finishReason: string) => {
    isRecorded = true;
    const text = parts.map(({ checked }) => checked).join("\n");
    await evaluation.record("output", { text, finishReason });
  };
  const partOf = (type: WrittenType) => {
    const part = new Outgoing(type, evaluation.guards("output", "text"), context);
    parts.push(part);
    return part;
  };
  let part: Outgoing | undefined;
  try {
    let end: AnswerEnd | undefined;
    for await (const event of events) {
      if (event.type === "end") {
        end = event;
        continue;
      }
      if (part && part.type !== event.type) yield* await part.finish(); // thoughts are whole when the answer begins
      if (part?.type !== event.type && !part?.isBlocked) part = partOf(event.type);
      if (!part!.isBlocked) yield* part!.push(event.text, event.tokens);
      if (part!.isBlocked) break; // leaving the loop frees the sequence
    }
    part ??= partOf("text");
    const last = await part.finish();
    const ended = end && !part.isBlocked ? end : blockedEnd(end, parts, context.prepared);
    await record(ended.finishReason);
    yield* last;
    if (parts.some(({ hasChanged }) => hasChanged)) yield withoutFields(ended);
    else yield evaluation.guards("output", "text").length > 0 ? withoutAlternatives(ended) : ended;
  } finally {
    if (!isRecorded) await record("interrupted");
  }
}

/** Fields and labels of boxes spell what the model has written, which is not what has left. */
function withoutFields({ fields: _, boxes: __, ...end }: AnswerEnd): AnswerEnd {
  return end;
}

/** Other values of fields are text of the model that no guard has looked at. */
function withoutAlternatives({ fields, ...end }: AnswerEnd): AnswerEnd {
  if (!fields) return end;
  const bare = Object.entries(fields).map(([pointer, { alternatives: _, ...field }]) => [pointer, field] as const);
  return { ...end, fields: Object.fromEntries(bare) };
}

/** Usage and times as far as the answer came. */
function blockedEnd(end: AnswerEnd | undefined, parts: readonly Outgoing[], prepared: Prepared): AnswerEnd {
  if (end) return { ...end, finishReason: "content_filter" };
  const { promptTokens = 0, images, started, visionMs, notes } = prepared;
  const now = performance.now();
  const firstAt = parts[0]?.firstAt ?? now;
  const numTokens = parts.reduce((sum, part) => sum + part.numTokens, 0);
  return {
    type: "end",
    finishReason: "content_filter",
    usage: { promptTokens, cachedTokens: 0, completionTokens: numTokens },
    timings: {
      visionMs,
      imagesCached: images.filter(({ known }) => known).length,
      firstTokenMs: firstAt - started,
      totalMs: now - started,
      tokensPerSecond: now > firstAt ? ((numTokens - 1) * 1000) / (now - firstAt) : 0,
    },
    images,
    ...(notes && { notes }),
  };
}

/** Text and tokens of thoughts, or of the answer behind them, that have come and not left. */
class Outgoing {
  readonly type: WrittenType;
  firstAt: number | undefined;
  numTokens = 0;
  readonly #context: AnswerContext;
  readonly #form: AnswerForm;
  /** With stop strings a token can stand before its text has: tokens wait for the end. */
  readonly #hasStops: boolean;
  readonly #filter: TextFilter;
  readonly #whole: readonly Guard[];
  /** Puts values back in the place of their pseudonyms, once no guard has to look any more. */
  readonly #restoring: Guard | undefined;
  #text = "";
  #delivered = "";
  #held = "";
  #tokens: { start: number; end: number; tokens: readonly ChatToken[] }[] = [];
  #isRefused = false;
  #checkedWhole = "";

  #isFinished = false;

  constructor(type: WrittenType, guards: readonly Guard[], context: AnswerContext) {
    this.type = type;
    const { pseudonyms } = context.evaluation;
    const { options } = context.prepared;
    this.#context = context;
    this.#form = type === "text" ? answerForm(options) : plainText;
    this.#hasStops = type === "text" && (options.stop ?? []).length > 0;
    this.#whole = guards.filter(({ watch }) => !watch);
    this.#restoring = pseudonyms?.restoring();
    const restoring = this.#restoring && this.#whole.length === 0 ? [this.#restoring] : [];
    const watching = guards.filter(({ watch }) => watch);
    this.#filter = new TextFilter([...watching, ...restoring], pseudonyms?.name, this.#form);
  }

  /** What has left, with pseudonyms where values were put back. */
  get checked(): string {
    return this.#whole.length === 0 ? this.#filter.checked : this.#checkedWhole;
  }

  get isBlocked(): boolean {
    return this.#isRefused || this.#filter.isBlocked;
  }

  /** Whether another text has left than the model wrote. */
  get hasChanged(): boolean {
    return this.#delivered !== this.#text;
  }

  push(text: string, tokens: readonly ChatToken[]): ChatEvent[] {
    this.firstAt ??= performance.now();
    this.numTokens += tokens.length;
    const start = this.#text.length;
    this.#text += text;
    this.#tokens.push({ start, end: this.#text.length, tokens });
    const out = this.#filter.push(text);
    if (this.#whole.length === 0) return this.#deliver(out, this.#hasStops ? [] : this.#takeTokens());
    this.#held += out;
    return [];
  }

  /** What is left, once every guard has seen all. */
  async finish(): Promise<ChatEvent[]> {
    if (this.#isFinished) return [];
    this.#isFinished = true;
    const { evaluation, prepared } = this.#context;
    const { signal = new AbortController().signal } = prepared.options;
    const form = this.#form;
    const rest = this.#held + this.#filter.end();
    const looks = this.#filter.verdicts().filter(({ guard }) => guard !== this.#restoring);
    const seen = evaluation.name({ kind: "text", text: this.#text }, findingsOf(looks));
    for (const { guard, verdict, ms } of looks) evaluation.note(guard, seen, verdict, ms);
    if (this.#whole.length === 0) return this.#deliver(rest, this.#takeTokens());
    const checks = await evaluation.look({ kind: "text", text: rest }, this.#whole, signal);
    this.#isRefused = checks.some(({ verdict }) => verdict.verdict === "block");
    if (this.#isRefused) return [];
    const found = findingsOf(checks);
    this.#checkedWhole = redacted(rest, found, evaluation.pseudonyms?.name, form);
    const restored = await this.#restoring?.check({ kind: "text", text: rest }, signal);
    const text = redacted(rest, [...found, ...(restored?.findings ?? [])], evaluation.pseudonyms?.name, form);
    return this.#deliver(text, text === rest ? this.#takeTokens() : []);
  }

  #deliver(text: string, tokens: readonly ChatToken[]): ChatEvent[] {
    this.#delivered += text;
    return text === "" && tokens.length === 0 ? [] : [{ type: this.type, text, tokens }];
  }

  /** Tokens whose text has left; those of text that was cut out would spell it. */
  #takeTokens(): ChatToken[] {
    const { released } = this.#filter;
    const left = this.#tokens.filter(({ end }) => end <= released);
    this.#tokens = this.#tokens.filter(({ end }) => end > released);
    return left.filter(({ start, end }) => !this.#filter.wasCut(start, end)).flatMap(({ tokens }) => tokens);
  }
}

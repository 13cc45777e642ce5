/** From a conversation to the events of its answers: through the gate, the prompt read once, the choices side by side. */
import type { ChatEvent, ChatOptions, Prepared } from "../core/runtime/index.js";
import type { Citation } from "../retrieval/index.js";
import type { Permit } from "./admission-queue.js";
import type { RequestContext } from "./request-context.js";
import type { ServedModel } from "./served.js";
import type { Mirrored } from "./versions/mirrored.js";

export interface Question {
  /** Pages that it is answered from. */
  readonly citations?: readonly Citation[] | undefined;
  readonly served: ServedModel;
  readonly options: ChatOptions;
  readonly numChoices: number;
  /** Hears the answer, for who is asked the same afterwards. */
  readonly mirrored?: Mirrored | undefined;
  /** Reads the prompt, once the gate lets it. */
  readonly prepare: (options: ChatOptions) => Promise<Prepared>;
}

/** One event of one choice. */
export interface ChoiceEvent {
  readonly index: number;
  readonly event: ChatEvent;
}

/**
 * Every choice has a place at the gate of its own, so that one request for many counts as many. Leaving the iteration, or
 * the exchange's signal, ends them all.
 * @throws as `prepare` and `generate` of the model, `overloaded`, `timeout`.
 */
export async function* answers(question: Question, exchange: RequestContext): AsyncGenerator<ChoiceEvent> {
  const { signal, facts } = exchange;
  const { served, numChoices } = question;
  const { gate } = served;
  const options = { ...question.options, signal };
  facts.model = served.id;
  const ticket = await gate.enter(exchange.caller);
  facts.queueMs = ticket.queueMs;
  let prepared: Prepared;
  try {
    prepared = await question.prepare(options);
  } catch (error) {
    ticket.release();
    throw error;
  }
  facts.promptTokens = (facts.promptTokens ?? 0) + prepared.promptIds.length;
  facts.pictures = (facts.pictures ?? 0) + prepared.pictures.length;
  facts.seen = [...(facts.seen ?? []), ...prepared.pictures];
  facts.cachedPictures = (facts.cachedPictures ?? 0) + prepared.pictures.filter(({ known }) => known).length;
  facts.nearPictures = (facts.nearPictures ?? 0) + prepared.pictures.filter(({ near }) => near).length;
  const choice = async function* (index: number): AsyncGenerator<ChoiceEvent> {
    const held: Permit = index === 0 ? ticket : await gate.enter(exchange.caller);
    try {
      for await (const event of served.model.generate(ofChoice(prepared, index))) yield { index, event };
    } finally {
      held.release();
    }
  };
  for await (const event of merge(Array.from({ length: numChoices }, (_, index) => choice(index)))) {
    noteFacts(exchange, event);
    question.mirrored?.take(event);
    yield event;
  }
}

/** With one seed for all choices they would all be the same. */
function ofChoice(prepared: Prepared, index: number): Prepared {
  const { options } = prepared;
  const seed = options.sampling?.seed;
  if (seed === undefined || index === 0) return prepared;
  const sampling = { ...options.sampling, seed: BigInt.asIntN(64, BigInt(seed) + BigInt(index)) };
  return { ...prepared, options: { ...options, sampling } };
}

/** As much of an answer's end as tells a phrase that comes again and again. */
const endLength = 400;

function noteFacts(exchange: RequestContext, { event }: ChoiceEvent): void {
  const { facts, started } = exchange;
  facts.firstTokenMs ??= performance.now() - started;
  if (event.type === "text") {
    exchange.textEnd = (exchange.textEnd + event.text).slice(-endLength);
    return;
  }
  facts.tokensPerSecond = event.timings.tokensPerSecond;
  facts.finishReason = event.finishReason;
  facts.completionTokens = (facts.completionTokens ?? 0) + event.usage.completionTokens;
  facts.cachedTokens = (facts.cachedTokens ?? 0) + event.usage.cachedTokens;
}

/** The events of several sources as they come; when one fails, or the reader leaves, all end. */
export async function* merge<T>(sources: readonly AsyncGenerator<T>[]): AsyncGenerator<T> {
  const next = (source: AsyncGenerator<T>) => source.next().then((result) => ({ source, result }));
  const pending = new Map(sources.map((source) => [source, next(source)]));
  try {
    while (pending.size > 0) {
      const { source, result } = await Promise.race(pending.values());
      if (result.done) pending.delete(source);
      else {
        pending.set(source, next(source));
        yield result.value;
      }
    }
  } finally {
    for (const promise of pending.values()) promise.catch(() => {}); // the first failure is told; these follow from it
    for (const source of sources) void source.return(undefined);
  }
}

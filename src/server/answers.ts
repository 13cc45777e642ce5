/** From a question to the events of its answers: through the gate, the prompt read once, the choices side by side. */
import { OcellusError } from "../core/base/index.js";
import type { ChatOptions, Prepared } from "../core/runtime/index.js";
import type { Permit } from "./admission-queue.js";
import { pixelBytesOf, preparePrompt } from "./prompt.js";
import type { RequestContext } from "./request-context.js";
import type { ChoiceEvent, GenerationRequest } from "./request-events.js";

/**
 * Every choice has a place at the gate of its own, so that one request for many counts as many. Leaving the iteration, or
 * the request's signal, ends them all.
 * @throws as `prepare` and `generate` of the model, `overloaded`, `timeout`.
 */
export async function* answers(generation: GenerationRequest, context: RequestContext): AsyncGenerator<ChoiceEvent> {
  const { stats, caller, services } = context;
  const { served, numChoices } = generation;
  const { gate } = served;
  const options = { ...services.listeners.generation(context, generation), signal: context.signal };
  stats.model = served.id;
  const permit = await gate.enter(caller);
  stats.queueMs = permit.queueMs;
  let prepared: Prepared;
  try {
    prepared = await prepare(generation, options, context);
  } catch (error) {
    permit.release();
    throw error;
  }
  notePrompt(context, prepared);
  const choice = async function* (index: number): AsyncGenerator<ChoiceEvent> {
    const held: Permit = index === 0 ? permit : await gate.enter(caller);
    try {
      for await (const event of served.model.generate(ofChoice(prepared, index))) yield { index, event };
    } finally {
      held.release();
    }
  };
  for await (const event of merge(Array.from({ length: numChoices }, (_, index) => choice(index)))) {
    noteEvent(context, prepared, event);
    services.listeners.event(context, generation, event);
    yield event;
  }
}

/** Tokens of a prompt, read as for an answer: its images are encoded and known when the answer is asked for. @throws as `answers`. */
export async function countedPrompt(generation: GenerationRequest, context: RequestContext): Promise<number> {
  const { stats, caller, signal } = context;
  const { served, options } = generation;
  stats.model = served.id;
  const permit = await served.gate.enter(caller);
  try {
    const prepared = await prepare(generation, { ...options, signal }, context);
    notePrompt(context, prepared);
    if (prepared.promptTokens !== undefined) return prepared.promptTokens;
    throw new OcellusError("unsupported", `the engine of ${served.id} counts no tokens before it answers`, {
      details: { param: "model" },
    });
  } finally {
    permit.release();
  }
}

/** Reads the prompt once there is room for its images; text waits for none. @throws `too_large`, as the model's `prepare`. */
async function prepare(
  { served, prompt }: GenerationRequest,
  options: ChatOptions,
  context: RequestContext,
): Promise<Prepared> {
  const { services, stats, signal } = context;
  const { model } = served;
  const numBytes = await pixelBytesOf(model, prompt, options, services.config.maxPixelBytes);
  if (numBytes === 0) return preparePrompt(model, prompt, options);
  const asked = performance.now();
  const work = () => {
    stats.queueMs = (stats.queueMs ?? 0) + performance.now() - asked;
    return preparePrompt(model, prompt, options);
  };
  return services.pixels.run(work, signal, numBytes, context.queueOwner);
}

/** With one seed for all choices they would all be the same. */
function ofChoice(prepared: Prepared, index: number): Prepared {
  const { options } = prepared;
  const seed = options.sampling?.seed;
  if (seed === undefined || index === 0) return prepared;
  const sampling = { ...options.sampling, seed: BigInt.asIntN(64, BigInt(seed) + BigInt(index)) };
  return { ...prepared, options: { ...options, sampling } };
}

function notePrompt({ stats }: RequestContext, { promptTokens = 0, images }: Prepared): void {
  stats.promptTokens = (stats.promptTokens ?? 0) + promptTokens;
  stats.images = (stats.images ?? 0) + images.length;
  stats.seen = [...(stats.seen ?? []), ...images];
  stats.cachedImages = (stats.cachedImages ?? 0) + images.filter(({ known }) => known).length;
  stats.nearImages = (stats.nearImages ?? 0) + images.filter(({ near }) => near).length;
}

function noteEvent({ stats, started }: RequestContext, prepared: Prepared, { index, event }: ChoiceEvent): void {
  stats.firstTokenMs ??= performance.now() - started;
  if (event.type !== "end") return;
  if (prepared.promptTokens === undefined && index === 0) {
    stats.promptTokens = (stats.promptTokens ?? 0) + event.usage.promptTokens; // the engine's count, once for all choices
    stats.seen = [...event.images];
    stats.cachedImages = (stats.cachedImages ?? 0) + event.images.filter(({ known }) => known).length;
  }
  stats.tokensPerSecond = event.timings.tokensPerSecond;
  stats.finishReason = event.finishReason;
  stats.completionTokens = (stats.completionTokens ?? 0) + event.usage.completionTokens;
  stats.cachedTokens = (stats.cachedTokens ?? 0) + event.usage.cachedTokens;
  const { draftedTokens = 0, acceptedTokens = 0, forcedTokens = 0 } = event.timings;
  stats.draftedTokens = (stats.draftedTokens ?? 0) + draftedTokens;
  stats.acceptedTokens = (stats.acceptedTokens ?? 0) + acceptedTokens;
  stats.forcedTokens = (stats.forcedTokens ?? 0) + forcedTokens;
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

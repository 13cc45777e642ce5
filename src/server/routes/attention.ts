/** POST /v1/ocellus/attention: an answer that was given is read once more, and told is where each of its tokens looked. */
import { OcellusError } from "../../core/base/index.js";
import {
  attentionRequestSchema,
  attentionSchema,
  refusal,
  type WireAttention,
  type WireMessage,
  wireGuardReports,
} from "../../protocol/index.js";
import { wireAttention } from "../../wire/index.js";
import { readGenerationRequest } from "../generation-request.js";
import { pixelBytesOf } from "../prompt.js";
import type { App, RequestContext } from "../request-context.js";
import type { GenerationRequest } from "../request-events.js";
import { addJsonRoute } from "../route.js";

export function addAttention(app: App): void {
  addJsonRoute(
    app,
    {
      path: "/v1/ocellus/attention",
      summary: "Where a model of this server looks in its images as it writes each token of an answer.",
      request: attentionRequestSchema,
      answer: attentionSchema,
    },
    async (c, { messages, layer, ...request }) => {
      const context = c.get("context");
      const answer = answerOf(messages);
      const generation = await readGenerationRequest({ ...request, messages: messages.slice(0, -1) }, context);
      const { num_layers, tokens } = await lookedAt(generation, answer, layer, context);
      const ocellus = { guards: wireGuardReports(context.guardReports) };
      const { id: model } = generation.served;
      return c.json({ object: "ocellus.attention", model, num_layers, tokens, ocellus } satisfies WireAttention);
    },
  );
}

/** @throws `invalid_request` unless the conversation ends with an answer in words. */
function answerOf(messages: readonly WireMessage[]): string {
  const last = messages.at(-1);
  const content = last?.role === "assistant" ? (last.content ?? "") : "";
  const text = typeof content === "string" ? content : content.map((part) => part.text).join("");
  if (text !== "" && messages.length > 1) return text;
  throw refusal("messages", "messages: expected a question, and at the end the assistant's answer to it");
}

async function lookedAt(
  { served, prompt, options }: GenerationRequest,
  answer: string,
  layer: number | undefined,
  context: RequestContext,
): Promise<Pick<WireAttention, "num_layers" | "tokens">> {
  const { caller, signal, stats, services } = context;
  const { model, id } = served;
  if (!model.answerAttention || !("messages" in prompt))
    throw new OcellusError("unsupported", `an engine elsewhere runs the model ${id}: it does not say where it looks`, {
      details: { param: "model" },
    });
  const { messages } = prompt;
  const asked = { ...options, signal, ...(layer !== undefined && { layer }) };
  const turn = await services.attention.enter(caller); // nothing else is held while it waits
  try {
    const permit = await served.gate.enter(caller);
    try {
      Object.assign(stats, { model: id, queueMs: turn.queueMs + permit.queueMs });
      const numBytes = await pixelBytesOf(model, prompt, options, services.config.maxPixelBytes);
      const work = (onImagesEncoded?: () => void) =>
        model.answerAttention!(messages, answer, { ...asked, ...(onImagesEncoded && { onImagesEncoded }) });
      return wireAttention(await (numBytes === 0 ? work() : withPixels(work, numBytes, context)));
    } finally {
      permit.release();
    }
  } finally {
    turn.release();
  }
}

/** Has the bytes until the images are encoded, not for the many steps behind that: answers of others need them. */
async function withPixels<T>(
  work: (onImagesEncoded: () => void) => Promise<T>,
  numBytes: number,
  { services, signal, queueOwner }: RequestContext,
): Promise<T> {
  let done: Promise<T> | undefined;
  const begin = () =>
    new Promise<unknown>((resolve, reject) => {
      done = work(() => resolve(undefined));
      done.then(resolve, reject);
    });
  await services.pixels.run(begin, signal, numBytes, queueOwner);
  return done!;
}

/** Options of an answer, from the wire's words to the runtime's. What is not given stays away: the checkpoint has defaults. */
import type { ChatRequest } from "../protocol/index.js";
import type { ChatOptions, SamplingOptions } from "../runtime/index.js";

const samplingNames = [
  "temperature",
  "top_p",
  "top_k",
  "min_p",
  "repetition_penalty",
  "presence_penalty",
  "frequency_penalty",
  "seed",
  "logit_bias",
  "logprobs",
  "top_logprobs",
] as const satisfies readonly (keyof SamplingOptions)[];

export function chatOptions(request: ChatRequest): ChatOptions {
  const { stop, max_tokens, max_completion_tokens = max_tokens, min_pixels, max_pixels } = request;
  return {
    sampling: Object.fromEntries(
      samplingNames.flatMap((name) => (request[name] === undefined ? [] : [[name, request[name]]])),
    ),
    ...(stop !== undefined && { stop: typeof stop === "string" ? [stop] : stop }),
    ...(max_completion_tokens !== undefined && { maxTokens: max_completion_tokens }),
    ...(min_pixels !== undefined && { minPixels: min_pixels }),
    ...(max_pixels !== undefined && { maxPixels: max_pixels }),
  };
}

/** One answer as it grows: asks the server, or the model in this browser, and tells every step. Failures are part of the answer, not exceptions. */
import type { ChatChunk, ChatRequest } from "../../src/protocol/index.js";
import { streamChat } from "./api.js";
import { sourceOf } from "./citing/cited.js";
import { type Answer, chatRequest, newId, type Turn } from "./conversation.js";
import { beginAnswerHere, type Here, isInBrowser } from "./in-browser/names.js";
import { dataUrls } from "./pictures.js";
import type { Settings } from "./preferences.js";
import { problemOf } from "./problems.js";
import type { Abilities } from "./region.js";

export interface AskOptions {
  readonly model: string;
  readonly abilities?: Abilities | undefined;
  readonly settings: Settings;
}

export function waitingAnswer({ model, abilities, settings }: AskOptions): Answer {
  return {
    role: "assistant",
    id: newId(),
    model,
    settings,
    abilities,
    askedMs: Date.now(),
    state: "waiting",
    text: "",
    numTokens: 0,
    logprobs: [],
  };
}

/** @param turns all that comes before the answer. Resolves when it is done, stopped or failed; its words are told once a frame. */
export async function writeAnswer(
  empty: Answer,
  turns: readonly Turn[],
  signal: AbortSignal,
  onChange: (answer: Answer) => void,
): Promise<Answer> {
  let answer = empty;
  const frames = eachFrame(onChange);
  const end = (part: Partial<Answer>) => {
    answer = { ...answer, ...part };
    frames.end(answer);
  };
  const source = sourceOf(turns);
  const endHere = isInBrowser(empty.model) ? beginAnswerHere() : undefined;
  try {
    const citing = source && (await import("./citing/keep-cited.js"));
    const urls = await dataUrls(turns);
    const request = chatRequest(turns, empty, ({ id }) => urls.get(id)!);
    let firstMs = 0;
    for await (const chunk of await chunksOf(request, signal)) {
      const now = performance.now();
      firstMs ||= now;
      answer = { ...answer, ...grown(answer, chunk, now - firstMs) };
      frames.push(answer);
    }
    const found = answer.stats?.citations;
    const cited = citing && found && (await citing.keepCited(source.collection, found, signal));
    end({ state: "done", ...(cited && { cited }) });
  } catch (error) {
    end(signal.aborted ? { state: "stopped" } : { state: "failed", problem: problemOf(error) });
  } finally {
    endHere?.();
  }
  return answer;
}

type Chunk = ChatChunk & { readonly here?: Here };

async function chunksOf(request: ChatRequest, signal: AbortSignal): Promise<AsyncIterable<Chunk>> {
  if (!isInBrowser(request.model!)) return streamChat(request, signal);
  return (await import("./in-browser/answer.js")).answerHere(request, signal);
}

/** A page in the background has no frames. */
const hiddenFrameMs = 250;

/** Calls with the newest value, at most once a frame. */
function eachFrame<T>(act: (value: T) => void) {
  let newest: T;
  let cancel: (() => void) | undefined;
  const run = () => {
    cancel?.();
    cancel = undefined;
    act(newest);
  };
  return {
    push(value: T) {
      newest = value;
      if (cancel) return;
      const frame = requestAnimationFrame(run);
      const timer = setTimeout(run, hiddenFrameMs);
      cancel = () => {
        cancelAnimationFrame(frame);
        clearTimeout(timer);
      };
    },
    end(value: T) {
      newest = value;
      run();
    },
  };
}

function grown(answer: Answer, chunk: Chunk, sinceFirstMs: number): Partial<Answer> {
  const [choice] = chunk.choices;
  const { content: text = "", reasoning_content: thought = "" } = choice?.delta ?? {};
  const added = choice?.logprobs?.content ?? [];
  const numTokens = answer.numTokens + (added.length || (text || thought ? 1 : 0));
  const speed = sinceFirstMs > 0 && numTokens > 1 ? ((numTokens - 1) * 1000) / sinceFirstMs : answer.tokensPerSecond;
  return {
    state: "writing",
    ...(chunk.here && { here: chunk.here }),
    ...(chunk.model !== answer.model && { answeredBy: chunk.model }),
    text: answer.text + text,
    ...(thought && { reasoning: (answer.reasoning ?? "") + thought }),
    ...(added.length > 0 && { logprobs: [...answer.logprobs, ...added] }),
    numTokens: chunk.usage?.completion_tokens ?? numTokens,
    tokensPerSecond: chunk.ocellus?.timings.tokens_per_second ?? (choice ? speed : answer.tokensPerSecond),
    ...(choice?.finish_reason && { finish: choice.finish_reason }),
    ...(chunk.ocellus && { stats: chunk.ocellus }),
    ...(chunk.usage && { usage: chunk.usage }),
  };
}

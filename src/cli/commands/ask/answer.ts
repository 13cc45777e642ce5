/** One answer on the terminal: streamed as it comes, then, for a person, a dim line on how fast it was. */
import { invariant, OcellusError, printableWords } from "../../../core/base/index.js";
import type {
  ChatEvent,
  ChatMessage,
  ChatNote,
  ChatOptions,
  ContentPart,
  ImageInput,
} from "../../../core/runtime/index.js";
import { image, noteText, VideoFile } from "../../../core/runtime/index.js";
import { asking, type GuardedVisionLanguageModel, type GuardReport, whoAsks } from "../../../guardrails/index.js";
import { coloursFor, printNotes, type Terminal } from "../../ui/terminal.js";

type AnswerEnd = Extract<ChatEvent, { type: "end" }>;

export interface Answer extends Omit<AnswerEnd, "type"> {
  readonly text: string;
  /** What the model thought before it answered. */
  readonly reasoning?: string;
  /** What the guards said of question and answer. */
  readonly guards: readonly GuardReport[];
}

/** How labelled questions are asked. The longest answer expected of our own files, four items described, has 60 tokens. */
export const greedy = { maxTokens: 128, sampling: { temperature: 0 } } as const;

/** Asks and hands on each piece of text as soon as it is certain. */
export async function streamAnswer(...question: Parameters<typeof streamText>): Promise<Answer> {
  const guards: GuardReport[] = [];
  const answer = await asking({ ...whoAsks(), reports: guards }, () => streamText(...question));
  return { ...answer, guards };
}

async function streamText(
  model: GuardedVisionLanguageModel,
  messages: readonly ChatMessage[],
  options: ChatOptions,
  onText: (text: string) => void = () => {},
  onReasoning: (text: string) => void = () => {},
): Promise<Omit<Answer, "guards">> {
  let [text, reasoning] = ["", ""];
  let end: AnswerEnd | undefined;
  for await (const event of model.chat(messages, options)) {
    if (event.type === "end") {
      end = event;
      continue;
    }
    if (event.type === "reasoning") {
      reasoning += event.text;
      onReasoning(event.text);
      continue;
    }
    text += event.text;
    onText(event.text);
  }
  invariant(end, "a chat stream ends with an end event");
  const { type: _, ...facts } = end;
  return { text, ...(reasoning !== "" && { reasoning }), ...facts };
}

/** Thoughts, dim, on standard error and for a person only: the answer alone is the output. */
export function thoughtWriter({ stderr, stdout }: Terminal): ((text: string) => void) | undefined {
  if (!stderr.isTTY || !stdout.isTTY) return undefined;
  const { dim } = coloursFor(stderr);
  return (text) => void stderr.write(dim(printableWords(text)));
}

/** An answer that a guard has ended is no success. @throws `blocked` naming the guard. */
export function refuseBlocked({ finishReason, guards }: Pick<Answer, "finishReason" | "guards">): void {
  if (finishReason !== "content_filter") return;
  const guard = guards.find(({ stage, verdict }) => stage === "output" && verdict === "block");
  const why = guard?.failed ?? guard?.category ?? "no reason given";
  throw new OcellusError("blocked", `guardrail ${guard?.name} stopped the answer: ${why}`, {
    details: { guards },
  });
}

/** The message that shows some images and videos and asks about them. */
export function userMessage(shown: readonly (ImageInput | VideoFile)[], text: string): ChatMessage {
  const part = (input: ImageInput | VideoFile): ContentPart =>
    input instanceof VideoFile ? { type: "video", video: input } : image(input);
  return { role: "user", content: [...shown.map(part), text] };
}

/** The conversation that one question about some images and videos is. */
export function questionAbout(
  images: readonly (ImageInput | VideoFile)[],
  question: string,
  system?: string,
): ChatMessage[] {
  const user = userMessage(images, question);
  return system === undefined ? [user] : [{ role: "system", content: system }, user];
}

/** `vision 18 ms`, or where the encoded images came from: `image from memory`. */
function visionPart({ images, timings }: Answer): string {
  const sources = [...new Set(images.map(({ source }) => source))];
  if (images.length === 0 || sources.includes("encoded")) return `vision ${Math.round(timings.visionMs)} ms`;
  return `image from ${sources.join(" and ")}`;
}

/** `first token 62 ms · 210 tokens/s · image from memory · 48 of 61 prompt tokens cached · int4, from the cache` */
function speedLine(answer: Answer, model: GuardedVisionLanguageModel): string {
  const { timings, usage } = answer;
  const rate = usage.completionTokens > 1 ? [`${timings.tokensPerSecond.toFixed(1)} tokens/s`] : [];
  const cache = model.timings.packed
    ? `packed in ${(model.timings.packMs / 1000).toFixed(1)} s`
    : "packed model from the cache";
  return [
    `first token ${Math.round(timings.firstTokenMs)} ms`,
    ...rate,
    visionPart(answer),
    ...(usage.cachedTokens > 0 ? [`${usage.cachedTokens} of ${usage.promptTokens} prompt tokens cached`] : []),
    `${model.info.weights} on ${model.info.device}, ${cache}`,
  ].join(" · ");
}

/** What a person must know of an answer, on standard error: what the model was not trained for, and that the end is missing. */
export function printAnswerNotes(terminal: Terminal, { notes = [], finishReason, usage }: AnswerNotes): void {
  const isCut = finishReason === "length";
  const cut = `the answer was cut after ${usage?.completionTokens} tokens; --max-tokens allows more`;
  printNotes(terminal, [...notes.map(noteText), ...(isCut ? [cut] : [])]);
}

type AnswerNotes = { readonly notes?: readonly ChatNote[] } & Partial<Pick<AnswerEnd, "finishReason" | "usage">>;

/** Only for a person: when the answer is piped, no one asked for timings. */
export function printSpeed(terminal: Terminal, answer: Answer, model: GuardedVisionLanguageModel): void {
  if (!terminal.stdout.isTTY) return;
  terminal.stderr.write(`${coloursFor(terminal.stderr).dim(speedLine(answer, model))}\n`);
}

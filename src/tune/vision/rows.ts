/**
 * An example as the decoder reads it: the prompt that the checkpoint's chat template makes of the question, and behind it the
 * answer up to the token that ends a turn. The loss is on the answer alone.
 */
import { OcellusError, shorten } from "../../core/base/index.js";
import type { PromptPositions, TokenSpan } from "../../core/models/index.js";
import type { PackedModel } from "../../core/pack/index.js";
import { type ChatMessage, image, type PromptImage } from "../../core/processor/index.js";
import type { TextSide } from "../../core/runtime/index.js";
import type { TuneExample } from "./examples.js";

export interface TuneRow {
  /** Prompt and answer; the last one is only a target. */
  readonly ids: readonly number[];
  readonly answerStart: number;
  readonly positions: PromptPositions;
  /** Where the rows of its pictures stand. */
  readonly images: readonly RowImage[];
  readonly origin: string;
}

export interface RowImage {
  /** Of the picture, as it is shown. */
  readonly key: string;
  readonly spans: readonly TokenSpan[];
}

export type RowReader = Pick<TextSide, "processor" | "tokenizer" | "eosTokenIds">;

export function pictureKey({ digest, grid }: Pick<PromptImage, "digest" | "grid">): string {
  return `${digest} ${JSON.stringify(grid)}`;
}

/** Tokens that are learnt. */
export function numAnswerTokens({ ids, answerStart }: TuneRow): number {
  return ids.length - answerStart;
}

/**
 * @param onImage is given each picture of the prompt, and what reads its pixels again from where it lies
 * @throws `too_large` for more tokens than the context holds, what the processor throws, each with the example's `origin`.
 */
export async function readRow(
  { family, config }: Pick<PackedModel, "family" | "config">,
  reader: RowReader,
  example: TuneExample,
  onImage: (image: PromptImage, readAgain: PromptImage["pixels"]) => Promise<void>,
): Promise<TuneRow> {
  const { maxLength } = family.dimensions(config);
  const asked: ChatMessage = {
    role: "user",
    content: [...example.images.map((each) => image(each)), example.question],
  };
  try {
    const prompt = await reader.processor.process([asked], { maxTokens: maxLength });
    const told: ChatMessage = { role: "assistant", content: example.answer };
    const whole = await reader.processor.process([asked, told], { addGenerationPrompt: false, maxTokens: maxLength });
    for (const [i, each] of prompt.images.entries())
      await onImage(each, async () => (await reader.processor.process([asked])).images[i]!.pixels());
    const answer = answerIds(reader, { prompt: prompt.text, whole: whole.text, answer: example.answer });
    const ids = [...prompt.ids, ...answer];
    if (ids.length > maxLength) throw tooLong(ids.length, maxLength);
    const positions = family.positions(config, ids, prompt.images);
    const images = prompt.images.map((each) => ({ key: pictureKey(each), spans: each.spans }));
    return { ids, answerStart: prompt.ids.length, positions, images, origin: example.origin };
  } catch (error) {
    throw ofExample(error, example);
  }
}

function tooLong(found: number, limit: number): OcellusError {
  return new OcellusError(
    "too_large",
    `question and answer have ${found} tokens, the context holds ${limit}; make the answer shorter`,
    { details: { found, limit } },
  );
}

/** Which line of which file it was. */
function ofExample(error: unknown, { origin, question }: TuneExample): unknown {
  if (!(error instanceof OcellusError) || error.code === "aborted") return error;
  const details = { ...error.details, origin };
  return new OcellusError(error.code, `${origin}, "${shorten(question, 60)}": ${error.message}`, {
    details,
    cause: error,
  });
}

/** What the template writes behind the prompt for the answer, up to the end of the turn, which is learnt too. */
function answerIds(
  { tokenizer, eosTokenIds }: RowReader,
  { prompt, whole, answer }: { readonly prompt: string; readonly whole: string; readonly answer: string },
): number[] {
  const at = whole.startsWith(prompt) ? prompt.length : whole.lastIndexOf(answer.trim());
  if (at < 0)
    throw new OcellusError(
      "unsupported",
      "the chat template of this model does not write the answer as it is, so what to learn cannot be told from the rest",
      { details: { answer: shorten(answer, 80) } },
    );
  const ids = tokenizer.encode(whole.slice(at));
  const end = ids.findIndex((id) => eosTokenIds.includes(id));
  if (end >= 0) return ids.slice(0, end + 1);
  const [eos] = eosTokenIds;
  return eos === undefined ? ids : [...ids, eos];
}

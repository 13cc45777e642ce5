/** A page read by a model that answers about images: a family that was trained to read documents, or any other that is asked to. */
import { OcellusError } from "../core/base/index.js";
import type { RgbImage } from "../core/image/spec/index.js";
import { image } from "../core/processor/index.js";
import { collect, type LanguageModel } from "../core/runtime/index.js";
import type { ImageReader } from "./read-pages.js";

type ModelReader = Extract<ImageReader, { readonly source: "model" }>;

/** A page of small print. */
const maxTokens = 8192;
/** The fixed prompts of families that read documents, each by its documentation. */
const prompts: Readonly<Record<string, string>> = { paddleocr_vl: "OCR:" };
const anyModel =
  "Transcribe all text of this page as Markdown, in reading order. Write tables as Markdown tables. Add nothing.";

export function modelReader(model: Pick<LanguageModel, "info" | "prepare" | "generate">): ModelReader {
  const text = prompts[model.info.modelType] ?? anyModel;
  return {
    source: "model",
    async markdown(page: RgbImage, signal?: AbortSignal) {
      const content = [image(page), { type: "text", text } as const];
      const tokens = Math.min(maxTokens, model.info.maxLength >> 1);
      const options = { maxTokens: tokens, sampling: { temperature: 0 }, ...(signal && { signal }) };
      const prepared = await model.prepare([{ role: "user", content }], options);
      const { text: markdown, finishReason, notes = [], usage } = await collect(model.generate(prepared));
      if (finishReason === "content_filter")
        throw new OcellusError("blocked", "what the model read of a page is blocked");
      return { markdown, isCut: finishReason === "length", notes, usage };
    },
  };
}

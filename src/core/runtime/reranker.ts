/**
 * A decoder that was trained to judge (Qwen3-VL-Reranker): how well documents fit a query, one by one, each a text, an image or
 * both. The score is the probability of "yes" against "no" as the first token of an answer. Prompts and budgets are those of the
 * published code (Qwen3-VL-Embedding, qwen3_vl_reranker.py).
 */
import { OcellusError, optionNames, refuseUnknownOptions, throwIfAborted } from "../base/index.js";
import type { RgbImage } from "../image/spec/index.js";
import { checkType, type EmbedderInput, idsBehind, type LoadEmbedderOptions, partsOf } from "./embedder.js";
import { loadWith } from "./load-model.js";
import type { VisionLanguageModel } from "./model.js";
import { loadingNames, openDecoder, openGraph } from "./open.js";

export type LoadRerankerOptions = Omit<LoadEmbedderOptions, "instruction">;

const optionsOfReranker = optionNames<LoadRerankerOptions>({ ...loadingNames, prefillWeights: true });

/** A text, an image, or both. */
export type RerankerInput = Omit<EmbedderInput, "instruction">;

export interface RerankOptions {
  /** What a document is to be to the query. Default: a candidate that answers a search query. */
  readonly instruction?: string;
  readonly signal?: AbortSignal;
}

export interface CountedScores {
  readonly scores: number[];
  readonly numTokens: number;
}

export interface RankedDocument {
  /** Its place among the documents that were given. */
  readonly index: number;
  /** 0 to 1. */
  readonly score: number;
}

const usualInstruction = "Given a search query, retrieve relevant candidates that answer the query.";
const system =
  "Judge whether the Document meets the requirements based on the Query and the Instruct provided. " +
  'Note that the answer can only be "yes" or "no".';

/** What an image is resized within, whatever the checkpoint's processor says. */
const budget = { minPixels: 4 * 32 * 32, maxPixels: 1280 * 32 * 32 };

/** As many documents as one call of published services takes. */
const maxDocuments = 1000;

/**
 * Opens the folder of a Qwen3-VL-Reranker checkpoint, or of its fine-tune, or a packed one.
 * @throws as `loadModel`; `unsupported` for another type, or a vocabulary in which "yes" or "no" is no token.
 */
export async function loadReranker(path: string, options: LoadRerankerOptions = {}): Promise<RerankerModel> {
  refuseUnknownOptions("loadReranker", options, optionsOfReranker);
  const model = await loadWith(
    (packed, name, session, usesPrefill) => {
      checkType(packed, "loadReranker");
      return name === "decoder"
        ? openDecoder(packed, session, options, { usesPrefill })
        : openGraph(packed, name, session, options);
    },
    path,
    { prefillWeights: "same", ...options, maxSequences: 1 },
  );
  try {
    return new RerankerModel(model);
  } catch (error) {
    await model.close();
    throw error;
  }
}

export class RerankerModel {
  readonly #model: VisionLanguageModel;
  readonly #yes: number;
  readonly #no: number;

  /** @internal Use `loadReranker`. */
  constructor(model: VisionLanguageModel) {
    this.#model = model;
    this.#yes = this.#idOf("yes");
    this.#no = this.#idOf("no");
  }

  #idOf(word: string): number {
    const id = this.#model.tokenizer.tokenId(word);
    if (id !== undefined) return id;
    const message = `${this.#model.info.path}: "${word}" is no token of its vocabulary; this is no reranker`;
    throw new OcellusError("unsupported", message, { details: { token: word } });
  }

  /** Name, format and limits, as a user would want to see them. */
  get info() {
    const { path, modelType, weights, digest, device, maxLength, notes } = this.#model.info;
    return { path, modelType, weights, digest, device, maxLength, notes };
  }

  /** All documents with their scores, best first; of equal ones the earlier. @throws as `score`. */
  async rank(
    query: RerankerInput,
    documents: readonly RerankerInput[],
    options: RerankOptions = {},
  ): Promise<RankedDocument[]> {
    const scores = await this.score(query, documents, options);
    return scores.map((score, index) => ({ index, score })).sort((a, b) => b.score - a.score);
  }

  /** What of an image the model is shown. */
  modelView(image: RgbImage): RgbImage {
    return this.#model.modelView(image, budget);
  }

  /** A score for each document, in their order. @throws `invalid_request`, `too_large`, as `decodeImage`, `aborted`. */
  async score(
    query: RerankerInput,
    documents: readonly RerankerInput[],
    options: RerankOptions = {},
  ): Promise<number[]> {
    return (await this.scoreCounted(query, documents, options)).scores;
  }

  /** The same, and how many tokens were read for it. */
  async scoreCounted(
    query: RerankerInput,
    documents: readonly RerankerInput[],
    { instruction = usualInstruction, signal }: RerankOptions = {},
  ): Promise<CountedScores> {
    checkCount(documents.length);
    const scores: number[] = [];
    const behind = idsBehind(this.#model);
    let numTokens = 0;
    for (const document of documents) {
      throwIfAborted(signal);
      const content = [
        `<Instruct>: ${instruction}`,
        "<Query>:",
        ...sideOf(query),
        "\n<Document>:",
        ...sideOf(document),
      ];
      const messages = [
        { role: "system", content: [system] },
        { role: "user", content },
      ] as const;
      const hasImage = query.image !== undefined || document.image !== undefined;
      const options = { ...(hasImage && budget), ...(signal && { signal }) };
      const prepared = await this.#model.prepare(messages, options);
      const logits = await this.#model.lastRow(prepared, behind);
      numTokens += prepared.promptIds.length + behind.length;
      scores.push(1 / (1 + Math.exp(logits[this.#no]! - logits[this.#yes]!)));
    }
    return { scores, numTokens };
  }

  /** What is asked later is refused with `closed`. */
  close(): Promise<void> {
    return this.#model.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** What the published code writes for a side that has nothing. */
function sideOf(input: RerankerInput) {
  const parts = partsOf(input);
  return parts.length > 0 ? parts : ["NULL"];
}

function checkCount(found: number): void {
  if (found >= 1 && found <= maxDocuments) return;
  throw new OcellusError("invalid_request", `documents: expected 1 to ${maxDocuments} of them, found ${found}`, {
    details: { field: "documents", least: 1, most: maxDocuments, found },
  });
}

/**
 * The work on a model's texts, where it holds up nothing else: its chat template, a program that came with the checkpoint,
 * runs in a process of its own, within limits of time and memory; long texts are tokenised on a thread, which starts with
 * the first of them.
 */
import { type Keep, OcellusError, stringifyJson } from "../base/index.js";
import type { PackedModel } from "../pack/portable.js";
import {
  checkTemplate,
  type TemplateData,
  type TemplateMethods,
  type TextWork,
  templateScript,
} from "../processor/index.js";
import type { EncodeOptions, Tokenizer } from "../tokenizer/index.js";
import { type Limit, TypedWorker } from "../worker/index.js";
import { type OpenedTextWork, openText, type TextSide } from "./open-text.js";
import type { OpenedImages } from "./opened-images.js";
import type { TokenizerData, TokenizerMethods } from "./tokenizer-worker.js";

export interface RenderLimits {
  readonly maxMs: number;
  readonly maxMiB: number;
}

/** Four thousand turns take Qwen3's template, one of the largest, a second and 30 MB; a busy machine is ten times as slow. */
const defaultLimits: RenderLimits = { maxMs: 10_000, maxMiB: 256 };
/** In UTF-16 code units: 10 ms at most, as long as a step of a small decoder; longer texts are sent to the thread. */
const shortText = 4096;
/** Sixteen million characters take 30 s on one core. */
const maxEncodeMs = 120_000;

export class TextWorkers implements OpenedTextWork {
  readonly #tokenizer: Tokenizer;
  readonly #template: TypedWorker<TemplateMethods>;
  readonly #encoder: TypedWorker<TokenizerMethods>;

  private constructor(tokenizer: Tokenizer, chatTemplate: string, path: string, limits: RenderLimits) {
    this.#tokenizer = tokenizer;
    this.#template = new TypedWorker<TemplateMethods>({
      script: templateScript,
      kind: "process",
      name: "the chat template's process",
      data: { chatTemplate } satisfies TemplateData,
      maxCallMs: limits.maxMs,
      maxHeapMiB: limits.maxMiB,
      limitError: (limit) => templateLimit(limit, limits),
    });
    this.#encoder = new TypedWorker<TokenizerMethods>({
      script: ["tokenizer-worker", import.meta.url],
      name: "the tokenizer's thread",
      data: { path } satisfies TokenizerData,
      maxCallMs: maxEncodeMs,
    });
  }

  /**
   * @param path the folder that holds the tokenizer's files
   * @throws `invalid_config` when the template is missing, cannot be parsed, or not within the limits.
   */
  static async open(
    tokenizer: Tokenizer,
    chatTemplate: string | undefined,
    path: string,
    limits = defaultLimits,
  ): Promise<TextWorkers> {
    const workers = new TextWorkers(tokenizer, checkTemplate(chatTemplate), path, limits);
    try {
      await workers.#template.call("compile", []);
      return workers;
    } catch (error) {
      await workers.close();
      throw error;
    }
  }

  render: TextWork["render"] = (messages, variables, signal) =>
    this.#template.call("render", [stringifyJson({ messages, variables })], { signal });

  async encode(text: string, options: EncodeOptions, signal?: AbortSignal): Promise<readonly number[]> {
    if (text.length <= shortText) return this.#tokenizer.encode(text, options);
    return Array.from(await this.#encoder.call("encode", [text, options], { signal }));
  }

  async close(): Promise<void> {
    await Promise.all([this.#template.close(), this.#encoder.close()]);
  }
}

function templateLimit(limit: Limit, { maxMs, maxMiB }: RenderLimits): OcellusError {
  const [what, details] =
    limit === "time"
      ? [`did not end within ${maxMs / 1000} s`, { limit, maxMs }]
      : [`took more than ${maxMiB} MiB of memory`, { limit, maxMiB }];
  return new OcellusError(
    "invalid_config",
    `the checkpoint's chat template ${what}; compare it with the original, or send fewer messages`,
    { details },
  );
}

/** The text side of a packed model, with workers of its own. @throws as `openText` */
export function openTextSide(packed: PackedModel, images: OpenedImages, keep: Keep): Promise<TextSide> {
  return openText(packed, images, (...given) => TextWorkers.open(...given), keep);
}

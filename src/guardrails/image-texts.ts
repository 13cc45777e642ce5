/**
 * What stands in images, for the guardrails that read it: by OCR, one image at a time, each once however many guardrails look at it.
 * The networks are opened with the first policy that needs them.
 */
import { LRUCache } from "lru-cache";
import { OcellusError, Semaphore } from "../core/base/index.js";
import { type ImageText, loadTextReader, type TextReader } from "../core/ocr/index.js";
import { keyOf } from "./memory.js";
import type { ImageSubject } from "./verdict.js";

/** Images whose text a second guardrail may still ask for: those that requests show at the same time. */
const maxTexts = 64;

/** Of a `TextReader` what is used here. */
type Reader = Pick<TextReader, "read" | "close">;

export class ImageTexts {
  readonly #openReader: () => Promise<Reader>;
  readonly #turn = new Semaphore(1);
  readonly #texts = new LRUCache<string, ImageText>({ max: maxTexts });
  #reader: Promise<Reader> | undefined;

  constructor(openReader: () => Promise<Reader> = loadTextReader) {
    this.#openReader = openReader;
  }

  /** @throws `unavailable` where the package with the networks is missing, `invalid_file`. */
  async open(): Promise<void> {
    this.#reader ??= this.#openReader();
    try {
      await this.#reader;
    } catch (error) {
      this.#reader = undefined; // it may be installed by the time that the policy is read again
      throw error;
    }
  }

  /** @throws `too_large` for more text than is read; as `decodeImage`, `aborted`, `closed`. */
  read(subject: ImageSubject, signal: AbortSignal): Promise<ImageText> {
    const key = keyOf(subject);
    return this.#turn.run(async () => {
      const text = this.#texts.get(key) ?? (await this.#readNow(subject, signal));
      this.#texts.set(key, text);
      return text;
    }, signal);
  }

  async #readNow(subject: ImageSubject, signal: AbortSignal): Promise<ImageText> {
    const reader = await this.#reader;
    if (!reader) throw new OcellusError("closed", "the reader of text in images is not open");
    const text = await reader.read(await subject.pixels(), { signal, minScore: 0 }); // the model may read what OCR is unsure of
    if (text.isComplete) return text;
    throw new OcellusError(
      "too_large",
      "the image has more lines of text than are read, so not all of it was checked",
      {
        details: { numLines: text.lines.length },
      },
    );
  }

  async close(): Promise<void> {
    const reader = await this.#reader?.catch(() => undefined);
    this.#reader = undefined;
    await reader?.close();
  }
}

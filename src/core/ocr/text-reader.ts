/**
 * Text in images: where each line stands and what it says, by PP-OCRv4 on a thread of its own (docs/reading.md). The thread has no time
 * limit, since ending it within ONNX Runtime would end the whole process: what bounds its work are the sizes in detect.ts and
 * recognise.ts and the number of lines, and a caller's signal is heard before each line.
 */
import { defaultThreads } from "../backend/index.js";
import { Closing, OcellusError, optionNames, refuseUnknownOptions, Semaphore, throwIfAborted } from "../base/index.js";
import { type ImageInput, type ImageLimits, LoadedImage } from "../image/node/index.js";
import { type Box, boxAround } from "../image/spec/index.js";
import { TypedWorker } from "../worker/index.js";
import { installedOcrFiles } from "./ocr-files.js";
import type { OcrMethods, OcrThreadOptions } from "./ocr-worker.js";
import { readingRows } from "./reading-order.js";
import type { ReadLine } from "./recognise.js";
import type { Quad } from "./rectangle.js";

export interface TextLine extends ReadLine {
  /** Corners in pixels of the image as it is shown, from the top left of the text as it is read, clockwise. */
  readonly quad: Quad;
  /** Left, top, right, bottom of the upright box around it. */
  readonly box: Box;
  /** Where it begins in the image's `text`, in UTF-16 units. */
  readonly start: number;
}

export interface ImageText {
  /** Of the image as it is shown. */
  readonly width: number;
  readonly height: number;
  /** In the order of reading. */
  readonly lines: readonly TextLine[];
  /** All lines; what stands side by side is in one row, rows end with a newline. */
  readonly text: string;
  /** False where more lines were found than were read. */
  readonly isComplete: boolean;
}

export interface TextReaderOptions {
  /** Of one operator. Default: all cores. */
  readonly threads?: number;
}

export interface ReadTextOptions extends ImageLimits {
  readonly signal?: AbortSignal;
  /** Lines that are less certain are left out. Default: 0.5. */
  readonly minScore?: number;
  /** Most lines that are read. Default: 1000, as in PaddleOCR: a page of a newspaper has fewer. */
  readonly maxLines?: number;
  /** Called after each line. */
  readonly onLine?: (done: number, all: number) => void;
}

const readerNames = optionNames<TextReaderOptions>({ threads: true });
const readNames = optionNames<ReadTextOptions>({
  ...{ signal: true, minScore: true, maxLines: true, onLine: true, maxBytes: true, maxPixels: true, maxMs: true },
});
const defaultMinScore = 0.5;
const defaultMaxLines = 1000;
/** A line takes some ten milliseconds. */
const mostLines = 10_000;

export class TextReader {
  readonly #worker: TypedWorker<OcrMethods>;
  /** The thread keeps one image. Of one that dies only the image is lost: another takes its place. */
  readonly #turn = new Semaphore(1);
  readonly #closing = new Closing("the reader of text");

  private constructor(data: OcrThreadOptions) {
    const script = ["ocr-worker", import.meta.url] as const;
    this.#worker = new TypedWorker({ script, name: "the thread that reads text", data });
  }

  /** @throws `unavailable` where the package with the networks is missing, `invalid_file`. */
  static async open({ threads = defaultThreads() }: TextReaderOptions = {}): Promise<TextReader> {
    const reader = new TextReader({ files: await installedOcrFiles(), threads });
    try {
      await reader.#worker.call("opened", []);
      return reader;
    } catch (error) {
      await reader.#worker.close();
      throw error;
    }
  }

  /** @throws as `decodeImage`; `invalid_request`, `aborted`, `closed`. */
  async read(input: ImageInput, options: ReadTextOptions = {}): Promise<ImageText> {
    this.#closing.check();
    checkOptions(options);
    const { signal, minScore = defaultMinScore, maxLines = defaultMaxLines, onLine: _, ...limits } = options;
    const loaded = await LoadedImage.of(input).take({ ...limits, ...(signal && { signal }) });
    const source = "image" in loaded ? loaded.image : loaded;
    return this.#turn.run(async () => {
      try {
        const found = await this.#worker.call("find", [source, limits, maxLines], { signal });
        const lines = await this.#readLines(found.numLines, options);
        const { width, height, isComplete } = found;
        return { width, height, isComplete, ...composed(lines.filter(({ score }) => score >= minScore)) };
      } finally {
        await this.#worker.call("forget", []).catch(() => {}); // a thread that is gone keeps nothing
      }
    }, signal);
  }

  async #readLines(count: number, { signal, onLine }: ReadTextOptions) {
    const lines: Awaited<ReturnType<OcrMethods["read"]>>[] = [];
    for (let i = 0; i < count; i++) {
      throwIfAborted(signal);
      lines.push(await this.#worker.call("read", [i], { signal }));
      onLine?.(i + 1, count);
    }
    return lines;
  }

  /** After what is being read. */
  close(): Promise<void> {
    return this.#closing.run(() =>
      this.#turn.run(async () => {
        if (!this.#worker.isLost) await this.#worker.call("close", []);
        await this.#worker.close();
      }),
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Opens the networks once, for many images. @throws as `TextReader.open`. */
export function loadTextReader(options: TextReaderOptions = {}): Promise<TextReader> {
  refuseUnknownOptions("loadTextReader", options, readerNames);
  return TextReader.open(options);
}

/** The text of one image; for many, open a reader once with `loadTextReader`. @throws as `TextReader.open` and `read`. */
export async function readText(input: ImageInput, options: ReadTextOptions = {}): Promise<ImageText> {
  checkOptions(options);
  const reader = await TextReader.open();
  try {
    return await reader.read(input, options);
  } finally {
    await reader.close();
  }
}

function checkOptions(options: ReadTextOptions): void {
  refuseUnknownOptions("readText", options, readNames);
  const { minScore = 0, maxLines = 1 } = options;
  if (!(minScore >= 0 && minScore <= 1)) throw outside("minScore", "a number from 0 to 1", minScore);
  if (!Number.isInteger(maxLines) || maxLines < 1 || maxLines > mostLines)
    throw outside("maxLines", `a whole number from 1 to ${mostLines}`, maxLines);
}

function outside(option: string, expected: string, found: unknown): OcellusError {
  return new OcellusError("invalid_request", `${option}: expected ${expected}, found ${found}`, {
    details: { param: option, expected, found },
  });
}

/** Lines in their order, each with its place in the whole text. */
function composed(lines: readonly (ReadLine & { readonly quad: Quad })[]): Pick<ImageText, "lines" | "text"> {
  const ordered: TextLine[] = [];
  let text = "";
  for (const row of readingRows(lines)) {
    for (const [i, line] of row.entries()) {
      if (i > 0) text += " ";
      ordered.push({ ...line, box: boxAround(line.quad), start: text.length });
      text += line.text;
    }
    text += "\n";
  }
  return { lines: ordered, text };
}

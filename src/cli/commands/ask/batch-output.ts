/** The output of a batch: a line for each answer, so that the file is its own record of what is done (json-lines-file.ts). */
import { z } from "zod";
import { OcellusError } from "../../../core/base/index.js";
import { JsonLinesFile } from "../../../evals/index.js";

/** An answer has no pictures in it, but it may have the embeddings of 2048 inputs. */
const maxLineBytes = 256 * 2 ** 20;

const lineSchema = z.looseObject({ custom_id: z.string() });

/** The answers of a batch, or its failures: each with the id of its request. */
export class BatchOutput {
  readonly #lines: JsonLinesFile;
  /** Of the lines that were there when it was opened. */
  readonly ids: ReadonlySet<string>;

  private constructor(lines: JsonLinesFile, ids: ReadonlySet<string>) {
    this.#lines = lines;
    this.ids = ids;
  }

  /** @throws `io`, `invalid_file` when it holds something else. */
  static async open(path: string): Promise<BatchOutput> {
    const ids = new Set<string>();
    const onLine = (text: string, origin: string) => void ids.add(idOf(text, origin));
    return new BatchOutput(await JsonLinesFile.open(path, { maxLineBytes, onLine }), ids);
  }

  /** Resolves when the line is on the disk. @throws `io`. */
  append(value: unknown): Promise<void> {
    return this.#lines.append(value);
  }

  close(): Promise<void> {
    return this.#lines.close();
  }
}

function idOf(text: string, origin: string): string {
  try {
    return lineSchema.parse(JSON.parse(text)).custom_id;
  } catch (cause) {
    throw new OcellusError(
      "invalid_file",
      `${origin} expected a line of batch output, found something else; the file is not changed: choose another --out`,
      { cause },
    );
  }
}

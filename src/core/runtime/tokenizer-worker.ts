/** The script of a tokenizer thread: a second copy of a model's tokenizer, for long texts. See text-workers.ts. */
import { listSideFiles, readSideJson } from "../fs/index.js";
import type { EncodeOptions, Tokenizer } from "../tokenizer/index.js";
import { serve } from "../worker/index.js";
import { readTokenizer } from "./read-tokenizer.js";

export interface TokenizerData {
  readonly path: string;
}

function methodsOf({ path }: TokenizerData) {
  let tokenizer: Promise<Tokenizer> | undefined;
  return {
    async encode(text: string, options: EncodeOptions): Promise<Int32Array> {
      tokenizer ??= readTokenizer({
        path,
        readJson: (name) => readSideJson(path, name),
        sideFiles: () => listSideFiles(path),
      });
      return Int32Array.from((await tokenizer).encode(text, options));
    },
  };
}
export type TokenizerMethods = ReturnType<typeof methodsOf>;

serve(methodsOf);

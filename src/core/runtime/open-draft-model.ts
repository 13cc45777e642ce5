/** Opens a draft model: a small checkpoint whose tokens are those of the model that it drafts for, id for id. */
import { type Keep, OcellusError } from "../base/index.js";
import { openCheckpoint } from "../checkpoint/index.js";
import { isRecurrent } from "../graph/index.js";
import { openPacked, type PackedModel } from "../pack/index.js";
import type { Tokenizer } from "../tokenizer/index.js";
import { DraftDecoder } from "./draft-model.js";
import { findPacked, openDecoder, type PackingChoice, type Threading } from "./open.js";
import { readTokenizer } from "./read-tokenizer.js";
import { DecoderRunner } from "./runner.js";

export interface DraftModelChoice {
  /**
   * Checkpoint folder or packed model of a smaller model with the same tokenizer. It drafts where no schema or earlier text tells
   * what follows; of prompts it reads the text only. Packed as the model is.
   */
  readonly draftModel?: string;
}

/** The model that is drafted for. */
export interface DraftedFor {
  readonly packed: PackedModel;
  readonly tokenizer: Tokenizer;
  /** Tokens that stand for images. */
  readonly imageTokenIds: readonly number[];
  readonly numSlots: number;
  readonly maxLength: number;
  readonly threads: number;
}

/** @throws `invalid_config` (another tokenizer), `unsupported` (layers with states), and as `loadModel`. */
export async function openDraftModel(
  path: string,
  { packed: large, tokenizer, imageTokenIds, numSlots, maxLength, threads }: DraftedFor,
  options: PackingChoice & Threading,
  keep: Keep,
): Promise<DraftDecoder> {
  await checkSameTokenizer(path, tokenizer);
  const packed = await keep(openPacked((await findPacked(path, { ...options, device: "cpu" }, "language")).path));
  if (isRecurrent(packed.family.states(packed.config)))
    throw new OcellusError(
      "unsupported",
      `draft model ${path}: its layers keep states, which cannot be cut back behind a draft that was wrong; take one without`,
      { details: { draftModel: path, modelType: packed.manifest.model_type } },
    );
  const session = { device: "cpu", threads } as const;
  const decoder = await keep(openDecoder(packed, session, options, { usesPrefill: false, takesRuns: true }));
  const sizes = packed.family.dimensions(packed.config);
  const runner = new DecoderRunner(packed, decoder, { numSlots, maxLength: Math.min(maxLength, sizes.maxLength) });
  const vocabSize = Math.min(sizes.vocabSize, large.family.dimensions(large.config).vocabSize);
  return new DraftDecoder(
    runner,
    (id) => id < vocabSize && !imageTokenIds.includes(id),
    async () => {
      await decoder.close();
      await packed.close();
    },
  );
}

async function checkSameTokenizer(path: string, large: Tokenizer): Promise<void> {
  const files = await openCheckpoint(path);
  const small = await readTokenizer(files).finally(() => files.close());
  const spelled = ({ bytesOf, decode }: Tokenizer, id: number) =>
    bytesOf ? String.fromCharCode(...bytesOf(id)) : decode([id], { skipSpecialTokens: false });
  for (let id = 0; id < Math.max(large.vocabSize, small.vocabSize); id++) {
    const [expected, found] = [spelled(large, id), spelled(small, id)];
    if (expected === found) continue;
    throw new OcellusError(
      "invalid_config",
      `draft model ${path}: expected the tokenizer of the model that it drafts for, found ${JSON.stringify(found)} ` +
        `for token ${id} instead of ${JSON.stringify(expected)}; take a smaller model of the same series`,
      { details: { draftModel: path, token: id, expected, found } },
    );
  }
}

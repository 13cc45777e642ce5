/** The tokenizer of a checkpoint's folder, and the files that must be there. */
import { OcellusError } from "../base/index.js";
import type { Checkpoint } from "../checkpoint/portable.js";
import { createTokenizer, type Tokenizer } from "../tokenizer/index.js";

type SideFiles = Pick<Checkpoint, "path" | "readJson" | "sideFiles">;

/**
 * @param lowercases whether texts are lower-cased before all else.
 * @throws `not_found`, `invalid_file`, `unsupported`.
 */
export async function readTokenizer(files: SideFiles, lowercases = false): Promise<Tokenizer> {
  const json = await requiredJson(files, "tokenizer.json");
  return createTokenizer(lowercases ? lowercasing(json) : json, await files.readJson("tokenizer_config.json"));
}

/** Added tokens are found before a normalizer, so a text cannot spell one in capitals. */
function lowercasing(json: unknown): unknown {
  const { normalizer, ...rest } = json as { normalizer?: object | null };
  const normalizers = [{ type: "Lowercase" }, ...(normalizer ? [normalizer] : [])];
  return { ...rest, normalizer: { type: "Sequence", normalizers } };
}

/** Tokenizers of the reference's Python classes, whose rules of splitting are code. */
const slowTokenizer = /^(vocab\.(json|txt)|merges\.txt|.*\.model)$/;

/** A side file without which the model cannot be used. @throws `not_found`. */
export async function requiredJson(files: SideFiles, name: string): Promise<unknown> {
  const json = await files.readJson(name);
  if (json !== undefined) return json;
  const slow = (await files.sideFiles()).filter((each) => slowTokenizer.test(each));
  const next =
    slow.length === 0
      ? "the tokenizer files belong beside the weights"
      : `found ${slow.join(", ")} only; transformers writes it of them: AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)`;
  const path = `${files.path.replace(/[/\\]$/, "")}/${name}`;
  throw new OcellusError("not_found", `${path} is missing: ${next}`, {
    details: { path, found: slow },
  });
}

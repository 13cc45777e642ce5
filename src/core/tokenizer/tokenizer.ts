/**
 * Text ↔ token ids, from the tokenizer.json and tokenizer_config.json of a checkpoint. Splitting belongs to
 * @huggingface/tokenizers; this adds checks, merging that long texts can bear (library-model.ts), an exact decoder for
 * byte-level vocabularies, and plain lookups.
 * Traps of that library, all kept inside this file: `clean_up_tokenization_spaces` is on unless switched off and edits
 * the text; decoding nothing throws; decoding looks through all added tokens for each id.
 */
import { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";
import { OcellusError, shorten } from "../base/index.js";
import { tokenBytes } from "./byte-level.js";
import { parseTokenizerFiles, type TokenizerFiles } from "./files.js";
import { adoptLowercase, adoptModel, TooManyTokens } from "./library-model.js";
import { specialTokenFinder } from "./special-tokens.js";

export interface EncodeOptions {
  /** Whether the tokenizer adds its own start and end tokens. Default false: the chat template has written them. */
  readonly addSpecialTokens?: boolean;
  /**
   * A text that needs more is refused as soon as that is certain, before it is tokenised to its end. Default: no limit. Byte-level
   * vocabularies only; with others the caller counts.
   */
  readonly maxTokens?: number | undefined;
}

export interface DecodeOptions {
  /** Default true. */
  readonly skipSpecialTokens?: boolean;
}

export interface Tokenizer {
  /** @throws `too_large` beyond `maxTokens`, with `details.promptTokens` as a lower bound. */
  encode(text: string, options?: EncodeOptions): number[];
  /** The first special token that a text spells, so that `encode` could make it; found without tokenising. */
  specialTokenIn(text: string): string | undefined;
  /** Ids that name no token (an embedding table is often padded past its vocabulary) give no text. */
  decode(ids: readonly number[], options?: DecodeOptions): string;
  tokenId(token: string): number | undefined;
  /**
   * The bytes an id adds to the text, or undefined when the text is not simply the bytes of its tokens one after another
   * (any vocabulary that is not byte-level).
   */
  readonly bytesOf: ((id: number) => Uint8Array) | undefined;
  /** Tokens that mark structure, such as turns and pictures, by their spelling. */
  readonly specialTokens: ReadonlyMap<string, number>;
  /** These, and the other tokens that were added to the vocabulary and that no text is merged into. */
  readonly addedTokens: ReadonlyMap<string, number>;
  /** The largest id plus one. */
  readonly vocabSize: number;
  /** As tokenizer_config.json carries it, if it does. */
  readonly chatTemplate: string | undefined;
  /** bos_token, eos_token and their kin, by those names: templates refer to them. */
  readonly namedTokens: Readonly<Record<string, string>>;
  /** Where rows are filled up, if the files say so. */
  readonly paddingSide: "left" | "right" | undefined;
}

/**
 * @param tokenizerJson parsed tokenizer.json
 * @param tokenizerConfigJson parsed tokenizer_config.json; undefined when the checkpoint has none
 * @throws `invalid_file` when malformed, `unsupported` for a component that is not implemented.
 */
export function createTokenizer(tokenizerJson: unknown, tokenizerConfigJson: unknown): Tokenizer {
  const files = parseTokenizerFiles(tokenizerJson, tokenizerConfigJson);
  const inner = createInner(tokenizerJson as object, (tokenizerConfigJson ?? {}) as object);
  const special = new Map(files.addedTokens.filter((token) => token.special).map((token) => [token.content, token.id]));
  const specialIds = new Set(special.values());
  const bytesOf = files.isByteLevel ? byteTable(inner, files) : undefined;
  const limited = adoptModel(inner, files.isByteLevel);
  adoptLowercase(inner.normalizer);
  return {
    encode: (text, { addSpecialTokens = false, maxTokens = Number.POSITIVE_INFINITY } = {}) =>
      guarded(() => limited(maxTokens, () => inner.encode(text, { add_special_tokens: addSpecialTokens }).ids)),
    specialTokenIn: specialTokenFinder(inner, special.keys()),
    decode(ids, { skipSpecialTokens = true } = {}) {
      const shown = ids.filter(
        (id) => inner.id_to_token(id) !== undefined && !(skipSpecialTokens && specialIds.has(id)),
      );
      if (shown.length === 0) return "";
      if (bytesOf) return utf8Decoder().decode(concatenate(shown.map(bytesOf)));
      return guarded(() => inner.decode(shown, { skip_special_tokens: false, clean_up_tokenization_spaces: false }));
    },
    tokenId: (token) => inner.token_to_id(token),
    bytesOf,
    specialTokens: special,
    addedTokens: new Map(files.addedTokens.map(({ content, id }) => [content, id])),
    vocabSize: files.vocabSize,
    chatTemplate: files.chatTemplate,
    namedTokens: files.namedTokens,
    paddingSide: files.paddingSide,
  };
}

function createInner(tokenizerJson: object, tokenizerConfigJson: object): HuggingFaceTokenizer {
  return guarded(() => new HuggingFaceTokenizer(tokenizerJson, tokenizerConfigJson));
}

/** The library checks a file as it uses it, if at all: what it trips over is the file's fault. */
function guarded<T>(use: () => T): T {
  try {
    return use();
  } catch (cause) {
    if (cause instanceof TooManyTokens) throw tooManyTokens(cause);
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OcellusError(
      /unknown|unsupported/i.test(reason) ? "unsupported" : "invalid_file",
      `tokenizer.json cannot be used: ${shorten(reason, 160)}; compare it with the checkpoint's original file`,
      { details: { file: "tokenizer.json", reason: shorten(reason, 160) }, cause },
    );
  }
}

function tooManyTokens({ numTokens, maxTokens }: TooManyTokens): OcellusError {
  return new OcellusError(
    "too_large",
    `the text has at least ${numTokens} tokens, at most ${maxTokens} fit; shorten it`,
    { details: { promptTokens: numTokens, maxTokens } },
  );
}

/** Bytes of each id, made when first asked for. Added tokens stand for their spelling, others for mapped bytes. */
function byteTable(inner: HuggingFaceTokenizer, { addedTokens }: TokenizerFiles): (id: number) => Uint8Array {
  const utf8 = new TextEncoder();
  const table = new Map<number, Uint8Array>(addedTokens.map(({ id, content }) => [id, utf8.encode(content)]));
  return (id) => {
    const bytes = table.get(id) ?? tokenBytes(inner.id_to_token(id) ?? "");
    table.set(id, bytes);
    return bytes;
  };
}

/** Broken bytes become U+FFFD; a byte order mark is text like any other. */
export function utf8Decoder() {
  return new TextDecoder("utf-8", { ignoreBOM: true });
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

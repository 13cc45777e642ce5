/** What we rely on in tokenizer.json and tokenizer_config.json, checked before a library that does not check sees it. */
import { z } from "zod";
import { OcellusError, shorten } from "../base/index.js";

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
}

export interface TokenizerFiles {
  readonly addedTokens: readonly AddedToken[];
  readonly vocabSize: number;
  /** Whether the text is the bytes of the tokens, one after another. */
  readonly isByteLevel: boolean;
  readonly chatTemplate: string | undefined;
  readonly namedTokens: Readonly<Record<string, string>>;
  readonly paddingSide: "left" | "right" | undefined;
}

/** 2^24 is 60 times the largest published vocabulary; the library makes an array as long as the largest id. */
const maxId = 2 ** 24;
const id = z.number().int().min(0).max(maxId);
const component = z.looseObject({ type: z.string() }).nullable();

const tokenizerSchema = z.looseObject({
  model: z.looseObject({ type: z.string().optional() }),
  added_tokens: z.array(z.looseObject({ id, content: z.string().min(1), special: z.boolean().default(false) })),
  normalizer: component,
  pre_tokenizer: component,
  post_processor: component,
  decoder: component,
});

interface Vocabulary {
  readonly vocab: Readonly<Record<string, number>> | readonly unknown[];
  readonly unk_token?: string | null | undefined;
}

/** By model type. Unigram's is a list of pieces, whose ids are their places. */
const vocabularies: Readonly<Record<string, z.ZodType<Vocabulary>>> = {
  BPE: z.looseObject({
    vocab: z.record(z.string(), id),
    merges: z.array(z.union([z.string(), z.tuple([z.string(), z.string()])])),
    unk_token: z.string().nullish(),
  }),
  WordPiece: z.looseObject({ vocab: z.record(z.string(), id), unk_token: z.string() }),
  Unigram: z.looseObject({ vocab: z.array(z.tuple([z.string(), z.number()])), unk_id: id.nullish() }),
};

/**
 * Whether a vocabulary is sound, in nanoseconds an entry: a schema takes microseconds for each of the hundred thousands, at every
 * opening of a model. What is not sound, the schema names.
 */
const isSound: Readonly<Record<string, (model: Readonly<Record<string, unknown>>) => boolean>> = {
  BPE: ({ vocab, merges, unk_token }) =>
    isTokenIds(vocab) &&
    isList(merges) &&
    merges.every(isMerge) &&
    (typeof unk_token === "string" || unk_token == null),
  WordPiece: ({ vocab, unk_token }) => isTokenIds(vocab) && typeof unk_token === "string",
};

function isTokenIds(vocab: unknown): boolean {
  return typeof vocab === "object" && vocab !== null && !isList(vocab) && Object.values(vocab).every(isId);
}

function isId(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= maxId;
}

function isMerge(value: unknown): boolean {
  return (
    typeof value === "string" ||
    (isList(value) && value.length === 2 && value.every((side) => typeof side === "string"))
  );
}

const token = z.union([z.string(), z.looseObject({ content: z.string() })]);
const configSchema = z.looseObject({
  chat_template: z.union([z.string(), z.array(z.looseObject({ name: z.string(), template: z.string() }))]).nullish(),
  bos_token: token.nullish(),
  eos_token: token.nullish(),
  pad_token: token.nullish(),
  unk_token: token.nullish(),
  padding_side: z.enum(["left", "right"]).nullish(),
});

/** @throws `invalid_file`, `unsupported`. */
export function parseTokenizerFiles(tokenizerJson: unknown, tokenizerConfigJson: unknown): TokenizerFiles {
  const { model, added_tokens: addedTokens, decoder } = parse("tokenizer.json", tokenizerSchema, tokenizerJson);
  const config = parse("tokenizer_config.json", configSchema, tokenizerConfigJson ?? {});
  const ids = [...vocabularyIds(model), ...addedTokens.map((added) => added.id)];
  return {
    addedTokens,
    vocabSize: ids.reduce((largest, each) => Math.max(largest, each), -1) + 1,
    isByteLevel: decoder?.type === "ByteLevel",
    chatTemplate: defaultTemplate(config.chat_template),
    namedTokens: namedTokens(config),
    paddingSide: config.padding_side ?? undefined,
  };
}

function vocabularyIds(model: { readonly type?: string | undefined }): readonly number[] {
  const type = model.type ?? "BPE"; // files from before 2020 leave it out
  const schema = Object.hasOwn(vocabularies, type) ? vocabularies[type] : undefined;
  if (!schema)
    throw new OcellusError(
      "unsupported",
      `tokenizer.json: expected a model of type ${Object.keys(vocabularies).join(", ")}, found "${shorten(type)}"`,
      {
        details: {
          file: "tokenizer.json",
          field: "model.type",
          supported: Object.keys(vocabularies),
          found: shorten(type),
        },
      },
    );
  const checked = isSound[type]?.(model) ? (model as unknown as Vocabulary) : parse("tokenizer.json", schema, model);
  const { vocab, unk_token: unknown } = checked;
  if (isList(vocab)) return vocab.map((_, index) => index);
  if (typeof unknown === "string" && !Object.hasOwn(vocab, unknown))
    throw new OcellusError("invalid_file", `tokenizer.json: unk_token "${shorten(unknown)}" is not in the vocabulary`, {
      details: { file: "tokenizer.json", field: "model.unk_token", found: shorten(unknown) },
    });
  return Object.values(vocab);
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function defaultTemplate(template: z.infer<typeof configSchema>["chat_template"]): string | undefined {
  if (typeof template === "string") return template;
  return template?.find(({ name }) => name === "default")?.template;
}

function namedTokens(config: z.infer<typeof configSchema>): Record<string, string> {
  const { bos_token, eos_token, pad_token, unk_token } = config;
  const named = Object.entries({ bos_token, eos_token, pad_token, unk_token });
  return Object.fromEntries(
    named.flatMap(([name, value]) => (value ? [[name, typeof value === "string" ? value : value.content]] : [])),
  );
}

function parse<T>(file: string, schema: z.ZodType<T>, json: unknown): T {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  // The first few: a damaged vocabulary has as many problems as entries.
  const problems = result.error.issues
    .slice(0, 3)
    .map((issue) => shorten(`${issue.path.join(".") || "(top level)"}: ${issue.message}`));
  throw new OcellusError("invalid_file", `${file} is malformed: ${problems.join("; ")}; fetch it again`, {
    details: { file, problems },
  });
}

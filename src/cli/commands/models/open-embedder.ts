/** The model that makes vectors, for the time of one command: one made for it, or one that answers questions. */

import { OcellusError } from "../../../core/base/index.js";
import { readSideJson } from "../../../core/fs/index.js";
import { familyOf } from "../../../core/models/index.js";
import {
  type DualEncoderModel,
  type EmbedderModel,
  type ImageClassifier,
  type ImageEncoderModel,
  type LoadDualEncoderOptions,
  type LoadOptions,
  loadClassifier,
  loadDualEncoder,
  loadEmbedder,
  loadImageEncoder,
} from "../../../core/runtime/index.js";
import type { GuardedEmbedder, GuardedVisionLanguageModel } from "../../../guardrails/index.js";
import { resolveModel } from "../../../hub/index.js";
import { embedderOf, type ImageEmbedder } from "../../../retrieval/index.js";
import { loadOptions, type ModelFlags } from "../../options.js";
import { printNotes, type Terminal } from "../../ui/terminal.js";
import { withGuards, withModel } from "./open-model.js";

export type EitherModel =
  | { readonly kind: "clip"; readonly model: GuardedEmbedder }
  | { readonly kind: "chat"; readonly model: GuardedVisionLanguageModel };

/** Whichever kind --model names. */
export async function withEitherModel<T>(
  flags: ModelFlags,
  terminal: Terminal,
  body: (opened: EitherModel) => Promise<T>,
): Promise<T> {
  const folder = await resolveModel(flags.model);
  const kind = await embedderKind(folder);
  if (kind === "chat") return withModel({ ...flags, model: folder }, terminal, (model) => body({ kind, model }));
  await refuseAnswering(flags, folder);
  const model = await openEmbedder(folder, { ...loadOptions(flags), signal: terminal.signal });
  if (!flags.json) printNotes(terminal, model.info.notes);
  try {
    return await withGuards(flags, (guards) => body({ kind: "clip", model: guards.embedding(model) }));
  } finally {
    await model.close();
  }
}

/** The classifier that --model names; undefined for a model of another kind. @throws `invalid_request` for what it cannot honour. */
export async function withClassifier<T>(
  flags: ModelFlags,
  terminal: Terminal,
  body: (classifier: ImageClassifier) => Promise<T>,
): Promise<T | undefined> {
  const folder = await resolveModel(flags.model);
  if ((await kindOf(folder)) !== "classifier") return undefined;
  await refuseAnswering(flags, folder);
  if (flags.guards ?? process.env.OCELLUS_GUARDS)
    throw new OcellusError(
      "invalid_request",
      `--guards: ${flags.model} is a classifier, which no guardrail stands before`,
      {
        details: { option: "guards" },
      },
    );
  const { prefillWeights: _, speculation: __, draftModel: ___, kvCacheDtype: ____, ...options } = loadOptions(flags);
  const classifier = await loadClassifier(folder, { ...options, signal: terminal.signal });
  if (!flags.json) printNotes(terminal, classifier.notes);
  try {
    return await body(classifier);
  } finally {
    await classifier.close();
  }
}

/** Options of models that answer; a decoder that embeds has the first as well. */
const answering = {
  prefillWeights: "--prefill-weights",
  speculation: "--speculation",
  draftModel: "--draft-model",
  kvCacheDtype: "--kv-cache-dtype",
} as const;
type OfAnswers = Pick<LoadOptions, keyof typeof answering>;

/** Flags without those that only a model that answers has: for the one that makes vectors beside it. */
export function embedding<F extends ModelFlags>(flags: F): F {
  return {
    ...flags,
    prefillWeights: undefined,
    speculation: undefined,
    draftModel: undefined,
    kvCacheDtype: undefined,
  };
}

/** @throws `invalid_request` for an option that the model in the folder, which makes vectors, cannot honour. */
async function refuseAnswering(flags: ModelFlags, folder: string): Promise<void> {
  const { prefillWeights, speculation, draftModel, kvCacheDtype } = flags;
  const given = { speculation, draftModel, kvCacheDtype, ...(!isDecoder(await kindOf(folder)) && { prefillWeights }) };
  for (const name of Object.keys(given) as (keyof typeof given)[])
    if (given[name] !== undefined)
      throw new OcellusError(
        "invalid_request",
        `${answering[name]}: ${flags.model} makes vectors and has no use for it; leave the option out`,
        { details: { option: name, found: given[name] } },
      );
}

/**
 * Opens a model that makes vectors: two towers, one of images alone, or a decoder that was trained to embed. What is none of the
 * first is taken for the last.
 */
export async function openEmbedder(
  folder: string,
  { prefillWeights, speculation: _, draftModel: __, kvCacheDtype: ___, ...options }: LoadDualEncoderOptions & OfAnswers,
): Promise<DualEncoderModel | ImageEncoderModel | EmbedderModel> {
  const kind = await kindOf(folder);
  if (kind === "image_encoder") return loadImageEncoder(folder, options);
  return kind === "dual_encoder"
    ? loadDualEncoder(folder, options)
    : loadEmbedder(folder, { ...options, ...(prefillWeights && { prefillWeights }) });
}

async function kindOf(folder: string) {
  const config = await readSideJson(folder, "config.json");
  return config === undefined ? undefined : familyOf(config).kind;
}

function isTowers(kind: Awaited<ReturnType<typeof kindOf>>): boolean {
  return kind === "dual_encoder" || kind === "image_encoder";
}

function isDecoder(kind: Awaited<ReturnType<typeof kindOf>>): boolean {
  return kind === "language" || kind === undefined;
}

/** A decoder that embeds differs from one that answers in a file only: the list of modules around it, whose second one pools. */
async function embedderKind(folder: string): Promise<EitherModel["kind"]> {
  if (isTowers(await kindOf(folder))) return "clip";
  const modules = await readSideJson(folder, "modules.json");
  const pools = (module: { readonly type?: unknown } | null) => /\bPooling$/.test(String(module?.type));
  return Array.isArray(modules) && modules.some(pools) ? "clip" : "chat";
}

export function withEmbedder<T>(
  flags: ModelFlags,
  terminal: Terminal,
  body: (embedder: ImageEmbedder) => Promise<T>,
): Promise<T> {
  return withEitherModel(flags, terminal, ({ model }) => body(embedderOf(model)));
}

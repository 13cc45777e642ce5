/** The model that makes vectors, for the time of one command: a CLIP checkpoint, or one that answers questions. */

import { readSideJson } from "../../../core/fs/index.js";
import { familyOf } from "../../../core/models/index.js";
import { loadDualEncoder } from "../../../core/runtime/index.js";
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
  const config = await readSideJson(folder, "config.json");
  if (config === undefined || familyOf(config).kind !== "dual_encoder")
    return withModel({ ...flags, model: folder }, terminal, (model) => body({ kind: "chat", model }));
  const model = await loadDualEncoder(folder, { ...loadOptions(flags), signal: terminal.signal });
  if (!flags.json) printNotes(terminal, model.info.notes);
  try {
    return await withGuards(flags, (guards) => body({ kind: "clip", model: guards.embedding(model) }));
  } finally {
    await model.close();
  }
}

export function withEmbedder<T>(
  flags: ModelFlags,
  terminal: Terminal,
  body: (embedder: ImageEmbedder) => Promise<T>,
): Promise<T> {
  return withEitherModel(flags, terminal, ({ model }) => body(embedderOf(model)));
}

/** What an engine reports of itself and of the model that it runs, flat: a version is pinned by it (docs/engines.md). */
import { z } from "zod";

const modelSchema = z.object({
  id: z.string().max(1024),
  root: z.string().max(4096).nullish(),
  max_model_len: z.number().int().positive().nullish(),
  owned_by: z.string().max(256).nullish(),
  /** llama-server's. */
  meta: z.record(z.string(), z.unknown()).nullish(),
  /** Ours. */
  ocellus: z.record(z.string(), z.unknown()).nullish(),
});
export const modelsSchema = z.object({ data: z.array(modelSchema).max(10_000) });

/** One of /v1/models. */
export type EngineModel = z.infer<typeof modelSchema>;

/** By the engine's own names. */
export type EngineFacts = Readonly<Record<string, string | number>>;

/** Times and permissions of the list are not among them: they change with each call. */
export function factsOf({ id, root, max_model_len, meta, ocellus }: EngineModel): Record<string, string | number> {
  return {
    model: id,
    ...factsIn({ root, max_model_len }, ["root", "max_model_len"]),
    ...factsIn(meta, ["n_params", "size", "n_ctx", "n_ctx_train", "n_embd"]),
    ...factsIn(ocellus, ["version", "weights", "max_length"]),
  };
}

export function factsIn(page: unknown, members: readonly string[]): EngineFacts {
  const found = (page ?? {}) as Readonly<Record<string, unknown>>;
  const facts = members.flatMap((name): [string, string | number][] => {
    const value = found[name];
    if (typeof value === "number" && Number.isFinite(value)) return [[name, value]];
    return typeof value === "string" ? [[name, value.slice(0, 1024)]] : [];
  });
  return Object.fromEntries(facts);
}

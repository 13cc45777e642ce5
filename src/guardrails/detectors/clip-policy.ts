/**
 * Zero-shot: a picture compared with sentences of the policy, by any CLIP checkpoint. Of each category the share of its
 * sentences among all, the harmless ones included, so that a category competes with harmlessness and not with others only.
 */
import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { OcellusError } from "../../core/base/index.js";
import { loadDualEncoder } from "../../core/runtime/index.js";
import type { GuardConfig } from "../policy.js";
import type { Detector, Finding } from "../verdict.js";
import type { OpenContext } from "./context.js";

type Config = Extract<GuardConfig, { type: "clip-policy" }>;

/** @throws as `loadDualEncoder`; `too_large` for a sentence that the model cannot read, `invalid_config` for one that stands twice. */
export async function openClipPolicy(config: Config, { folder }: OpenContext): Promise<Detector> {
  const { categories, harmless } = config;
  const sentences = [...harmless, ...Object.values(categories).flat()];
  const twice = sentences.find((sentence, i) => sentences.indexOf(sentence) < i);
  if (twice !== undefined)
    throw new OcellusError("invalid_config", `${JSON.stringify(twice)} stands twice: no share of it would be its own`);
  // As openClassifier's.
  const placement = { device: "cpu", graphThreads: true, threads: 1 } as const;
  const clip = await loadDualEncoder(resolve(folder, config.model), { weights: "fp32", ...placement });
  const labels = await clip.embedLabels(sentences, { template: "{}" }).catch(async (error: unknown) => {
    await clip.close();
    throw error;
  });
  const hash = createHash("sha256").update(JSON.stringify([clip.vectorVersion, categories, harmless]));
  return {
    version: hash.digest("hex").slice(0, 12),
    reads: ["image"],
    remembers: ["image"],
    async look(subject, signal) {
      if (subject.kind !== "image") return [];
      const scores = await clip.classifyAmong(await subject.pixels(), labels, { signal });
      const shareOf = (sentence: string) => scores.find(({ label }) => label === sentence)!.probability;
      return Object.entries(categories).map(([category, own]): Finding => {
        const best = own.reduce((a, b) => (shareOf(b) > shareOf(a) ? b : a));
        const share = own.reduce((sum, sentence) => sum + shareOf(sentence), 0);
        return { category, score: Math.min(1, share), reason: best };
      });
    },
    close: () => clip.close(),
  };
}

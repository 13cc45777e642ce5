/** Any checkpoint that classifies pictures, as a detector: which of its labels is which category the policy says. */
import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { nearestHint, OcellusError } from "../../core/base/index.js";
import { loadClassifier } from "../../core/runtime/index.js";
import type { GuardConfig } from "../policy.js";
import type { Detector, Finding } from "../verdict.js";
import type { OpenContext } from "./context.js";

type Config = Extract<GuardConfig, { type: "vit-classifier" }>;

export async function openVitClassifier({ model, labels }: Config, { folder }: OpenContext): Promise<Detector> {
  return openClassifier(resolve(folder, model), labels);
}

/**
 * @param categories label → category; labels of one category add up.
 * @throws as `loadClassifier`; `invalid_config` for a label that the checkpoint does not have.
 */
export async function openClassifier(
  checkpoint: string,
  categories: Readonly<Record<string, string>>,
): Promise<Detector> {
  // In full precision, and on a thread of its own: a picture must not hold up the answers that are being written.
  const classifier = await loadClassifier(checkpoint, {
    weights: "fp32",
    device: "cpu",
    graphThreads: true,
    threads: 1,
  });
  const unknown = Object.keys(categories).find((label) => !classifier.labels.includes(label));
  if (unknown !== undefined) {
    await classifier.close();
    const hint = nearestHint(unknown, classifier.labels);
    throw new OcellusError("invalid_config", `${checkpoint} has no label ${JSON.stringify(unknown)}${hint}`);
  }
  const version = createHash("sha256")
    .update(JSON.stringify([classifier.digest, categories]))
    .digest("hex");
  return {
    version: version.slice(0, 12),
    reads: ["image"],
    remembers: ["image"],
    async look(subject, signal) {
      if (subject.kind !== "image") return [];
      const found = new Map<string, Finding>();
      for (const { label, probability } of await classifier.classify(await subject.pixels(), { signal })) {
        const category = categories[label];
        if (category === undefined) continue;
        const { score = 0, reason } = found.get(category) ?? {};
        const said = reason === undefined ? label : `${reason}, ${label}`;
        found.set(category, { category, score: Math.min(1, score + probability), reason: said });
      }
      return [...found.values()];
    },
    close: () => classifier.close(),
  };
}

/** The kinds of detectors, by the `type` that a policy calls them. A new one is a file and a line here. */
import { resolve } from "node:path";
import type { GuardConfig } from "../policy.js";
import type { Detector } from "../verdict.js";
import { openAsk } from "./ask.js";
import { openVitClassifier } from "./classifier.js";
import { openClipPolicy } from "./clip-policy.js";
import type { OpenContext } from "./context.js";
import { inImages } from "./in-images.js";
import { openKnownImages } from "./known-images.js";
import { openNsfw } from "./nsfw.js";
import { openPersonalData } from "./personal-data.js";
import { openWebhook } from "./webhook.js";
import { openWords } from "./words.js";

/** @throws what opening a list or a checkpoint throws; `unavailable` without the networks that read text in images. */
export async function openDetector(config: GuardConfig, context: OpenContext): Promise<Detector> {
  const detector = await openPlain(config, context);
  return readsImageText(config) ? inImages(detector, context.imageTexts) : detector;
}

/** Whether a guardrail for texts looks at those in images too. */
export function readsImageText(config: GuardConfig): boolean {
  return "readImages" in config && config.readImages === true;
}

async function openPlain(config: GuardConfig, context: OpenContext): Promise<Detector> {
  switch (config.type) {
    case "words":
      return openWords(config, context.folder);
    case "personal-data":
      return openPersonalData(config);
    case "known-images":
      return openKnownImages(config);
    case "webhook":
      return openWebhook(config, context.name);
    case "ask":
      return openAsk(config, context);
    case "nsfw":
      return openNsfw(config, context);
    case "vit-classifier":
      return openVitClassifier(config, context);
    case "clip-policy":
      return openClipPolicy(config, context);
    default:
      throw config satisfies never;
  }
}

/** What a guard is made from beside the policy, lists and checkpoints: looked at for changes. */
export function filesOf(config: GuardConfig, folder: string): string[] {
  const inside = (path: string) => resolve(folder, path);
  if (config.type === "words") return config.lists.map((list) => inside(typeof list === "string" ? list : list.file));
  return "model" in config && config.type !== "ask" && config.model !== undefined ? [inside(config.model)] : [];
}

/**
 * A live answer whose question other versions are asked too, once it has ended: what they need of it, and its words as they
 * come. It lives as long as it waits for its turn, in memory; neither its question nor any answer is written anywhere.
 */
import { randomInt } from "node:crypto";
import type { ChatOptions } from "../../core/runtime/index.js";
import type { Asked } from "../../guardrails/index.js";
import type { Alias, MirrorRole } from "../../rollout/index.js";
import type { AskedPrompt } from "../prompt.js";
import type { ChoiceEvent } from "../request-events.js";

/** A version that is asked as well. */
export interface Target {
  readonly role: MirrorRole;
  readonly tag: string;
  /** Part of the answers of the stable version. */
  readonly share: number;
}

/** Why an alias's stable version is compared, and with what. */
export function targetsOf({ tag, shadow, shadowShare = 1, canary }: Alias): Target[] {
  const agreement = canary?.plan.agreement;
  return [
    ...(shadow === undefined || shadow === tag ? [] : [{ role: "shadow", tag: shadow, share: shadowShare } as const]),
    ...(agreement ? [{ role: "comparison", tag: canary!.tag, share: agreement.share } as const] : []),
  ];
}

/** Kept of an answer; what is compared of it is less. */
const maxCharacters = 16_384;
/** Leaves room for the further choices of one request, which count on from it. */
const seeds = 2 ** 47;

interface MirroredParts {
  readonly requestId: string;
  /** As it was when the request was assigned. */
  readonly alias: Alias;
  /** Of the user. */
  readonly mark: number;
  readonly targets: readonly Target[];
  /** As the client sent it: each version's own door checks it and renders it. */
  readonly prompt: AskedPrompt;
  readonly options: ChatOptions;
  readonly asked: Asked;
}

export class Mirrored {
  readonly parts: MirroredParts;
  /** With these the live answer is made as well: who draws, draws by the same seed. A seed of ours is as random as none. */
  readonly options: ChatOptions;
  text = "";
  /** Of the first choice; undefined until it has ended. */
  firstTokenMs: number | undefined;

  constructor(parts: MirroredParts) {
    this.parts = parts;
    const { sampling } = parts.options;
    this.options = { ...parts.options, sampling: { ...sampling, seed: sampling?.seed ?? randomInt(seeds) } };
  }

  /** The first of several choices is the one that is compared. */
  take({ index, event }: ChoiceEvent): void {
    if (index !== 0) return;
    if (event.type === "end") this.firstTokenMs = event.timings.firstTokenMs;
    else if (this.text.length < maxCharacters) this.text += event.text;
  }

  /** For the other versions: no one reads their probabilities. */
  optionsFor(signal: AbortSignal): ChatOptions {
    const { logprobs: _, top_logprobs: __, ...sampling } = this.options.sampling!;
    return { ...this.options, sampling, signal };
  }

  /** Of words and pictures. */
  get numBytes(): number {
    return bytesOf(this.parts.prompt);
  }
}

/** Not by recursion: what a client nests deeply must not end an answer that has been given. */
function bytesOf(prompt: AskedPrompt): number {
  let numBytes = 0;
  const left: unknown[] = [prompt];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value === "string") numBytes += value.length;
    else if (ArrayBuffer.isView(value)) numBytes += value.byteLength;
    else if (typeof value !== "object" || value === null) numBytes += 8;
    else for (const item of Object.values(value)) left.push(item);
  }
  return numBytes;
}

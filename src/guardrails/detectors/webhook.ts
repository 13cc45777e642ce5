/**
 * Somebody else's service as a guard: asked by a signed POST, within the guard's deadline, again when it stumbles.
 *
 *   {"guard": …, "kind": "text", "text": …}  or  {…, "kind": "image", "sha256": …, "view": …, "png": base64}
 *   ← {"findings": [{"category": "violence", "score": 0.9, "reason": …, "span": {"start": 3, "end": 7}}]}
 */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { OcellusError, readBoundedText } from "../../core/base/index.js";
import { encodePng } from "../../core/image/node/index.js";
import type { GuardConfig } from "../policy.js";
import { secretFrom, signedPost } from "../signed-post.js";
import { categoryPattern, type Detector, type Finding, type Subject } from "../verdict.js";

type Config = Extract<GuardConfig, { type: "webhook" }>;

const offset = z.number().int().min(0);
const answerSchema = z.object({
  findings: z
    .array(
      z.object({
        category: z.string().regex(categoryPattern),
        score: z.number().min(0).max(1),
        reason: z.string().max(200).default("says the service"),
        span: z.object({ start: offset, end: offset }).optional(),
      }),
    )
    .max(1000),
});

/** Findings are a few lines. */
const maxAnswerBytes = 2 ** 20;
const firstPauseMs = 100;

/** @throws `invalid_config` when the environment has no secret. */
export function openWebhook(config: Config, name: string): Detector {
  const secret = secretFrom(config.secretVariable, `the guard ${name}`);
  return {
    version: "webhook-1",
    reads: config.reads,
    remembers: [], // its verdict may change under the same version
    async look(subject, signal) {
      const body = JSON.stringify({ guard: name, ...(await described(subject)) });
      for (let attempt = 0; ; attempt++) {
        try {
          return checked(await post(config.url, body, secret, signal), subject);
        } catch (error) {
          const isFinal = error instanceof OcellusError && error.code !== "io";
          if (signal.aborted || isFinal || attempt >= config.retries) throw error;
          await sleep(firstPauseMs * 2 ** attempt, undefined, { signal });
        }
      }
    },
  };
}

async function described(subject: Subject) {
  if (subject.kind === "text") return { kind: subject.kind, text: subject.text };
  const png = Buffer.from(await encodePng(await subject.pixels())).toString("base64");
  return { kind: subject.kind, sha256: subject.digest, view: subject.view, png };
}

async function post(url: string, body: string, secret: string, signal: AbortSignal): Promise<unknown> {
  const response = await signedPost(url, body, secret, signal);
  if (response.status !== 200) {
    await response.body?.cancel();
    const code = response.status >= 500 || response.status === 429 ? "io" : "unsupported";
    throw new OcellusError(code, `the service answered ${response.status}`);
  }
  return JSON.parse(await readBoundedText(response.body, { what: "the service's answer", maxBytes: maxAnswerBytes }));
}

/** @throws when it is no answer, or tells of places that are not in the text: then nothing of it is believed. */
function checked(json: unknown, subject: Subject): Finding[] {
  const { findings } = answerSchema.parse(json);
  const length = subject.kind === "text" ? subject.text.length : 0;
  return findings.map(({ span, ...finding }) => {
    if (!span) return finding;
    if (span.start < span.end && span.end <= length) return { ...finding, span };
    throw new OcellusError("unsupported", `the service found something from ${span.start} to ${span.end} of ${length}`);
  });
}

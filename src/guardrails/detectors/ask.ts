/**
 * A loaded model asked about a text or a picture, yes or no. What counts is how the probability of its first token lies
 * between the two, not what it writes.
 */
import { createHash } from "node:crypto";
import { OcellusError } from "../../core/base/index.js";
import { image, type LanguageModel, spellingOf } from "../../core/runtime/index.js";
import type { GuardConfig } from "../policy.js";
import type { Detector, Finding, Subject } from "../verdict.js";
import type { OpenContext } from "./context.js";

type Config = Extract<GuardConfig, { type: "ask" }>;

/** As many alternatives as an answer can name: a sure model has yes and no among the first. */
const numAlternatives = 20;
/** Below this share the model did not answer the question at all. */
const leastShare = 0.05;

const yes = /^(y|yes|true|是|对|有)$/i;
const no = /^(n|no|false|否|不|没|无)$/i;

export function openAsk({ questions, model: name, reads }: Config, { model }: OpenContext): Detector {
  return {
    /** The model too: another one has another opinion. */
    get version() {
      const { digest, weights } = model(name)?.info ?? {};
      const hash = createHash("sha256").update(JSON.stringify(["ask-1", digest, weights, questions]));
      return hash.digest("hex").slice(0, 12);
    },
    reads,
    remembers: reads,
    async look(subject, signal) {
      const asked = model(name);
      if (!asked)
        throw new OcellusError("not_found", `the model ${name ?? "that the guard asks"} is not loaded`, {
          details: { model: name, loaded: false },
        });
      const findings: Finding[] = [];
      for (const [category, question] of Object.entries(questions)) {
        const score = await probabilityOfYes(asked, subject, question, signal);
        findings.push({ category, score, reason: `yes to: ${question.slice(0, 80)}` });
      }
      return findings;
    },
  };
}

async function probabilityOfYes(model: LanguageModel, subject: Subject, question: string, signal: AbortSignal) {
  const shown = subject.kind === "image" ? image(await subject.pixels()) : `"""\n${subject.text}\n"""\n`;
  const sampling = { temperature: 0, logprobs: true, top_logprobs: numAlternatives };
  const options = { maxTokens: 1, sampling, signal };
  const messages = [{ role: "user" as const, content: [shown, `${question} Answer yes or no.`] }];
  const share = { yes: 0, no: 0 };
  for await (const event of model.generate(await model.prepare(messages, options))) {
    if (event.type !== "text") continue;
    for (const top of event.tokens[0]?.topLogprobs ?? []) {
      const word = spellingOf(top, model.tokenizer).text.trim();
      const { logprob } = top;
      if (yes.test(word)) share.yes += Math.exp(logprob);
      if (no.test(word)) share.no += Math.exp(logprob);
    }
  }
  if (share.yes + share.no >= leastShare) return share.yes / (share.yes + share.no);
  throw new OcellusError("unsupported", "the model was asked for yes or no, and had neither in mind", {
    details: { expected: ["yes", "no"], share: share.yes + share.no, least: leastShare },
  });
}

/**
 * Asks a URL before a canary's next step, as Flagger's webhooks do: a signed POST with the rollout's state, whose answer lets the
 * step happen, holds it, or turns the canary back. What fails, comes late or says something else holds: it is asked again after
 * half a minute, by one of the servers. Nothing waits for the answer; the analysis continues looking meanwhile.
 */
import type { Logger } from "pino";
import { z } from "zod";
import { OcellusError, readBoundedText } from "../../core/base/index.js";
import { signedPost } from "../../guardrails/index.js";
import type { Alias, CanaryVerdict } from "../../rollout/index.js";
import { wireDecision } from "./wire-decision.js";

const answerSchema = z.object({
  decision: z.enum(["allow", "hold", "roll_back"]),
  /** For people; it comes into the history. */
  reason: z.string().max(1000).optional(),
});
export type GateAnswer = z.infer<typeof answerSchema>;

export interface StepGateOptions {
  /** Absent: no URL is asked, every gate holds. */
  readonly secret?: string | undefined;
  readonly log: Logger;
  /** Whether this process is to ask now, of all. */
  readonly claim: (alias: Alias, item: string) => Promise<boolean>;
  readonly deadlineMs?: number;
  readonly pauseMs?: number;
}

interface Asked {
  readonly stepSeq: number;
  readonly answer: GateAnswer;
  readonly until: number;
}

const othersAsk: GateAnswer = { decision: "hold", reason: "another server asks it" };
/** An answer is a word and a sentence. */
const maxAnswerBytes = 16_384;

export class StepGate {
  readonly #options: StepGateOptions;
  readonly #asked = new Map<string, Asked>();
  readonly #asking = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();
  readonly #pauseMs: number;

  constructor(options: StepGateOptions) {
    this.#options = options;
    this.#pauseMs = options.pauseMs ?? 30_000;
  }

  /** What the URL last said of this step, in this process; begins to ask when that is old. @param url of the plan */
  answer(alias: Alias, url: string, nextShare: number, verdict: CanaryVerdict): GateAnswer {
    const found = this.#asked.get(alias.name);
    const isOfStep = found?.stepSeq === alias.canary!.stepSeq;
    if (isOfStep && found.until > Date.now()) return found.answer;
    if (!this.#asking.has(alias.name)) {
      const asking = this.#ask(alias, url, nextShare, verdict).finally(() => this.#asking.delete(alias.name));
      this.#asking.set(alias.name, asking);
    }
    if (isOfStep && found.answer.decision === "hold") return found.answer;
    return { decision: "hold", reason: "it was not asked yet" };
  }

  async #ask(alias: Alias, url: string, nextShare: number, verdict: CanaryVerdict): Promise<void> {
    const { claim, log } = this.#options;
    const { name, canary } = alias;
    let answer: GateAnswer;
    try {
      const window = Math.floor(Date.now() / this.#pauseMs);
      const isOurs = await claim(alias, `gate ${window}`);
      if (!isOurs) return this.#keep(alias, othersAsk, (window + 1) * this.#pauseMs);
      answer = await this.#post(url, JSON.stringify(questionOf(alias, nextShare, verdict)));
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      log.warn(
        { alias: name, version: canary!.tag, err: error },
        "the gate of a canary's step gave no answer: it holds",
      );
      answer = { decision: "hold", reason: (error as Error).message.slice(0, 1000) };
    }
    this.#keep(alias, answer, Date.now() + this.#pauseMs);
  }

  #keep({ name, canary }: Alias, answer: GateAnswer, until: number): void {
    this.#asked.set(name, { stepSeq: canary!.stepSeq, answer, until });
  }

  /** @throws `io`, `too_large` */
  async #post(url: string, body: string): Promise<GateAnswer> {
    const { secret, deadlineMs = 10_000 } = this.#options;
    if (secret === undefined) throw new OcellusError("io", "this server has no OCELLUS_WEBHOOK_SECRET to sign with");
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(deadlineMs)]);
    const response = await signedPost(url, body, secret, signal);
    if (response.ok) return readAnswer(response);
    await response.body?.cancel();
    throw new OcellusError("io", `the gate answered ${response.status}`);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#asking.values());
  }
}

function questionOf({ name, tag, canary }: Alias, nextShare: number, { reason, figures }: CanaryVerdict) {
  const { tag: version, share, stepSeq: seq } = canary!;
  const rollout = { alias: name, stable: tag, version, seq, share, next_share: nextShare };
  return { object: "ocellus.gate", ...rollout, ...wireDecision({ reason, figures }) };
}

/** @throws `too_large`, `io` for what is no answer */
async function readAnswer(response: Response): Promise<GateAnswer> {
  const text = await readBoundedText(response.body, { what: "the gate's answer", maxBytes: maxAnswerBytes });
  try {
    return answerSchema.parse(JSON.parse(text));
  } catch (cause) {
    const expected = '{"decision": "allow", "hold" or "roll_back", "reason": …}';
    throw new OcellusError("io", `the gate's answer is not ${expected}`, { cause });
  }
}

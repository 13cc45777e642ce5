/**
 * The guards of one server or command: the policy in force for the caller, and the doors they stand at. Without a policy the
 * doors stand open, and say so.
 */

import { appendFile, open, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { ioError, OcellusError, Semaphore } from "../core/base/index.js";
import type { DecodeImage, ImageInput, ImageLimits } from "../core/image/node/index.js";
import type { LanguageModel, RerankerModel, VisionLanguageModel } from "../core/runtime/index.js";
import { admittedImage, admittedText } from "./admitted.js";
import { bind } from "./bind.js";
import { readsImageText } from "./detectors/index.js";
import { type Check, Evaluation, worstOf } from "./evaluation.js";
import { type Asked, whoAsks } from "./guard-context.js";
import { type EmbeddingModel, GuardedEmbedder } from "./guarded-embedder.js";
import { GuardedModel, type GuardedVisionLanguageModel } from "./guarded-model.js";
import { GuardedReranker } from "./guarded-reranker.js";
import { ImageReader } from "./image-reader.js";
import { VerdictMemory } from "./memory.js";
import { type Moderated, moderate } from "./moderate.js";
import { type GuardConfig, type Policy, type Rule, rulesFor } from "./policy.js";
import { type InForce, PolicySource } from "./policy-source.js";
import { Pseudonyms } from "./pseudonyms.js";
import type { Redaction } from "./redacted-schema.js";
import { type Replay, replayRule } from "./replay.js";
import type { Action, Detector, Guard, Stage } from "./verdict.js";

export interface GuardsOptions {
  readonly imageLimits?: ImageLimits;
  /** Where pictures are decoded, within these limits. Default: on the caller's thread. */
  readonly decode?: DecodeImage;
  /** How often the policy and its lists are looked at for changes. Default: every second; more often no one saves. */
  readonly refreshMs?: number;
  /** Where what costly guards found is kept over a restart; absent: it is kept in memory alone. */
  readonly memoryFolder?: string;
  /** Told when a changed policy cannot be used (the one before stays in force), and when the memory's folder cannot. */
  readonly onProblem?: (message: string) => void;
}

/** What one look found, for whoever watches the guards. */
export interface RecentVerdict {
  readonly time: string;
  readonly request: string;
  readonly key: string;
  readonly route: string;
  readonly guard: string;
  readonly stage: Stage;
  readonly subject: "text" | "image";
  readonly sha256: string;
  readonly verdict: Action;
  readonly category?: string;
  readonly score?: number;
  readonly failed?: string;
  readonly ms: number;
}

export interface GuardsState {
  readonly policy: Policy;
  readonly guards: readonly {
    readonly name: string;
    readonly type: GuardConfig["type"];
    readonly version: string;
    readonly stages: readonly Stage[];
  }[];
  /** Why a changed policy is not in force. */
  readonly problem: string | undefined;
  /** Newest first. */
  readonly recent: readonly RecentVerdict[];
}

/** Thousands of proposals. */
const maxProposalBytes = 4 * 2 ** 20;
/** A page of a panel. */
const maxRecent = 200;
/** Of pictures that no model waits for: 300 MB each at the size limit. Those of questions wait in a lane of their own. */
const imagesAtOnce = 4;

/** Another number when what a detector finds in the same subject has changed by our code and not by its version. */
const memoryFile = "findings-1.log";

export class Guards {
  readonly #source: PolicySource;
  readonly #memory: VerdictMemory;
  readonly images: ImageReader;
  readonly #desk = new Semaphore(imagesAtOnce);
  /** A log is read by one at a time. */
  readonly #replays = new Semaphore(1);
  readonly #recent: RecentVerdict[] = [];
  /** As they are, for the guard that asks one. */
  #find: (name: string | undefined) => LanguageModel | undefined = () => undefined;
  #onCheck: (check: Check) => void = () => {};
  /** What was in force when a request first came to a door: it is in force to the request's end. */
  readonly #inForceFor = new WeakMap<Asked, InForce>();

  private constructor(path: string | undefined, options: GuardsOptions) {
    this.#source = new PolicySource(path, options, (name) => this.#find(name));
    const { imageLimits = {}, decode, memoryFolder, onProblem } = options;
    this.images = new ImageReader(imageLimits, decode);
    const file = memoryFolder === undefined ? undefined : join(memoryFolder, memoryFile);
    this.#memory = new VerdictMemory({ file, onProblem });
  }

  /** @param path of the policy; undefined: no guards. @throws `not_found`, `invalid_config` with the line, as detectors. */
  static async open(path: string | undefined, options: GuardsOptions = {}): Promise<Guards> {
    const guards = new Guards(path, options);
    await guards.#source.open();
    return guards;
  }

  static none(): Guards {
    return new Guards(undefined, {});
  }

  get policy(): Policy {
    return this.#source.inForce.policy;
  }

  /** What is in force, and what was seen last. */
  state(): GuardsState {
    const { policy, detectors } = this.#source.inForce;
    const guards = Object.entries(policy.guards).map(([name, config]) => {
      const { detector } = detectors.get(name)!;
      return { name, type: config.type, version: detector.version, stages: stagesOf(config, detector) };
    });
    return { policy, guards, problem: this.#source.problem, recent: this.#recent };
  }

  /**
   * Writes down, beside the policy, what somebody holds for no hit; a person decides.
   * @throws `not_found` without a policy, `too_large` when no one has looked for long, `io`.
   */
  async propose(proposal: Readonly<Record<string, unknown>>): Promise<void> {
    if (this.#source.path === undefined)
      throw new OcellusError("not_found", "there is no policy here, whose lists could change");
    const file = `${this.#source.path}.proposals.jsonl`;
    const { size } = await stat(file).catch(() => ({ size: 0 }));
    if (size > maxProposalBytes)
      throw new OcellusError("too_large", "there are proposals enough: somebody must look at them first");
    const line = `${JSON.stringify({ time: new Date().toISOString(), policy: this.policy.version, ...proposal })}\n`;
    const write = async () => appendFile(file, (await isCutShort(file, size)) ? `\n${line}` : line);
    await write().catch((cause: unknown) => Promise.reject(ioError("write", file, cause)));
  }

  /**
   * What a rule behind the others would have done to what the audit log holds.
   * @throws `unsupported` without a log, `io`, `too_large`, `aborted`.
   */
  async replay(rule: Rule, since: Date, signal: AbortSignal): Promise<Replay> {
    const { policy } = this.#source.inForce;
    if (policy.audit === undefined || this.#source.path === undefined)
      throw new OcellusError("unsupported", 'no audit log is kept here; give the policy one: {"audit": {"file": …}}');
    const file = resolve(dirname(this.#source.path), policy.audit.file);
    return this.#replays.run(() => replayRule(file, rule, since, signal), signal);
  }

  /** Who is told of every check. */
  listen(onCheck: (check: Check) => void): void {
    this.#onCheck = onCheck;
  }

  /** The model behind its door. */
  answering(model: LanguageModel): GuardedModel {
    return new GuardedModel(model, this);
  }

  /** The only model there is: the guard that asks one may ask it. */
  whole(model: VisionLanguageModel): GuardedVisionLanguageModel {
    this.lend((name) => (name === undefined ? model : undefined));
    return this.answering(model) as GuardedVisionLanguageModel; // it does all that the model does
  }

  /** Where the guard that asks a model finds it: by its name, or without one the first. */
  lend(find: (name: string | undefined) => LanguageModel | undefined): void {
    this.#find = find;
  }

  reranking(model: RerankerModel): GuardedReranker {
    return new GuardedReranker(model, this);
  }

  embedding(model: EmbeddingModel): GuardedEmbedder {
    return new GuardedEmbedder(model, this);
  }

  /**
   * One question's way through the policy that is in force now, to its end.
   * @param model its digest, for the audit log
   * @param opening where there will be an answer: the texts that the conversation begins with
   */
  async begin(model: string, opening?: readonly string[], asked: Asked = whoAsks()): Promise<Evaluation> {
    await this.#source.refresh();
    const { policy, audit } = this.#policyFor(asked);
    return new Evaluation({
      ...{ asked, model, audit, policyVersion: policy.version, keepsTexts: policy.audit?.texts ?? false },
      guards: this.guardsFor(asked),
      onCheck: (check) => this.#note(check, asked),
      pseudonyms: opening && new Pseudonyms(asked.key, opening),
    });
  }

  /** A picture that is kept before it is known which model will be shown it. @throws `blocked`, `unavailable`, as `decodeImage`. */
  async admit(input: ImageInput, signal: AbortSignal): Promise<void> {
    await this.#desk.run(() => admittedImage(input, { info: { digest: "none" } }, this, { signal }), signal);
  }

  /** A text that no model is shown, and that comes back to users, as it may be kept. @throws `blocked`, `unavailable`. */
  admitText(text: string, signal: AbortSignal): Promise<string> {
    return admittedText(text, { info: { digest: "none" } }, this, { signal });
  }

  /** The same of names, notes and reasons: to redact a part of one is to block it. @throws as `admitText`. */
  async checkUncut(written: readonly string[]): Promise<void> {
    const { signal } = new AbortController();
    for (const text of written)
      if ((await this.admitText(text, signal)) !== text)
        throw new OcellusError("blocked", "the name, note or reason holds what a guardrail redacts; choose another");
  }

  #policyFor(asked: Asked): InForce {
    const inForce = this.#inForceFor.get(asked) ?? this.#source.inForce;
    this.#inForceFor.set(asked, inForce);
    return inForce;
  }

  /** Under the policy that is in force for the caller. */
  guardsFor(asked: Asked): Guard[] {
    const { policy, detectors } = this.#policyFor(asked);
    return Object.entries(policy.guards).flatMap(([name, config]) => {
      const { detector } = detectors.get(name)!;
      return stagesOf(config, detector).map((stage) =>
        bind(detector, {
          ...{ name, stage, timeoutMs: timeoutOf(config), memory: this.#memory },
          reach: config.type === "words" ? config.across : undefined,
          onFailure: config.onFailure ?? policy.onFailure,
          rules: rulesFor(policy, asked, name, stage),
        }),
      );
    });
  }

  /** What may be in an answer to the caller in the place of what is cut out. */
  async answerRedactions(asked: Asked): Promise<Redaction[]> {
    await this.#source.refresh();
    const { policy } = this.#policyFor(asked);
    const readers = this.guardsFor(asked).filter(({ reads }) => reads.includes("text"));
    const rules = readers.flatMap(({ name, stage }) =>
      rulesFor(policy, asked, name, stage).filter(({ pseudonym }) => stage === "output" || pseudonym),
    );
    return [...new Set(rules)].filter(({ action }) => action === "redact");
  }

  /**
   * What the guards of the caller make of some texts and pictures.
   * @throws as `decodeImage`, `io` (the audit log); `unsupported` where no guard would look.
   */
  async moderate(
    subjects: readonly (string | { readonly image: ImageInput })[],
    signal: AbortSignal,
    asked: Asked = whoAsks(),
  ): Promise<Moderated> {
    if (this.guardsFor(asked).length === 0)
      throw new OcellusError(
        "unsupported",
        "nothing is moderated here: the server has no guardrail for this route and key; start it with --guards",
      );
    const evaluation = await this.begin("none", undefined, asked);
    const work = () => moderate(subjects, evaluation, this.guardsFor(asked), this.images, signal);
    return this.#desk.run(work, signal);
  }

  async close(): Promise<void> {
    await this.#source.close();
    await this.#memory.close();
  }

  #note({ guard, subject, verdict, ms }: Check, { request, key, route }: Asked): void {
    const worst = worstOf(verdict);
    this.#recent.unshift({
      ...{ time: new Date().toISOString(), request, key, route, guard: guard.name, stage: guard.stage },
      ...{ subject: subject.kind, sha256: subject.sha256, verdict: verdict.verdict, ms },
      ...(worst && { category: worst.category, score: worst.score }),
      ...(verdict.failed !== undefined && { failed: verdict.failed }),
    });
    this.#recent.length = Math.min(this.#recent.length, maxRecent);
    this.#onCheck({ guard, subject, verdict, ms });
  }
}

/** Whether a full disk has left half a line, which would take the next one with it. */
async function isCutShort(file: string, size: number): Promise<boolean> {
  if (size === 0) return false;
  const handle = await open(file);
  try {
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
    return buffer.toString() !== "\n";
  } finally {
    await handle.close();
  }
}

/** Of one look; an image with much text takes seconds to read, and waits for those before it. */
const [defaultTimeoutMs, readingTimeoutMs] = [5000, 30_000];

function timeoutOf(config: GuardConfig): number {
  return config.timeoutMs ?? (readsImageText(config) ? readingTimeoutMs : defaultTimeoutMs);
}

function stagesOf({ stage }: GuardConfig, { reads }: Detector): readonly Stage[] {
  return stage ?? (reads.includes("text") ? ["input", "output"] : ["input"]);
}

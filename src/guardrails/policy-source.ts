/**
 * The policy that is in force, with what it opened: read again when its file or a list changes, all at once or not at all. A
 * change that cannot be used leaves the one before in force; what has not changed is taken over, and what is gone is closed late.
 */
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { ioError } from "../core/base/index.js";
import { FileFingerprints } from "../core/fs/index.js";
import type { LanguageModel } from "../core/runtime/index.js";
import { AuditLog } from "./audit.js";
import { filesOf, openDetector } from "./detectors/index.js";
import { ImageTexts } from "./image-texts.js";
import { emptyPolicy, type Policy, parsePolicy } from "./policy.js";
import type { Detector } from "./verdict.js";

export interface PolicySourceOptions {
  /** How often the policy and its lists are looked at for changes. Default: every second; more often no one saves. */
  readonly refreshMs?: number;
  /** Told when a changed policy cannot be used. */
  readonly onProblem?: ((message: string) => void) | undefined;
}

/** Twice a request's default deadline: no one looks through a guard that was taken down so long ago. */
const retireAfterMs = 600_000;

export interface InForce {
  readonly policy: Policy;
  /** By the name of the guard. */
  readonly detectors: ReadonlyMap<string, OpenedDetector>;
  readonly audit: AuditLog | undefined;
  /** Of all files it was made from. */
  readonly fingerprint: string;
}

interface OpenedDetector {
  readonly detector: Detector;
  /** What it was opened from: equal ones are the same. */
  readonly origin: string;
}

const nothing: InForce = { policy: emptyPolicy, detectors: new Map(), audit: undefined, fingerprint: "" };

export class PolicySource {
  readonly path: string | undefined;
  readonly #options: PolicySourceOptions;
  readonly #lent: (name: string | undefined) => LanguageModel | undefined;
  readonly #looks = new FileFingerprints();
  readonly #imageTexts = new ImageTexts();
  #inForce: InForce = nothing;
  #problem: string | undefined;
  #checkedAt = Number.NEGATIVE_INFINITY;
  #refreshing: Promise<void> | undefined;

  /**
   * @param path undefined: no guards
   * @param lent the models that a guard may ask
   */
  constructor(
    path: string | undefined,
    options: PolicySourceOptions,
    lent: (name: string | undefined) => LanguageModel | undefined,
  ) {
    this.path = path;
    this.#options = options;
    this.#lent = lent;
  }

  /** @throws `not_found`, `invalid_config` with the line, as detectors. */
  async open(): Promise<void> {
    if (this.path !== undefined) this.#inForce = await this.#read(this.path, nothing);
    this.#checkedAt = performance.now();
  }

  get inForce(): InForce {
    return this.#inForce;
  }

  /** Why a changed policy is not in force. */
  get problem(): string | undefined {
    return this.#problem;
  }

  async refresh(): Promise<void> {
    const { refreshMs = 1000 } = this.#options;
    if (this.path === undefined || performance.now() - this.#checkedAt < refreshMs) return;
    this.#refreshing ??= this.#reread(this.path).finally(() => {
      this.#checkedAt = performance.now();
      this.#refreshing = undefined;
    });
    await this.#refreshing;
  }

  async #reread(path: string): Promise<void> {
    const before = this.#inForce;
    try {
      const contents = await this.#looks.fingerprint([path, ...listsOf(before.policy, path)]);
      if (contents === before.fingerprint) return;
      this.#inForce = await this.#read(path, before);
      this.#problem = undefined;
      this.#retire(before, this.#inForce);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (message !== this.#problem) this.#options.onProblem?.(`the changed policy is not in force: ${message}`);
      this.#problem = message;
    }
  }

  /** Whatever has not changed since `before` is taken over. */
  async #read(path: string, before: InForce): Promise<InForce> {
    const contents = await this.#looks.fingerprint([path]); // before reading: what is written meanwhile is found the next time
    const text = await readFile(path, "utf8").catch((cause: unknown) => {
      throw ioError("read the policy", path, cause);
    });
    const policy = parsePolicy(text, path);
    const fingerprint = contents + (await this.#looks.fingerprint(listsOf(policy, path)));
    const detectors = new Map<string, OpenedDetector>();
    const opened: Detector[] = [];
    try {
      for (const [name, config] of Object.entries(policy.guards)) {
        const origin = `${JSON.stringify(config)} ${await this.#looks.fingerprint(filesOf(config, dirname(path)))}`;
        const known = before.detectors.get(name);
        if (known?.origin === origin) detectors.set(name, known);
        else {
          const context = { folder: dirname(path), name, model: this.#lent, imageTexts: this.#imageTexts };
          const detector = await openDetector(config, context);
          opened.push(detector);
          detectors.set(name, { detector, origin });
        }
      }
      return { policy, detectors, fingerprint, audit: await auditOf(policy, path, before) };
    } catch (error) {
      await Promise.all(opened.map((detector) => detector.close?.()));
      throw error;
    }
  }

  #retire(before: InForce, after: InForce): void {
    const kept = new Set([...after.detectors.values()].map(({ detector }) => detector));
    const old = [...before.detectors.values()].filter(({ detector }) => !kept.has(detector));
    setTimeout(() => {
      for (const { detector } of old) void detector.close?.();
      if (before.audit !== after.audit) void before.audit?.close();
    }, retireAfterMs).unref();
  }

  async close(): Promise<void> {
    await this.#refreshing;
    await this.#inForce.audit?.close();
    await Promise.all([...this.#inForce.detectors.values()].map(({ detector }) => detector.close?.()));
    await this.#imageTexts.close();
    this.#inForce = nothing;
  }
}

async function auditOf({ audit }: Policy, path: string, before: InForce): Promise<AuditLog | undefined> {
  if (!audit) return undefined;
  if (before.audit && JSON.stringify(before.policy.audit) === JSON.stringify(audit)) return before.audit;
  return AuditLog.open(resolve(dirname(path), audit.file), audit);
}

function listsOf({ guards }: Policy, path: string): string[] {
  return Object.values(guards).flatMap((config) => filesOf(config, dirname(path)));
}

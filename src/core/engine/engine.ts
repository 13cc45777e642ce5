/**
 * Continuous batching: one loop that schedules, runs, settles, and streams tokens to whoever asked. Sequences join and
 * leave between any two steps. The engine knows ids and logits only; a fake runner tests it.
 */
import { Closing, invariant, OcellusError, Semaphore, throwIfAborted } from "../base/index.js";
import { PromptLookup } from "./prompt-lookup.js";
import { checkSampling } from "./sampling.js";
import { Scheduler } from "./scheduler.js";
import { nothingDrafted, Sequence } from "./sequence.js";
import { type DraftModel, Speculation, type SpeculationStats } from "./speculation.js";
import { EventStream } from "./stream.js";
import { Turn } from "./turn.js";
import type { Batch, EngineRequest, ModelRunner, Row, TokenEvent } from "./types.js";

export interface EngineOptions {
  /** Requests that may wait for a slot before further ones are refused. Default 256. */
  readonly maxQueue?: number;
  /** Tokens of prompt read in one step. Default 512: about the point where longer products stop being more efficient. */
  readonly prefillChunk?: number;
  /** The same while answers are written, which wait for the step. Default 128: shorter ones read all weights too often. */
  readonly sharedChunk?: number;
  /** What prompts and images of new requests are read under, one at a time, while answers are written. Default one of its own. */
  readonly reading?: Semaphore;
  /** The clock, in milliseconds. */
  readonly now?: () => number;
  /**
   * Whether tokens that are expected to follow are put behind the next one of a sequence, where the runner takes such runs and that
   * pays. Answers are the same. Default "auto".
   */
  readonly speculation?: "auto" | "off";
  /** Drafts where no schema or earlier text tells what follows. */
  readonly draftModel?: DraftModel | undefined;
}

export interface EngineStats extends SpeculationStats {
  readonly waiting: number;
  readonly running: number;
  readonly slots: number;
  readonly steps: number;
  readonly promptTokens: number;
  readonly generatedTokens: number;
}

interface Job {
  readonly stream: EventStream<TokenEvent>;
  /** Stops listening to the caller's signal, which may outlive many requests. */
  readonly unlisten: () => void;
}

export class Engine<P> {
  readonly prefillChunk: number;
  readonly #runner: ModelRunner<P>;
  readonly #scheduler: Scheduler<P>;
  readonly #jobs = new Map<Sequence<P>, Job>();
  /** Ended from outside; their slots are freed between two steps. */
  readonly #ended = new Set<Sequence<P>>();
  readonly #counts = { steps: 0, promptTokens: 0, generatedTokens: 0 };
  readonly #speculation: Speculation<P>;
  /** Most tokens of a run; 1 where runs are off, or were found to give other logits. */
  #maxRun: number;
  /** Whether runs were found to give the same logits; undefined until that could be tried. */
  #isProven: boolean | undefined;
  #loop: Promise<void> | undefined;
  readonly #closing = new Closing("the engine");
  readonly #now: () => number;

  constructor(runner: ModelRunner<P>, options: EngineOptions = {}) {
    const { maxQueue = 256, prefillChunk = 512, reading = new Semaphore(1), speculation = "auto" } = options;
    this.#runner = runner;
    this.#now = options.now ?? (() => performance.now());
    this.prefillChunk = prefillChunk;
    this.#speculation = new Speculation([new PromptLookup()], options.draftModel);
    this.#maxRun = speculation === "auto" ? (runner.maxRun ?? 1) : 1;
    const sharedChunk = runner.hasFixedCuts ? prefillChunk : Math.min(options.sharedChunk ?? 128, prefillChunk);
    this.#scheduler = new Scheduler(
      { numSlots: runner.numSlots, maxQueue, prefillChunk, sharedChunk, turn: new Turn(reading) },
      (sequence) => this.#begin(sequence),
    );
  }

  /**
   * Queues a request at once and streams its tokens. Leaving the iteration early, or the signal, ends the sequence; its
   * slot is free within one step.
   * @throws `invalid_request`, `too_large` (the prompt leaves no room in the context), `overloaded`, `aborted`.
   */
  submit(request: EngineRequest<P>, signal?: AbortSignal): AsyncIterable<TokenEvent> {
    throwIfAborted(signal);
    this.#closing.check();
    this.check(request);
    const sequence = new Sequence(request);
    const end = (error?: unknown) => this.#end(sequence, error);
    const onAbort = () => end(new OcellusError("aborted", "the caller aborted the request", { cause: signal?.reason }));
    const stream = new EventStream<TokenEvent>(() => end());
    this.#scheduler.add(sequence);
    this.#jobs.set(sequence, { stream, unlisten: () => signal?.removeEventListener("abort", onAbort) });
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#loop ??= this.#run();
    return stream;
  }

  /** Everything `submit` would refuse about the request itself, before the caller spends work on its payload. */
  check(request: Omit<EngineRequest<P>, "payload">): void {
    checkRequest(request, this.#runner);
  }

  stats(): EngineStats {
    const { numWaiting: waiting, numActive: running } = this.#scheduler;
    return { waiting, running, slots: this.#runner.numSlots, ...this.#counts, ...this.#speculation.stats };
  }

  /** Whether several tokens of a sequence may be settled in one step. */
  get speculates(): boolean {
    return this.#maxRun > 1;
  }

  /** Ends every sequence with a `closed` error and waits for the step in flight. */
  close(): Promise<void> {
    return this.#closing.run(async () => {
      for (const sequence of this.#jobs.keys()) this.#end(sequence, this.#closing.error());
      await this.#loop;
    });
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // requests of one turn of the event loop start together
    for (;;) {
      try {
        this.#freeEnded();
        const batch = this.#scheduler.schedule();
        if (!batch) break;
        await this.#step(batch);
      } catch (error) {
        // Outside a step only a broken runner.release or a bug of ours throws; no one may wait forever because of it.
        for (const sequence of this.#jobs.keys()) this.#end(sequence, error);
      }
    }
    this.#loop = undefined;
  }

  /** The runner may have the beginning of the prompt already. */
  #begin(sequence: Sequence<P>): void {
    const { promptIds, payload } = sequence.request;
    sequence.reuse(this.#runner.begin?.(sequence.slot!, promptIds, payload) ?? 0);
  }

  /** One step; when the model fails, its sequences fail and the others continue. */
  async #step(batch: Batch<P>): Promise<void> {
    try {
      const drafted = await this.#withDrafts(batch);
      const started = this.#now();
      const logits = await this.#runner.step(drafted);
      const ms = this.#now() - started;
      this.#scheduler.settled(batch, ms);
      if (batch.kind === "decode") this.#speculation.measured(numTokens(drafted), ms);
      this.#counts.steps++;
      this.#settle(drafted, logits);
    } catch (error) {
      for (const row of batch.rows) this.#end(this.#scheduler.at(row.slot), error);
    }
  }

  /** The tokens that are expected to follow, behind those of a decode step. */
  async #withDrafts(batch: Batch<P>): Promise<Batch<P>> {
    if (batch.kind !== "decode" || !this.speculates) return batch;
    const sequences = batch.rows.map(({ slot }) => this.#scheduler.at(slot));
    const drafts = await this.#speculation.plan(sequences, this.#maxRun, this.#runner.maxLength);
    if (drafts.every((draft) => draft === nothingDrafted)) return batch;
    this.#isProven ??= await this.#runner.provesRuns!(batch);
    if (!this.#isProven) {
      if (this.#isProven === false) this.#maxRun = 1;
      this.#speculation.forget();
      return batch;
    }
    return { ...batch, rows: batch.rows.map((row, i) => sequences[i]!.extend(row, drafts[i]!)) };
  }

  #settle(batch: Batch<P>, logits: readonly Float32Array[]): void {
    const wanted = batch.rows.reduce((sum, { numLogits }) => sum + numLogits, 0);
    invariant(
      logits.length === wanted,
      `the runner returned ${logits.length} rows of logits, ${wanted} were asked for`,
      { expected: wanted, found: logits.length },
    );
    let next = 0;
    for (const row of batch.rows) {
      const sequence = this.#scheduler.at(row.slot);
      const own = logits.slice(next, next + row.numLogits);
      next += row.numLogits;
      if (batch.kind === "prefill") {
        sequence.numCached += row.tokens.length;
        this.#counts.promptTokens += row.tokens.length;
      } else if (!this.#ended.has(sequence)) this.#emit(sequence, row, own);
    }
  }

  #emit(sequence: Sequence<P>, row: Row<P>, logits: readonly Float32Array[]): void {
    if (sequence.generated.length === 0) this.#counts.promptTokens++;
    const tokens: number[] = [];
    try {
      for (const event of sequence.settle(row, logits, this.#runner.maxLength)) {
        this.#counts.generatedTokens++;
        tokens.push(event.tokenId);
        this.#jobs.get(sequence)?.stream.push(event);
        if (event.finishReason) this.#end(sequence);
      }
      if (this.speculates) this.#speculation.settled(sequence, tokens);
    } catch (error) {
      this.#end(sequence, error);
    }
  }

  /** Ends the consumer's stream now; the slot follows when no step is using it. */
  #end(sequence: Sequence<P>, error?: unknown): void {
    const job = this.#jobs.get(sequence);
    if (!job) return;
    this.#jobs.delete(sequence);
    job.unlisten();
    if (sequence.slot === undefined)
      this.#scheduler.remove(sequence); // still waiting: its place in the queue is free at once
    else this.#ended.add(sequence);
    job.stream.end(error);
  }

  #freeEnded(): void {
    for (const sequence of this.#ended) {
      this.#ended.delete(sequence); // first: should release throw, the next turn continues with the others
      const slot = this.#scheduler.remove(sequence);
      if (slot !== undefined) this.#runner.release(slot);
    }
  }
}

function numTokens<P>({ rows }: Batch<P>): number {
  return rows.reduce((sum, { tokens }) => sum + tokens.length, 0);
}

function checkRequest<P>(
  { promptIds, sampling, maxTokens, stopTokenIds, constraint }: Omit<EngineRequest<P>, "payload">,
  { maxLength, vocabSize }: ModelRunner<P>,
): void {
  const refuse = (message: string, details: Readonly<Record<string, unknown>>) => {
    throw new OcellusError("invalid_request", message, { details });
  };
  if (promptIds.length === 0) refuse("the prompt is empty: send at least one token", { field: "promptIds", found: 0 });
  if (!(Number.isInteger(maxTokens) && maxTokens >= 1))
    refuse(`max_tokens: expected a whole number from 1, found ${maxTokens}`, {
      field: "maxTokens",
      least: 1,
      found: maxTokens,
    });
  const foreign = promptIds.find((id) => !(Number.isInteger(id) && id >= 0 && id < vocabSize));
  if (foreign !== undefined)
    refuse(`the prompt holds token ${foreign}; the vocabulary ends at ${vocabSize - 1}`, { token: foreign, vocabSize });
  checkSampling(sampling, vocabSize);
  if (constraint && !stopTokenIds.some((id) => id >= 0 && id < vocabSize))
    refuse("a constrained answer needs a token of the vocabulary that ends it: give stopTokenIds", {
      field: "stopTokenIds",
      vocabSize,
    });
  if (promptIds.length > maxLength) {
    throw new OcellusError(
      "too_large",
      `the prompt has ${promptIds.length} tokens, the context holds ${maxLength}; send fewer images or turns, or raise maxLength`,
      { details: { promptTokens: promptIds.length, maxLength } },
    );
  }
}

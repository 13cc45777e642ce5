/**
 * Every value of a checkpoint, read when somebody says so: what `ocellus inspect --html` shows, for a loaded model or a version of
 * the registry. One is read at a time, in a thread beside the answers; what was found is kept, for checkpoints do not change.
 */
import { LRUCache } from "lru-cache";
import { OcellusError } from "../core/base/index.js";
import { estimateMemory, examine, type InspectData, inspectData } from "../inspect/index.js";
import type { WireExamination } from "../protocol/index.js";

/** Up to some megabytes each, of a model with thousands of tensors. */
const maxKept = 8;

interface Read {
  readonly id: string;
  /** Equal keys have equal values. */
  readonly key: string;
  readonly folder: string;
}

type State =
  | { readonly state: "running"; readonly done_bytes: number; readonly total_bytes: number }
  | { readonly state: "done"; readonly report: InspectData }
  | { readonly state: "failed"; readonly problem: string };

export class Examinations {
  readonly #kept = new LRUCache<string, State>({ max: maxKept });
  readonly #stop = new AbortController();
  readonly #onProblem: (cause: unknown) => void;
  #running: { readonly key: string; readonly done: Promise<void> } | undefined;

  /** `onProblem` gets what those who ask are not told. */
  constructor(onProblem: (cause: unknown) => void) {
    this.#onProblem = onProblem;
  }

  /** What is known of it. */
  of({ id, key }: Pick<Read, "id" | "key">): WireExamination {
    const known = this.#kept.get(key) ?? { state: "unread" as const };
    return { object: "ocellus.examination", id, ...known } as WireExamination;
  }

  /** Begins to read, unless that is done. @throws `overloaded` while another one is read. */
  read(wanted: Read): WireExamination {
    const { key } = wanted;
    if (this.#running && this.#running.key !== key) throw busy();
    if (!this.#running && this.#kept.get(key)?.state !== "done") {
      this.#kept.set(key, { state: "running", done_bytes: 0, total_bytes: 0 });
      this.#running = { key, done: this.#read(wanted) };
    }
    return this.of(wanted);
  }

  /**
   * Never throws: the problem is kept for the next request, without paths of this machine, and without a name, for those who
   * ask may know this content by another one.
   */
  async #read({ key, folder }: Omit<Read, "id">): Promise<void> {
    const onProgress = (done_bytes: number, total_bytes: number) => {
      this.#kept.set(key, { state: "running", done_bytes, total_bytes });
    };
    try {
      const options = { threads: 1, apart: true, signal: this.#stop.signal, onProgress };
      const [found, memory] = await Promise.all([
        examine(folder, options),
        estimateMemory(folder).catch((cause: unknown) => this.#noMemory(cause)),
      ]);
      this.#kept.set(key, { state: "done", report: inspectData(found, memory) });
    } catch (cause) {
      if (!this.#stop.signal.aborted) this.#onProblem(cause);
      this.#kept.set(key, { state: "failed", problem: "its files cannot be read any more" });
    } finally {
      this.#running = undefined;
    }
  }

  #noMemory(cause: unknown): { readonly problem: string } {
    if (!(cause instanceof OcellusError)) this.#onProblem(cause);
    return { problem: "of a family that is not run here" };
  }

  /** Stops reading. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running?.done;
  }
}

/** Without the name: it may be a version that those who ask do not know of. */
function busy(): OcellusError {
  return new OcellusError("overloaded", "every value of another model is being read; try again when that is done");
}

/** A page and a server for tests: files in memory, storage in memory, locks as the standard describes them, faults on demand. */
import { createHash } from "node:crypto";
import { untilAborted } from "../../base/index.js";
import { type EntryStore, memoryStore } from "./entry-store.js";
import type { Environment, Locks } from "./environment.js";

const digestOf = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
export const partSize = 1024;
export const modelUrl = "https://host/model/";

type Files = Readonly<Record<string, Uint8Array<ArrayBuffer>>>;

export function manifestOf(files: Files): string {
  const list = Object.entries(files).map(([name, bytes]) => {
    const parts = [];
    for (let at = 0; at < bytes.length; at += partSize) parts.push(digestOf(bytes.subarray(at, at + partSize)));
    return { name, bytes: bytes.length, parts };
  });
  return JSON.stringify({ files: { version: 1, part_bytes: partSize, list } });
}

/** What happens to a request instead of its answer. */
export type Fault = (
  url: string,
  range: string | undefined,
  answer: Response,
) => Response | Promise<Response> | undefined;

export class Site {
  files: Files;
  manifest: string;
  hasRanges = true;
  isReachable = true;
  fault: Fault = () => undefined;
  /** "name bytes=0-1023" */
  readonly requests: string[] = [];

  constructor(files: Files) {
    this.files = files;
    this.manifest = manifestOf(files);
  }

  replace(files: Files): void {
    this.files = files;
    this.manifest = manifestOf(files);
  }

  async fetch(url: string, init: RequestInit): Promise<Response> {
    const range = (init.headers as Record<string, string>).range;
    const name = decodeURIComponent(url.slice(modelUrl.length));
    this.requests.push(range === undefined ? name : `${name} ${range}`);
    if (!this.isReachable) throw new TypeError("Failed to fetch");
    init.signal?.throwIfAborted();
    const answer = this.#answer(name, this.hasRanges ? range : undefined);
    const faulty = Promise.resolve(this.fault(url, range, answer));
    return (await untilAborted(faulty, init.signal ?? undefined)) ?? answer;
  }

  #answer(name: string, range: string | undefined): Response {
    const bytes = name === "packed.json" ? new TextEncoder().encode(this.manifest) : this.files[name];
    if (!bytes) return new Response(null, { status: 404 });
    const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(range ?? "") ?? [];
    if (start === undefined) return new Response(bytes);
    const headers = { "content-range": `bytes ${start}-${end}/${bytes.length}` };
    return new Response(bytes.slice(Number(start), Number(end) + 1), { status: 206, headers });
  }
}

/** A tab of the browser; tabs with one storage and one lock manager are of one browser. */
export function tabOf(site: Site, shared: { store?: EntryStore; locks?: Locks; roomBytes?: number } = {}): Environment {
  return {
    fetch: (url, init) => site.fetch(url, init),
    store: shared.store ?? memoryStore(),
    roomBytes: async () => shared.roomBytes,
    persist: () => {},
    locks: shared.locks ?? lockManager(),
    pageUrl: undefined,
    sleep: async () => {},
  };
}

export function lockManager(): Locks {
  const held = new Map<string, { shared: number; exclusive: boolean; waiting: (() => void)[] }>();
  const tryTake: Locks["tryTake"] = async (name, mode) => {
    const lock = held.get(name) ?? { shared: 0, exclusive: false, waiting: [] };
    held.set(name, lock);
    if (lock.exclusive || (mode === "exclusive" && lock.shared > 0)) return undefined;
    if (mode === "exclusive") lock.exclusive = true;
    else lock.shared++;
    return () => {
      if (mode === "exclusive") lock.exclusive = false;
      else lock.shared--;
      for (const wake of lock.waiting.splice(0)) wake();
    };
  };
  return {
    tryTake,
    take: async (name, mode) => {
      for (;;) {
        const release = await tryTake(name, mode);
        if (release) return release;
        await new Promise<void>((wake) => held.get(name)!.waiting.push(wake));
      }
    },
  };
}

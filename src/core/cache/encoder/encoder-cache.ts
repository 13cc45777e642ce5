/**
 * What vision graphs made of pictures, each encoded once: from memory, else from disk, else by the asker's own means. Two
 * askers at once share one run; one who gives up takes nothing from the others. It knows keys (feature-key.ts) and arrays,
 * no pictures and no models.
 */
import { OcellusError, throwIfAborted, untilAborted } from "../../base/index.js";
import { type Features, fromStored, type StoredFeatures, storedBytes, toStored } from "./features.js";
import type { HashKey } from "./frequency-sketch.js";
import { TinyLfu } from "./tiny-lfu.js";

/** Where features outlive the process. */
export interface FeatureTier {
  readonly stats: {
    readonly bytes: number;
    readonly records: number;
    readonly damaged: number;
    readonly failures: number;
  };
  get(key: string): Promise<StoredFeatures | undefined>;
  /** Keeps it in the background. */
  put(key: string, stored: StoredFeatures): void;
  close(): Promise<void>;
}

export interface EncoderCacheOptions {
  /** Of encoded pictures in memory; 0 keeps none. Default 256 MiB: some thousand of a small model, a dozen of a large one. */
  readonly maxBytes?: number;
  /** Of pictures that are pinned, beside the others. Default 64 MiB. */
  readonly maxPinnedBytes?: number;
  /** For tests: of the policy. */
  readonly hash?: HashKey;
}

/** Where features came from; who joins a run that is going on finds them in memory. */
export type FeatureSource = "memory" | "disk" | "encoded";

export interface FoundFeatures {
  /** Shared: not to be written to. */
  readonly features: Features;
  readonly source: FeatureSource;
}

export interface EncoderCacheStats {
  readonly bytes: number;
  readonly entries: number;
  /** Of pinned pictures, beside `bytes`. */
  readonly pinnedBytes: number;
  readonly diskBytes: number;
  readonly diskRecords: number;
  /** Records that were damaged or lay in another's place; each was dropped, and its picture encoded again. */
  readonly damagedRecords: number;
  /** Reads and writes that the disk refused. */
  readonly diskFailures: number;
}

interface Flight {
  readonly found: Promise<FoundFeatures>;
  /** Given up when no one wants the picture any more. */
  readonly controller: AbortController;
  numWaiting: number;
}

interface Pin {
  readonly stored: StoredFeatures;
  numHolders: number;
}

const mebibyte = 2 ** 20;

export class EncoderCache {
  readonly #policy: TinyLfu;
  readonly #entries = new Map<string, StoredFeatures>();
  readonly #flights = new Map<string, Flight>();
  readonly #pins = new Map<string, Pin>();
  readonly #maxPinnedBytes: number;
  #pinnedBytes = 0;
  readonly #disk: FeatureTier | undefined;

  constructor(options: EncoderCacheOptions = {}, disk?: FeatureTier) {
    const { maxBytes = 256 * mebibyte, maxPinnedBytes = 64 * mebibyte, hash } = options;
    this.#maxPinnedBytes = maxPinnedBytes;
    this.#policy = new TinyLfu(maxBytes, hash);
    this.#disk = disk;
  }

  get stats(): EncoderCacheStats {
    const disk = this.#disk?.stats;
    return {
      bytes: this.#policy.bytes,
      entries: this.#policy.size,
      pinnedBytes: this.#pinnedBytes,
      diskBytes: disk?.bytes ?? 0,
      diskRecords: disk?.records ?? 0,
      damagedRecords: disk?.damaged ?? 0,
      diskFailures: disk?.failures ?? 0,
    };
  }

  /**
   * The features under this key, by `encode` if they are not known; a failure is not remembered. They are the same values
   * wherever they come from: what `encode` gave, rounded as it is kept. `encode` gets a signal that fires when all who asked
   * have given up.
   * @throws `aborted` as soon as the caller's own signal fires, and what `encode` throws.
   */
  async get(
    key: string,
    encode: (signal: AbortSignal) => Promise<Features>,
    signal?: AbortSignal,
  ): Promise<FoundFeatures> {
    throwIfAborted(signal);
    this.#policy.touch(key);
    const kept = this.#pins.get(key)?.stored ?? this.#entries.get(key);
    if (kept) return { features: fromStored(kept), source: "memory" };
    const running = this.#flights.get(key);
    const flight = running ?? this.#begin(key, encode);
    flight.numWaiting++;
    try {
      const { features, source } = await untilAborted(flight.found, signal);
      return { features, source: running ? "memory" : source };
    } finally {
      if (--flight.numWaiting === 0) this.#end(key, flight); // the only one of this key: no one joins it from here on
    }
  }

  /** The features under this key if they are known, or about to be; nothing is encoded for this. */
  async find(key: string): Promise<Features | undefined> {
    if (!this.#pins.has(key) && !this.#entries.has(key) && !this.#flights.has(key) && !this.#disk) return undefined;
    const unknown = new Error("not kept");
    const found = this.get(key, () => Promise.reject(unknown));
    return found
      .then(({ features }) => features)
      .catch((error: unknown) => {
        if (error === unknown) return undefined;
        throw error;
      });
  }

  /**
   * Keeps the features under this key, whatever else is asked for, until all who pinned them have called what they got.
   * @throws `too_large` when all pinned pictures together would be over their budget; and as `get`.
   */
  async pin(
    key: string,
    encode: (signal: AbortSignal) => Promise<Features>,
    signal?: AbortSignal,
  ): Promise<() => void> {
    const { features } = await this.get(key, encode, signal);
    const pin = this.#pins.get(key) ?? this.#newPin(key, toStored(features));
    pin.numHolders++;
    let isHeld = true;
    return () => {
      if (isHeld && --pin.numHolders === 0) this.#unpin(key, pin);
      isHeld = false;
    };
  }

  #newPin(key: string, stored: StoredFeatures): Pin {
    const bytes = storedBytes(stored);
    if (this.#pinnedBytes + bytes > this.#maxPinnedBytes)
      throw new OcellusError(
        "too_large",
        `pinning ${bytes} bytes of an encoded image: ${this.#pinnedBytes} of ${this.#maxPinnedBytes} are taken; ` +
          "delete pinned files, or raise the budget (pinnedBytes)",
        { details: { bytes, takenBytes: this.#pinnedBytes, limit: this.#maxPinnedBytes } },
      );
    const pin = { stored, numHolders: 0 };
    this.#pins.set(key, pin);
    this.#pinnedBytes += bytes;
    return pin;
  }

  #unpin(key: string, { stored }: Pin): void {
    this.#pins.delete(key);
    this.#pinnedBytes -= storedBytes(stored);
  }

  /** Waits for what is being written to disk. */
  async close(): Promise<void> {
    await this.#disk?.close();
  }

  #begin(key: string, encode: (signal: AbortSignal) => Promise<Features>): Flight {
    const controller = new AbortController();
    const flight: Flight = { found: this.#find(key, encode, controller.signal), controller, numWaiting: 0 };
    flight.found.catch(() => {}); // its askers hear of it; there may be none left
    this.#flights.set(key, flight);
    return flight;
  }

  async #find(
    key: string,
    encode: (signal: AbortSignal) => Promise<Features>,
    unwanted: AbortSignal,
  ): Promise<FoundFeatures> {
    const fromDisk = await this.#disk?.get(key);
    const stored = fromDisk ?? toStored(await encode(unwanted));
    throwIfAborted(unwanted); // no one waits, and another run for this key may be on its way
    this.#keep(key, stored);
    if (!fromDisk) this.#disk?.put(key, stored);
    return { features: fromStored(stored), source: fromDisk ? "disk" : "encoded" };
  }

  #keep(key: string, stored: StoredFeatures): void {
    this.#entries.set(key, stored);
    for (const gone of this.#policy.add(key, storedBytes(stored))) this.#entries.delete(gone);
  }

  /** The last asker is served, or gone. */
  #end(key: string, flight: Flight): void {
    this.#flights.delete(key);
    flight.controller.abort();
  }
}

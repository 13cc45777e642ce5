/**
 * The models that this page has opened, each in a worker of its own, and those that the browser has stored. A download that is cancelled, or
 * that a closed page broke off, continues where it was.
 */
import { useEffect, useState, useSyncExternalStore } from "react";
import {
  type BrowserModel,
  type DownloadProgress,
  openBrowserModel,
  removeStoredModel,
  storedModels,
} from "../browser-model.js";
import type { Problem } from "../conversation.js";
import { storedKey } from "../preferences.js";
import { serverNameOf } from "./names.js";
import { problemHere } from "./problem.js";

export type HostState =
  | { readonly is: "closed" }
  | { readonly is: "opening"; readonly progress?: DownloadProgress }
  | { readonly is: "ready"; readonly model: BrowserModel }
  | { readonly is: "failed"; readonly problem: Problem };

const closed: HostState = { is: "closed" };

class Host {
  readonly #states = new Map<string, HostState>();
  readonly #opening = new Map<string, { readonly model: Promise<BrowserModel>; readonly stopping: AbortController }>();
  readonly #listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  state(id: string): HostState {
    return this.#states.get(id) ?? closed;
  }

  /** One that is open already, or being opened, is not opened again. @throws as `loadModel`. */
  open(id: string): Promise<BrowserModel> {
    const known = this.#opening.get(id);
    if (known) return known.model;
    const stopping = new AbortController();
    const model = this.#load(id, stopping.signal);
    this.#opening.set(id, { model, stopping });
    return model;
  }

  /** What has arrived stays stored. What waits for the model fails. */
  cancel(id: string): void {
    this.#opening.get(id)?.stopping.abort();
  }

  /** Gives its memory back. */
  async close(id: string): Promise<void> {
    const state = this.state(id);
    this.#opening.delete(id);
    this.#set(id, closed);
    if (state.is === "ready") await state.model.close();
  }

  async closeAll(): Promise<void> {
    for (const id of [...this.#opening.keys()]) {
      this.cancel(id);
      await this.close(id);
    }
  }

  async #load(id: string, signal: AbortSignal): Promise<BrowserModel> {
    const key = storedKey();
    this.#set(id, { is: "opening" });
    try {
      const model = await openBrowserModel(addressOf(id), {
        device: "auto",
        signal,
        ...(key && { headers: { authorization: `Bearer ${key}` } }),
        onProgress: (progress) => this.#set(id, { is: "opening", progress }),
      });
      this.#set(id, { is: "ready", model });
      return model;
    } catch (error) {
      this.#opening.delete(id); // the next question, or the button, tries again
      this.#set(id, signal.aborted ? closed : { is: "failed", problem: problemHere(error) });
      throw error;
    }
  }

  #set(id: string, state: HostState): void {
    this.#states.set(id, state);
    for (const listener of this.#listeners) listener();
  }
}

export const host = new Host();

export function useHost(id: string): HostState {
  return useSyncExternalStore(host.subscribe, () => host.state(id));
}

const [before, after] = ["v1/ocellus/models/", "/browser/"];

function addressOf(id: string): string {
  const name = serverNameOf(id).split("/").map(encodeURIComponent).join("/");
  return new URL(before + name + after, document.baseURI).href;
}

export interface Stored {
  readonly url: string;
  /** As the server calls it; of another page of this site its address. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly isWhole: boolean;
}

export interface InStore {
  readonly models: readonly Stored[];
  /** That this site may still store, where the browser says so. */
  readonly freeBytes?: number | undefined;
}

/** Absent while it is read. Read again when `of` is another, and when `changed` is called. */
export function useStored(of = ""): { readonly stored: InStore | undefined; readonly changed: () => void } {
  const [stored, set] = useState<InStore>();
  const [numChanges, setNumChanges] = useState(0);
  useEffect(() => {
    let isOver = false;
    void readStore().then((read) => isOver || set(read));
    return () => {
      isOver = true;
    };
  }, [numChanges, of]);
  return { stored, changed: () => setNumChanges((count) => count + 1) };
}

async function readStore(): Promise<InStore> {
  const [found, { quota, usage = 0 }] = await Promise.all([
    storedModels().catch(() => []),
    navigator.storage.estimate().catch((): StorageEstimate => ({})),
  ]);
  return {
    models: found.map((model) => ({ ...model, name: nameOf(model.url) })),
    ...(quota !== undefined && { freeBytes: Math.max(0, quota - usage) }),
  };
}

function nameOf(url: string): string {
  const start = new URL(before, document.baseURI).href;
  if (!url.startsWith(start) || !url.endsWith(after)) return url;
  return url.slice(start.length, -after.length).split("/").map(decodeURIComponent).join("/");
}

/** What is stored of a chosen model; absent: nothing. */
export function storedOf({ models }: InStore, id: string): Stored | undefined {
  return models.find(({ url }) => url === addressOf(id));
}

/** A worker that was ended lets go of what it read a moment later. */
const releaseMs = [0, 100, 400, 1000];

/** Closes what is open here first, for nothing is removed while a model is read. False: another page of the site has one open. */
export async function removeStored({ url }: Stored): Promise<boolean> {
  await host.closeAll();
  for (const ms of releaseMs) {
    await new Promise((wake) => setTimeout(wake, ms));
    if (await removeStoredModel(url)) return true;
  }
  return false;
}

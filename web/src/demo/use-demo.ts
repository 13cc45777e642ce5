/** What the demo does: opens the model once, and asks it one question at a time. */
import { useEffect, useRef, useState } from "react";
import { type BrowserModel, type DownloadProgress, image, openBrowserModel } from "../browser-model.js";
import type { Looked } from "./heat-map.js";

export type ModelState =
  | { readonly state: "fetching"; readonly progress?: DownloadProgress }
  | { readonly state: "ready"; readonly model: BrowserModel }
  | { readonly state: "failed"; readonly message: string };

export interface Shown {
  readonly name: string;
  readonly blob: Blob;
  /** An object URL. */
  readonly url: string;
}

export interface DemoAnswer {
  readonly text: string;
  readonly isWhole: boolean;
  readonly notes: readonly string[];
  readonly figures?: { readonly firstTokenMs: number; readonly tokensPerSecond: number };
  readonly looked?: Looked;
  readonly problem?: string;
}

/** Beside the page: what `npm run demo:web` wrote there. */
const besidePage = (path: string) => new URL(path, document.baseURI).href;

export function useModel(): ModelState {
  const [state, set] = useState<ModelState>({ state: "fetching" });
  useEffect(() => {
    const onProgress = (progress: DownloadProgress) => set({ state: "fetching", progress });
    const files = { wasmPaths: besidePage("ort/"), wasmCompression: "gzip" } as const;
    openBrowserModel(besidePage("model/"), { ...files, device: "cpu", onProgress }).then(
      (model) => set({ state: "ready", model }),
      (error: unknown) => set({ state: "failed", message: messageOf(error) }),
    );
  }, []);
  return state;
}

export function useQuestion() {
  const [answer, set] = useState<DemoAnswer>();
  const stopping = useRef<AbortController>(undefined);
  const ask = async (model: BrowserModel, picture: Shown, question: string) => {
    stopping.current?.abort();
    stopping.current = new AbortController();
    const { signal } = stopping.current;
    let current: DemoAnswer = { text: "", isWhole: false, notes: [] };
    const change = (part: Partial<DemoAnswer>) => {
      current = { ...current, ...part };
      if (stopping.current?.signal === signal) set(current);
    };
    change({});
    try {
      const messages = [{ role: "user" as const, content: [image(picture.blob), question] }];
      for await (const event of model.chat(messages, { signal, sampling: { temperature: 0 } })) {
        if (event.type === "text") change({ text: current.text + event.text });
        else if (event.type === "end")
          change({ notes: (event.notes ?? []).map(({ kind }) => kind), figures: event.timings });
      }
      const looked = await model.look(picture.blob);
      change({ isWhole: true, ...(looked && { looked }) });
    } catch (error) {
      change({ isWhole: true, ...(!signal.aborted && { problem: messageOf(error) }) });
    }
  };
  const clear = () => {
    stopping.current?.abort();
    stopping.current = undefined;
    set(undefined);
  };
  return { answer, ask, clear, stop: () => stopping.current?.abort() };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

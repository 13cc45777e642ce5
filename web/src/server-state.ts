/** Whether the server is there, and its models: asked again until it is ready, and now and then whether it still is. */
import { createContext, useContext, useEffect, useMemo, useState } from "react";
import type { WireModel } from "../../src/protocol/index.js";
import { ApiError, type Health, listModels, readHealth } from "./api.js";
import { chosenOf, isAnsweringHere, isInBrowser, serverNameOf, withBrowserModels } from "./in-browser/names.js";
import { usePreferences } from "./preferences.js";

export interface ServerState {
  readonly health: Health | "asking" | "locked";
  readonly models: readonly WireModel[];
  /** The last that there were: those that run in this browser outlive the server. */
  readonly lastModels?: readonly WireModel[];
}

const pollMs = 1500;
const stillThereMs = 10_000;

/** @param key asks again when it changes; `api.ts` sends it. */
export function useServerState(key: string): ServerState {
  const [state, set] = useState<ServerState>({ health: "asking", models: [] });
  useEffect(() => {
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async () => {
      if (isAnsweringHere()) {
        timer = setTimeout(ask, pollMs);
        return;
      }
      const next = await readState();
      if (isOver) return;
      set((old) => {
        const lastModels = next.models.length > 0 ? next.models : (old.lastModels ?? []);
        const all = { ...next, lastModels };
        return JSON.stringify(old) === JSON.stringify(all) ? old : all;
      });
      if (next.health !== "locked") timer = setTimeout(ask, next.health === "ok" ? stillThereMs : pollMs);
    };
    void ask();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [key]);
  return state;
}

async function readState(): Promise<ServerState> {
  const health = await readHealth();
  if (health !== "ok") return { health, models: [] };
  try {
    return { health, models: await listModels() };
  } catch (error) {
    return { health: error instanceof ApiError && error.status === 401 ? "locked" : "unreachable", models: [] };
  }
}

export const ServerContext = createContext<ServerState>({ health: "asking", models: [] });

export function useModels(kind: WireModel["ocellus"]["kind"] = "chat"): readonly WireModel[] {
  return useContext(ServerContext).models.filter((model) => model.ocellus.kind === kind);
}

/** Those of the server, each with its copy in this browser where there is one; of a server that is away, the copies. */
export function useChatModels(): readonly WireModel[] {
  const { models, lastModels = [] } = useContext(ServerContext);
  const isAway = models.length === 0;
  return useMemo(
    () =>
      withBrowserModels(isAway ? lastModels : models).filter(
        ({ id, ocellus }) => ocellus.kind === "chat" && (!isAway || isInBrowser(id)),
      ),
    [models, lastModels, isAway],
  );
}

export function useChatModel(): WireModel | undefined {
  return chosenOf(useChatModels(), usePreferences().model);
}

export function useModelName(): string {
  return useChatModel()?.id ?? "";
}

/** Of the chosen one, here or there. */
export function useServerModelName(): string {
  return serverNameOf(useModelName());
}

/** Whether the server is there, and its models: asked again until it is ready, and now and then whether it still is. */
import { createContext, useContext, useEffect, useState } from "react";
import type { WireModel } from "../../src/protocol/index.js";
import { ApiError, type Health, listModels, readHealth } from "./api.js";
import { usePreferences } from "./preferences.js";

export interface ServerState {
  readonly health: Health | "asking" | "locked";
  readonly models: readonly WireModel[];
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
      const next = await readState();
      if (isOver) return;
      set((old) => (JSON.stringify(old) === JSON.stringify(next) ? old : next));
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

/** The chosen model, or the first while the chosen one is not here. */
export function useChatModel(): WireModel | undefined {
  const models = useModels();
  const { model } = usePreferences();
  return models.find(({ id }) => id === model) ?? models[0];
}

export function useModelName(): string {
  return useChatModel()?.id ?? "";
}

/** The state of the server's versions, read every second while somebody looks; the history only when it has grown. */
import { useEffect, useState } from "react";
import type { WireAdminState, WireHistory } from "../../src/protocol/index.js";
import { ApiError, readAdminState, readHistory } from "./api.js";

export interface Seen {
  readonly state?: WireAdminState;
  readonly history?: WireHistory;
  /** Of the newest reading. */
  readonly problem?: ApiError;
}

const everyMs = 1000;

/** @param key reads again when it changes; `api.ts` sends it. */
export function useVersions(key: string): Seen {
  const [seen, set] = useState<Seen>({});
  useEffect(() => {
    let isOver = false;
    let timer: ReturnType<typeof setTimeout>;
    let last: Seen = {};
    const read = async () => {
      last = await readOn(last);
      if (isOver) return;
      set(last);
      // Without a key or a registry the next reading would say the same.
      if (last.problem?.status !== 401 && last.problem?.status !== 404) timer = setTimeout(() => void read(), everyMs);
    };
    void read();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [key]);
  return seen;
}

async function readOn(last: Seen): Promise<Seen> {
  try {
    const state = await readAdminState();
    const isSame = last.history !== undefined && state.seq === last.state?.seq;
    return { state, history: isSame ? last.history : await readHistory() };
  } catch (error) {
    const { problem: _, ...known } = last;
    return { ...known, problem: error instanceof ApiError ? error : new ApiError(String(error), 0) };
  }
}

/** What differs between two versions: read when they are chosen, and again while their values are compared. */
import { useEffect, useState } from "react";
import type { WireDiff } from "../../src/protocol/index.js";
import { compareValues, readDiff } from "./api.js";
import type { Problem } from "./conversation.js";
import { problemOf } from "./problems.js";

interface Found {
  readonly diff?: WireDiff;
  readonly problem?: Problem;
}

const everyMs = 700;

/** Of one pair for as long as it is mounted. */
export function useDiff(a: string, b: string): Found & { readonly compare: () => void } {
  const [found, set] = useState<Found>({});
  const { diff } = found;
  const take = (reading: Promise<WireDiff>) =>
    void reading.then(
      (read) => set({ diff: read }),
      (error: unknown) => set((old) => ({ ...old, problem: problemOf(error) })),
    );
  useEffect(() => {
    if (diff && diff.values.state !== "running") return;
    const timer = setTimeout(() => take(readDiff(a, b)), diff ? everyMs : 0);
    return () => clearTimeout(timer);
  }, [a, b, diff]);
  return { ...found, compare: () => take(compareValues(a, b)) };
}

/** Every value of a model or a version: whether it was read, and asked again while it is. */
import { useEffect, useState } from "react";
import type { WireExamination } from "../../../src/protocol/index.js";
import { beginExamination, type Examined, readExamination } from "../api.js";
import type { Problem } from "../conversation.js";
import { problemOf } from "../problems.js";

interface Found {
  readonly examination?: WireExamination;
  readonly problem?: Problem;
}

const everyMs = 700;

/** Of one for as long as it is mounted. */
export function useExamination(examined: Examined): Found & { readonly begin: () => void } {
  const [found, set] = useState<Found>({});
  const { examination } = found;
  const take = (reading: Promise<WireExamination>) =>
    void reading.then(
      (read) => set({ examination: read }),
      (error: unknown) => set((old) => ({ ...old, problem: problemOf(error) })),
    );
  useEffect(() => {
    if (examination && examination.state !== "running") return;
    const timer = setTimeout(() => take(readExamination(examined)), examination ? everyMs : 0);
    return () => clearTimeout(timer);
  }, [examined.kind, examined.id, examination]);
  return { ...found, begin: () => take(beginExamination(examined)) };
}

/** What a room asks the server for when it opens. With another key it is asked again, for then the answer may be another. */
import { useEffect, useState } from "react";
import type { Problem } from "./conversation.js";
import { usePreferences } from "./preferences.js";
import { problemOf } from "./problems.js";

interface Loaded<T> {
  readonly value?: T;
  readonly problem?: Problem;
}

/** @param of what it is about: asked again when it changes. */
export function useLoaded<T>(load: () => Promise<T>, of = ""): Loaded<T> & { readonly reload: () => void } {
  const { key } = usePreferences();
  const [loaded, set] = useState<Loaded<T>>({});
  const [numReloads, setNumReloads] = useState(0);
  useEffect(() => {
    let isOver = false;
    load().then(
      (value) => isOver || set({ value }),
      (error: unknown) => isOver || set({ problem: problemOf(error) }),
    );
    return () => {
      isOver = true;
    };
  }, [key, of, numReloads]);
  return { ...loaded, reload: () => setNumReloads((count) => count + 1) };
}

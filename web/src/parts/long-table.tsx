import type { ReactNode } from "react";
import { useVersionsWords } from "../words-versions.js";

/** A long table in a window of its own. */
export function Scrolled({ label, children }: { label: string; children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="tensors" tabIndex={0} aria-label={label}>
      {children}
    </section>
  );
}

/** What a list leaves out. */
export function More({ count }: { count: number }) {
  const { diff: words } = useVersionsWords().rollout;
  return count > 0 && <p className="aside">{words.more(count)}</p>;
}

import type { ReactNode } from "react";
import "../style/pages.css";

/** A page that scrolls as a whole. It can have the focus: else the keyboard could not scroll one without buttons. */
export function Sheet({ children }: { children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <div className="sheet" tabIndex={0}>
      <div className="wide">{children}</div>
    </div>
  );
}

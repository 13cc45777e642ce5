import type { Box } from "../region.js";

/** A box in shares as CSS. */
export function placed([left, top, right, bottom]: Box) {
  const percent = (share: number) => `${share * 100}%`;
  return { left: percent(left), top: percent(top), width: percent(right - left), height: percent(bottom - top) };
}

/** TeX as MathML, which browsers draw themselves. Loaded with the first formula. */

import { useMemo } from "react";
import temml from "temml";

/** A formula that is longer was not written for people. */
const maxCharacters = 4000;

export function MathView({ tex, isDisplay }: { tex: string; isDisplay: boolean }) {
  const html = useMemo(() => mathMl(tex, isDisplay), [tex, isDisplay]);
  if (html === undefined) return <code>{tex}</code>;
  const set = (span: HTMLSpanElement | null) => {
    if (span) fill(span, html);
  };
  return <span ref={set} className={isDisplay ? "math math-display" : "math"} />;
}

function mathMl(tex: string, isDisplay: boolean): string | undefined {
  if (tex.length > maxCharacters) return undefined;
  try {
    return temml.renderToString(tex, { displayMode: isDisplay, throwOnError: true, trust: false, maxExpand: 200 });
  } catch {
    return undefined; // no TeX after all
  }
}

/** Styles go in by script: the page's policy lets no attribute say them. */
function fill(span: HTMLSpanElement, html: string): void {
  span.innerHTML = html.replaceAll(' style="', ' data-style="');
  for (const part of span.querySelectorAll<MathMLElement>("[data-style]")) {
    part.style.cssText = part.dataset.style!;
    delete part.dataset.style;
  }
}

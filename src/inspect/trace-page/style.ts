/** The page of a trace, on top of page/base-style.ts. */
export const style = `
:root { --read: #94897a; --vision: #0d6b66; --prefill: #c08a2e; --token: #4f7299; }
:root[data-theme="dark"] { --read: #7c7367; --vision: #7fcabf; --prefill: #d9b066; --token: #8fb0d6; }
.answer { margin-top: 1.1rem; font: 400 1.4rem / 1.75 var(--serif); white-space: pre-wrap; overflow-wrap: anywhere; }
.answer button { border-radius: 4px; white-space: pre-wrap; box-shadow: inset 0 -2px transparent; background: color-mix(in srgb, var(--doubt) var(--doubtful), transparent); }
.answer button:hover { box-shadow: inset 0 -2px var(--soft); }
.answer button[aria-pressed="true"] { box-shadow: inset 0 -2px var(--accent); }
.answer .special { color: var(--soft); font: 400 0.75rem var(--mono); }
.scale { display: flex; gap: 0.6rem; align-items: center; margin-top: 0.5rem; }
.scale i { width: 7rem; height: 0.5rem; border-radius: 4px; background: linear-gradient(to right, transparent, color-mix(in srgb, var(--doubt) 65%, transparent)); box-shadow: inset 0 0 0 1px var(--line); }
.alternatives { max-width: 34rem; margin-top: 1rem; padding: 0.9rem 1.1rem; border-radius: 12px; background: var(--panel); }
.alternatives li { display: grid; grid-template-columns: minmax(4rem, 11rem) 1fr 4.2rem; gap: 0.8rem; align-items: center; padding: 0.16rem 0; }
.alternatives code { overflow: hidden; text-overflow: ellipsis; white-space: pre; font: 0.88rem var(--mono); }
.alternatives li.said code { color: var(--accent); font-weight: 600; }
.alternatives .bar { height: 0.55rem; border-radius: 4px; background: color-mix(in srgb, var(--ink) 8%, transparent); }
.alternatives .bar i { display: block; height: 100%; min-width: 2px; border-radius: 4px; background: var(--soft); }
.alternatives .said .bar i { background: var(--accent); }

.look { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 2rem; margin-top: 1rem; align-items: start; }
.look.plain { grid-template-columns: minmax(0, 30rem); }
.frame { position: relative; overflow: hidden; border-radius: 12px; background: var(--panel); box-shadow: 0 0 0 1px var(--line); }
.look:not(.plain) .frame { background: #808080; } /* what fills a picture up to the frame is the middle of the scale */
.frame img { display: block; width: 100%; height: 100%; object-fit: contain; }
.plain .frame img { height: auto; }
.frame canvas { position: absolute; inset: 0; width: 100%; height: 100%; image-rendering: pixelated; }
.bare canvas { visibility: hidden; }
figcaption { min-height: 3em; margin-top: 0.7rem; color: var(--soft); font-size: 0.88rem; }
.queries { display: grid; grid-template-columns: repeat(8, minmax(0, 1fr)); gap: 0.4rem; margin: 1rem 0; }
.queries .mean { grid-column: 1 / -1; grid-template-columns: calc((100% - 2.8rem) / 8) 1fr; gap: 0.7rem; align-items: center; justify-items: start; }
.queries button { display: grid; gap: 0.15rem; padding: 0.2rem; border-radius: 8px; color: var(--soft); font-size: 0.72rem; }
.queries canvas { width: 100%; border-radius: 4px; background: var(--panel); image-rendering: pixelated; }
.queries button:hover { background: var(--panel); }
.queries button[aria-checked="true"] { color: var(--ink); background: var(--panel); box-shadow: 0 0 0 2px var(--accent); }

.times { display: flex; height: 2rem; margin-top: 1rem; overflow: hidden; border-radius: 8px; background: var(--panel); }
.times i { min-width: 1px; box-shadow: inset -1px 0 var(--paper); }
.legend { display: flex; flex-wrap: wrap; gap: 0.4rem 2rem; margin-top: 0.8rem; }
.legend div { display: flex; gap: 0.55rem; align-items: baseline; font-size: 0.92rem; }
.legend i { width: 0.7rem; height: 0.7rem; border-radius: 3px; }
.legend dd { color: var(--soft); font-variant-numeric: tabular-nums; }
@media (max-width: 50rem) {
  .look { grid-template-columns: minmax(0, 1fr); }
}
`;

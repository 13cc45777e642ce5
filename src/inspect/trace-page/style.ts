/** Colours and type of the page of a trace: those of the web page (web/src/style/base.css), without its web fonts. */
export const style = `
:root {
  --sans: "Hanken Grotesk", system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif;
  --serif: "Newsreader", Georgia, "Songti SC", "Noto Serif CJK SC", "SimSun", serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Code", "Noto Sans Mono", "DejaVu Sans Mono", monospace;
  color-scheme: light;
  --paper: #fbf9f4; --panel: #f4f0e7; --raised: #fffefb; --line: #e3dccd; --ink: #26221c; --soft: #685f53;
  --accent: #0d6b66; --doubt: #c4452b; --chosen: #fffefb;
  --read: #94897a; --vision: #0d6b66; --prefill: #c08a2e; --token: #4f7299;
}
:root[data-theme="dark"] {
  color-scheme: dark;
  --paper: #191714; --panel: #1f1d19; --raised: #25221e; --line: #37322b; --ink: #ece6db; --soft: #aaa092;
  --accent: #7fcabf; --doubt: #f0957f; --chosen: #403a32;
  --read: #7c7367; --vision: #7fcabf; --prefill: #d9b066; --token: #8fb0d6;
}
*, ::before, ::after { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink); font: 400 1rem / 1.5 var(--sans);
  -webkit-font-smoothing: antialiased;
}
main { max-width: 68rem; margin: 0 auto; padding: 2rem 1.5rem 4rem; }
h1, h2, p, figure, ul, dl, dd { margin: 0; padding: 0; }
ul { list-style: none; }
h1 { font: 400 2.25rem / 1.15 var(--serif); letter-spacing: -0.02em; text-wrap: balance; overflow-wrap: anywhere; }
h2 { font: 500 1.25rem / 1.25 var(--serif); letter-spacing: -0.01em; }
button { padding: 0; border: 0; background: none; color: inherit; font: inherit; cursor: pointer; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
section { margin-top: 2.75rem; }
.aside { color: var(--soft); font-size: 0.88rem; }
.top { display: flex; gap: 1rem; align-items: flex-start; justify-content: space-between; }
.brand { display: flex; gap: 0.6rem; align-items: center; margin-bottom: 1.1rem; color: var(--soft); font-size: 0.88rem; }
.brand svg { width: 1.5rem; height: 1.5rem; }
.theme { min-height: 2.25rem; padding: 0 0.9rem; border-radius: 999px; border: 1px solid var(--line); color: var(--soft); font-size: 0.86rem; white-space: nowrap; }
.theme:hover { color: var(--ink); border-color: var(--soft); }

.answer { margin-top: 1.1rem; font: 400 1.4rem / 1.75 var(--serif); white-space: pre-wrap; overflow-wrap: anywhere; }
.answer button { border-radius: 4px; white-space: pre-wrap; box-shadow: inset 0 -2px transparent; background: color-mix(in srgb, var(--doubt) var(--doubtful), transparent); }
.answer button:hover { box-shadow: inset 0 -2px var(--soft); }
.answer button[aria-pressed="true"] { box-shadow: inset 0 -2px var(--accent); }
.answer .special { color: var(--soft); font: 400 0.75rem var(--mono); }
.scale { display: flex; gap: 0.6rem; align-items: center; margin-top: 0.5rem; }
.scale i { width: 7rem; height: 0.5rem; border-radius: 4px; background: linear-gradient(to right, transparent, color-mix(in srgb, var(--doubt) 65%, transparent)); box-shadow: inset 0 0 0 1px var(--line); }
.rivals { max-width: 34rem; margin-top: 1rem; padding: 0.9rem 1.1rem; border-radius: 12px; background: var(--panel); }
.rivals li { display: grid; grid-template-columns: minmax(4rem, 11rem) 1fr 4.2rem; gap: 0.8rem; align-items: center; padding: 0.16rem 0; }
.rivals code { overflow: hidden; text-overflow: ellipsis; white-space: pre; font: 0.88rem var(--mono); }
.rivals li.said code { color: var(--accent); font-weight: 600; }
.rivals .bar { height: 0.55rem; border-radius: 4px; background: color-mix(in srgb, var(--ink) 8%, transparent); }
.rivals .bar i { display: block; height: 100%; min-width: 2px; border-radius: 4px; background: var(--soft); }
.rivals .said .bar i { background: var(--accent); }
.number { text-align: right; font-size: 0.86rem; font-variant-numeric: tabular-nums; }

.look { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 2rem; margin-top: 1rem; align-items: start; }
.look.plain { grid-template-columns: minmax(0, 30rem); }
.frame { position: relative; overflow: hidden; border-radius: 12px; background: var(--panel); box-shadow: 0 0 0 1px var(--line); }
.look:not(.plain) .frame { background: #808080; } /* what fills a picture up to the frame is the middle of the scale */
.frame img { display: block; width: 100%; height: 100%; object-fit: contain; }
.plain .frame img { height: auto; }
.frame canvas { position: absolute; inset: 0; width: 100%; height: 100%; image-rendering: pixelated; }
.bare canvas { visibility: hidden; }
figcaption { min-height: 3em; margin-top: 0.7rem; color: var(--soft); font-size: 0.88rem; }
.tabs { display: inline-flex; flex-wrap: wrap; padding: 3px; border-radius: 10px; background: color-mix(in srgb, var(--ink) 7%, transparent); }
.tabs button { padding: 0.25rem 0.85rem; border-radius: 8px; color: var(--soft); font-size: 0.88rem; }
.tabs button[aria-pressed="true"] { background: var(--chosen); color: var(--ink); box-shadow: 0 1px 2px rgb(0 0 0 / 12%); }
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
  h1 { font-size: 1.75rem; }
}
`;

/** Colours and type of all our pages: those of the web page (web/src/style/base.css), without its web fonts. */
export const baseStyle = `
:root {
  --sans: "Hanken Grotesk", system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif;
  --serif: "Newsreader", Georgia, "Songti SC", "Noto Serif CJK SC", "SimSun", serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Code", "Noto Sans Mono", "DejaVu Sans Mono", monospace;
  color-scheme: light;
  --paper: #fbf9f4; --panel: #f4f0e7; --raised: #fffefb; --line: #e3dccd; --ink: #26221c; --soft: #685f53;
  --accent: #0d6b66; --doubt: #c4452b; --chosen: #fffefb;
}
:root[data-theme="dark"] {
  color-scheme: dark;
  --paper: #191714; --panel: #1f1d19; --raised: #25221e; --line: #37322b; --ink: #ece6db; --soft: #aaa092;
  --accent: #7fcabf; --doubt: #f0957f; --chosen: #403a32;
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
.brand svg { flex: none; width: 1.5rem; height: 1.5rem; }
.pill { min-height: 2.25rem; padding: 0 0.9rem; border-radius: 999px; border: 1px solid var(--line); color: var(--soft); font-size: 0.86rem; white-space: nowrap; }
.pill:hover { color: var(--ink); border-color: var(--soft); }
.number { text-align: right; font-size: 0.86rem; font-variant-numeric: tabular-nums; }
.tabs { display: inline-flex; flex-wrap: wrap; padding: 3px; border-radius: 10px; background: color-mix(in srgb, var(--ink) 7%, transparent); }
.tabs button { padding: 0.25rem 0.85rem; border-radius: 8px; color: var(--soft); font-size: 0.88rem; }
.tabs button[aria-pressed="true"] { background: var(--chosen); color: var(--ink); box-shadow: 0 1px 2px rgb(0 0 0 / 12%); }
@media (max-width: 50rem) {
  main { padding: 1.25rem 1rem 3rem; }
  h1 { font-size: 1.75rem; }
}
`;

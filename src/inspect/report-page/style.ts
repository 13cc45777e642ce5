/** Both reports, on top of page/base-style.ts: the rooms of a model, plots over its layers, lists and tables. */
export const style = `
:root {
  --vision: #0d6b66; --connector: #c08a2e; --embedding: #4f7299; --text: #6f7f3a; --decoder: #a4563f; --head: #7d5a8c; --other: #94897a;
  --warm: #c4452b; --still: #d9d1c0; --good: #2f6b3a;
}
:root[data-theme="dark"] {
  --vision: #7fcabf; --connector: #d9b066; --embedding: #8fb0d6; --text: #b5c46f; --decoder: #e0967c; --head: #c3a0d3; --other: #8f8678;
  --warm: #f0805f; --still: #3b362f; --good: #9ccf9f;
}
h3 { margin: 0; font: 500 1.02rem / 1.3 var(--sans); overflow-wrap: anywhere; }
h3:focus-visible { outline: none; }
h3 + .aside { margin-top: 0.25rem; }
h3 small, .what small { display: inline-block; margin-left: 0.6em; color: var(--soft); font: 400 0.82rem var(--sans); }
code { font: 0.84rem var(--mono); overflow-wrap: anywhere; }
details summary { cursor: pointer; color: var(--soft); font-size: 0.92rem; }
h2 + .aside { margin-top: 0.35rem; }
.list + .pill { margin-top: 0.8rem; }
.paths { margin-top: 0.8rem; overflow-wrap: anywhere; }
.bar-line { display: flex; flex-wrap: wrap; gap: 0.6rem 1rem; align-items: center; justify-content: space-between; margin-bottom: 0.8rem; }

.verdict { margin-top: 1rem; font-weight: 500; }
.verdict::before { content: "\\2717"; display: inline-block; width: 1.4em; color: var(--doubt); }
.verdict.good::before { content: "\\2713"; color: var(--good); }
#findings { margin-top: 1.1rem; }
#findings .verdict { margin: 0 0 0.4rem; }
#findings.bad { padding: 1.1rem 1.3rem; border-radius: 12px; background: color-mix(in srgb, var(--doubt) 10%, var(--paper)); box-shadow: inset 3px 0 var(--doubt); }
.findings { display: grid; gap: 0.55rem; margin: 0.5rem 0; }
.findings li { display: grid; font-size: 0.95rem; overflow-wrap: anywhere; }
.links { display: flex; flex-wrap: wrap; gap: 0.1rem 0.9rem; font-size: 0.84rem; color: var(--soft); }
.link { color: var(--accent); font: 0.84rem var(--mono); text-align: left; overflow-wrap: anywhere; }
.link:hover { text-decoration: underline; }

.crumbs { display: flex; flex-wrap: wrap; gap: 0.2rem 0; min-height: 2.1rem; margin-bottom: 0.4rem; align-items: center; font-size: 0.92rem; }
.crumbs button { padding: 0.15rem 0.1rem; color: var(--accent); overflow-wrap: anywhere; text-align: left; }
.crumbs button:disabled { color: var(--ink); cursor: default; font-weight: 500; }
.crumbs button + button::before { content: "\\203a"; padding: 0 0.5rem; color: var(--soft); font-weight: 400; }
input[type="search"] { width: 15rem; max-width: 100%; min-height: 2.25rem; padding: 0 0.9rem; border: 1px solid var(--line); border-radius: 999px; background: var(--raised); color: var(--ink); font: 0.9rem var(--sans); }
.explorer { display: grid; grid-template-columns: minmax(0, 1.35fr) minmax(0, 1fr); gap: 2rem; align-items: start; }
.rooms { display: block; width: 100%; overflow: visible; }
.door { cursor: pointer; outline: none; }
.wall { fill: color-mix(in oklab, var(--tone) 24%, var(--paper)); stroke: color-mix(in oklab, var(--tone) 45%, var(--paper)); }
.tensor .wall { fill: color-mix(in oklab, var(--tone) 14%, var(--paper)); }
.warm .wall { fill: color-mix(in oklab, var(--tone) 34%, var(--paper)); stroke: color-mix(in oklab, var(--tone) 55%, var(--paper)); }
.warm .tensor .wall { fill: color-mix(in oklab, var(--tone) 52%, var(--paper)); }
.hint { fill: color-mix(in oklab, var(--tone) 38%, transparent); pointer-events: none; }
.warm .hint { fill: color-mix(in oklab, var(--tone) 85%, transparent); }
.door:hover .wall { stroke: var(--tone); stroke-width: 1.5; }
.door.chosen .wall { stroke: color-mix(in srgb, var(--ink) 75%, var(--paper)); stroke-width: 2; }
.door:focus-visible .wall { stroke: var(--ink); stroke-width: 2.5; }
.door text { fill: var(--ink); font: 500 14px var(--sans); pointer-events: none; }
.door .size { fill: color-mix(in srgb, var(--ink) 72%, transparent); font: 400 13px var(--sans); font-variant-numeric: tabular-nums; }
.picture + .aside { min-height: 3em; margin-top: 0.6rem; overflow-wrap: anywhere; }
.inside { padding: 1.1rem 1.2rem; border-radius: 12px; background: var(--panel); }
.inside > .aside { overflow-wrap: anywhere; }

.list { margin-top: 0.7rem; }
.inside .list { max-height: 27rem; overflow: auto; margin-inline: -0.5rem; scrollbar-width: thin; }
.list li > button, .list.parts li { display: grid; grid-template-columns: minmax(0, 1fr) 5.5rem 4.6rem; gap: 0.8rem; align-items: center; width: 100%; padding: 0.28rem 0.5rem; border-radius: 8px; text-align: left; font-size: 0.92rem; }
.list li > button:hover { background: color-mix(in srgb, var(--ink) 6%, transparent); }
.list li > button.found { display: block; font: 0.82rem var(--mono); overflow-wrap: anywhere; }
.list.wide { max-width: 46rem; }
.list.wide li > button { grid-template-columns: minmax(0, 1fr) minmax(5rem, 14rem) 4.6rem; padding-inline: 0; }
.list.parts li { grid-template-columns: 9rem minmax(4rem, 1fr) 4.6rem 9rem; padding-inline: 0; }
.what { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.bar { height: 0.5rem; border-radius: 4px; background: color-mix(in srgb, var(--ink) 8%, transparent); }
.bar i { display: block; height: 100%; min-width: 2px; border-radius: 4px; background: var(--tone, var(--accent)); }
.warm .bar i, .parts .bar i, .moved .bar i { background: var(--warm); }
.lora { justify-self: start; font-size: 0.84rem; padding: 0.05rem 0.5rem; border-radius: 999px; background: color-mix(in srgb, var(--connector) 24%, transparent); }

.facts { display: grid; grid-template-columns: minmax(7rem, max-content) minmax(0, 1fr); gap: 0.25rem 1.2rem; margin-top: 0.9rem; font-size: 0.92rem; }
.facts dt { color: var(--soft); }
.facts dd { overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.histogram { margin: 0.9rem 0; }
.histogram svg { display: block; width: 100%; height: 7rem; border-bottom: 1px solid var(--line); }
.histogram rect { fill: var(--accent); }
.histogram line { stroke: var(--soft); stroke-dasharray: 3 3; vector-effect: non-scaling-stroke; }
.histogram line.mean { stroke: var(--doubt); stroke-dasharray: none; }
.histogram figcaption { display: flex; justify-content: space-between; padding-top: 0.3rem; color: var(--soft); font-size: 0.8rem; font-variant-numeric: tabular-nums; }
.inside details { margin-top: 0.8rem; }
.quantiles { display: flex; flex-wrap: wrap; gap: 0.4rem 1.1rem; margin-top: 0.5rem; font-size: 0.84rem; font-variant-numeric: tabular-nums; }
.quantiles dt { color: var(--soft); font-size: 0.76rem; }

.stack { margin-top: 1.4rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: 0.8rem; margin-top: 0.7rem; }
.plot { display: grid; gap: 0.2rem; padding: 0.6rem 0.8rem; border-radius: 10px; background: var(--panel); text-align: left; }
.plot:hover { background: color-mix(in srgb, var(--ink) 8%, var(--paper)); }
.plot svg { display: block; width: 100%; overflow: visible; }
.plot polygon { fill: color-mix(in oklab, var(--accent) 16%, transparent); }
.plot polyline { fill: none; stroke: var(--accent); stroke-width: 1.6; stroke-linejoin: round; vector-effect: non-scaling-stroke; }
.plot circle { fill: var(--paper); stroke: var(--accent); stroke-width: 1.6; }
.plot .number { color: var(--soft); font-size: 0.78rem; text-align: left; }
.kind { overflow: hidden; font: 0.78rem var(--mono); text-overflow: ellipsis; white-space: nowrap; }
.heat { display: grid; grid-template-columns: 12rem minmax(0, 1fr); gap: 3px 1rem; align-items: center; margin-top: 0.7rem; }
.cells { display: grid; grid-template-columns: repeat(var(--layers), minmax(0, 2.4rem)); gap: 2px; }
.cells button { height: 1.6rem; border-radius: 3px; background: color-mix(in oklab, var(--warm) var(--level), var(--still)); }
.cells .none { background: none; box-shadow: inset 0 0 0 1px var(--line); }
.cells button:hover { box-shadow: 0 0 0 2px var(--ink); }
.under { display: flex; flex-wrap: wrap; gap: 0.4rem 1.5rem; justify-content: space-between; margin-top: 0.9rem; }
.told { flex: 1 1 18rem; min-height: 1.4em; overflow-wrap: anywhere; }
.scale { display: flex; gap: 0.6rem; align-items: center; font-variant-numeric: tabular-nums; }
.scale i { width: 8rem; height: 0.6rem; border-radius: 4px; background: linear-gradient(to right in oklab, var(--still), var(--warm)); }

.memory { margin-top: 0.9rem; }
.memory li { display: grid; grid-template-columns: 9rem minmax(6rem, 1fr) 5rem 5rem 8rem; gap: 0.9rem; align-items: center; padding: 0.3rem 0; font-size: 0.92rem; }
.memory .no .number, .memory .no .fits { color: var(--doubt); }
.memory .fits { color: var(--soft); font-size: 0.84rem; }
.memory .now .fits { color: var(--good); }
.memory-bar { display: flex; height: 0.8rem; overflow: hidden; border-radius: 4px; }
.legend { display: flex; flex-wrap: wrap; gap: 0.3rem 1.6rem; margin-top: 0.8rem; }
.legend div { display: flex; gap: 0.5rem; align-items: baseline; font-size: 0.88rem; }
.legend i { display: inline-block; margin-right: 0.5rem; width: 0.7rem; height: 0.7rem; border-radius: 3px; }
.legend dd { color: var(--soft); font-variant-numeric: tabular-nums; }

.names { display: grid; gap: 0.3rem; margin-top: 0.8rem; }
.names li { display: grid; grid-template-columns: 5.2rem minmax(0, max-content) auto; gap: 0.2rem 1rem; align-items: baseline; justify-content: start; }
.sign { font-size: 0.84rem; color: var(--connector); }
.added .sign { color: var(--good); }
.removed .sign { color: var(--doubt); }
ul + .pill { margin-top: 0.7rem; }
.scrolls { overflow-x: auto; margin-top: 0.8rem; }
table { border-collapse: collapse; font-size: 0.92rem; }
th, td { padding: 0.4rem 1.6rem 0.4rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: baseline; font-weight: 400; }
th small { display: block; color: var(--soft); font-size: 0.78rem; }
@media (max-width: 50rem) {
  .explorer { grid-template-columns: minmax(0, 1fr); gap: 1rem; }
  .heat { grid-template-columns: minmax(0, 1fr); gap: 2px; }
  .heat .kind { padding-top: 0.4rem; }
  .memory li { grid-template-columns: minmax(0, 1fr) 4.6rem 4.6rem; gap: 0.2rem 0.6rem; }
  .memory .memory-bar { grid-area: 2 / 1 / 3 / -1; }
  .memory .fits { grid-area: 3 / 1 / 4 / -1; }
  .memory li.aside span:nth-child(2), .memory li.aside span:last-child { display: none; }
  .list.parts li, .list.wide li > button { grid-template-columns: minmax(0, 1fr) 4.6rem; gap: 0.1rem 0.8rem; }
  .list.wide .what { grid-column: 1 / -1; white-space: normal; overflow-wrap: anywhere; }
  .list.parts .what { grid-column: 1; }
  .list.parts .bar { grid-area: 2 / 1; }
  .list.parts .number { grid-area: 1 / 2; }
  .list.parts .aside { grid-area: 2 / 2; text-align: right; font-size: 0.76rem; }
  .names li { grid-template-columns: minmax(0, 1fr); gap: 0; }
  input[type="search"] { width: 100%; }
}
`;

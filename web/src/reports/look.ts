/** Where the queries of a resampler looked: maps over a picture, by layer and query. */
import type { TracedPicture } from "../../../src/inspect/page/page-data.js";
import { colourOf, el, mark, percent, redraws, say, walk } from "./base.js";

const layerName = (i: number) => say(`layer ${i + 1}`, `第 ${i + 1} 层`);

/** Of each patch a share. */
type PatchMap = readonly number[];

/** Sums of several maps divided by their number: over layers, or over queries. */
function mean(maps: readonly PatchMap[]): PatchMap {
  return maps[0]!.map((_, patch) => maps.reduce((sum, map) => sum + map[patch]!, 0) / maps.length);
}

/** Views to choose from: the mean of all layers first; in each, the mean of all queries first. */
function viewsOf(layers: readonly (readonly PatchMap[])[]): PatchMap[][] {
  const withMean = (maps: readonly PatchMap[]) => [mean(maps), ...maps];
  const across = layers[0]!.map((_, query) => mean(layers.map((layer) => layer[query]!)));
  return layers.length > 1 ? [withMean(across), ...layers.map(withMean)] : [withMean(layers[0]!)];
}

export function lookView({ grid, layers }: TracedPicture, img: HTMLElement): HTMLElement {
  const { columns, rows } = grid;
  const views = viewsOf(layers);
  const names =
    views.length > 1 ? [say("all layers", "所有层"), ...layers.map((_, i) => layerName(i))] : [layerName(0)];
  const overlay = el("canvas", { width: columns, height: rows, role: "img" });
  const caption = el("figcaption", { "aria-live": "polite" });
  const frame = el("div", { className: "frame", style: { "aspect-ratio": `${columns} / ${rows}` } }, img, overlay);
  const state = { layer: 0, query: 0 };

  const show = (query: number) => {
    const map = views[state.layer]![query]!;
    paint(overlay, map, (share) => [20, 17, 12, 225 * (1 - share)]);
    const words = describe(map, query, columns, names[state.layer]!);
    caption.textContent = words;
    overlay.setAttribute("aria-label", words);
  };
  const minis = views[0]!.map((_, query) => {
    const canvas = el("canvas", { width: columns, height: rows });
    const label = query === 0 ? say("all queries, their mean", "所有查询的平均") : String(query);
    const properties = { type: "button", role: "radio", className: query === 0 ? "mean" : "" };
    const actions = { onclick: () => chooseQuery(query), onmouseenter: () => show(query), onfocus: () => show(query) };
    return { canvas, button: el("button", { ...properties, ...actions }, canvas, label) };
  });
  const buttons = minis.map(({ button }) => button);
  const chooseQuery = (query: number) => {
    state.query = query;
    mark(buttons, query, "aria-checked");
    show(query);
  };
  const draw = () => {
    const colour = colourOf("--accent");
    for (const [query, { canvas }] of minis.entries())
      paint(canvas, views[state.layer]![query]!, (share) => [...colour, 255 * share]);
    show(state.query);
  };
  const tabs = names.map((name, i) => el("button", { type: "button", onclick: () => chooseLayer(i) }, name));
  const chooseLayer = (layer: number) => {
    state.layer = layer;
    mark(tabs, layer, "aria-pressed");
    draw();
  };

  const back = { onmouseleave: () => show(state.query) };
  const queries = el(
    "div",
    { className: "queries", role: "radiogroup", "aria-label": say("Query", "查询"), ...back },
    ...buttons,
  );
  const layerTabs = el("div", { className: "tabs", role: "group", "aria-label": say("Layer", "层") }, ...tabs);
  walk(queries, chooseQuery);
  walk(layerTabs, chooseLayer);
  chooseLayer(0);
  chooseQuery(0);
  redraws.push(draw);
  const words = say(
    `Each small map is one query over the ${columns} × ${rows} patches, mean of its heads, strongest where it looked most. Point at one, or walk with the arrow keys.`,
    `每张小图是一个查询在 ${columns} × ${rows} 个图块上的注意力（各头平均），越深看得越多。指向一张，或用方向键移动。`,
  );
  const side = [
    el("div", { className: "top" }, layerTabs, bareButton(frame)),
    queries,
    el("p", { className: "aside" }, words),
  ];
  return el("div", { className: "look" }, el("figure", {}, frame, caption), el("div", {}, ...side));
}

/** Shows the picture without its maps. */
function bareButton(frame: HTMLElement): HTMLElement {
  const button = el(
    "button",
    { type: "button", className: "pill", "aria-pressed": "false" },
    say("Hide attention", "隐藏注意力"),
  );
  button.onclick = () => {
    const isBare = frame.classList.toggle("bare");
    button.setAttribute("aria-pressed", String(isBare));
    button.textContent = isBare ? say("Show attention", "显示注意力") : say("Hide attention", "隐藏注意力");
  };
  return button;
}

function describe(map: PatchMap, query: number, columns: number, layer: string): string {
  const total = map.reduce((sum, p) => sum + p, 0);
  const top = map.indexOf(Math.max(...map));
  const which = query === 0 ? say("All queries together", "所有查询") : say(`Query ${query}`, `查询 ${query}`);
  const [row, column] = [Math.floor(top / columns) + 1, (top % columns) + 1];
  const [all, most] = [percent(total), percent(map[top]!)];
  return say(
    `${which}, ${layer}: ${all} of the attention lies on the picture, the rest on the queries themselves; most, ${most}, on row ${row}, column ${column}.`,
    `${which}，${layer}：${all} 的注意力在图片上，其余在查询自身；最多的 ${most} 在第 ${row} 行第 ${column} 列。`,
  );
}

/** One pixel a patch, as a share of the largest. */
function paint(canvas: HTMLCanvasElement, map: PatchMap, colour: (share: number) => number[]): void {
  const context = canvas.getContext("2d")!;
  const pixels = context.createImageData(canvas.width, canvas.height);
  const largest = Math.max(...map) || 1;
  for (const [i, p] of map.entries()) pixels.data.set(colour(p / largest), 4 * i);
  context.putImageData(pixels, 0, 0);
}

/**
 * Plots over the layers of a model: heat maps of layers by matrices, and small plots of one kind of matrix each. A square or a
 * point is a door to its tensor.
 */
import type { LayerGrid, ReportData, RoomTensor } from "../../../src/inspect/page/page-data.js";
import { type Child, el, mark, say, walk } from "./base.js";
import { dotted, svg } from "./words.js";

/** A number of each tensor; undefined where there is none. */
export interface Measure<T extends RoomTensor> {
  value(tensor: T): number | undefined;
  text(value: number): string;
  visit(index: number): void;
}

function stackTitle({ stack, layers, numMore }: LayerGrid): HTMLElement {
  const more =
    numMore > 0 ? say(`; ${numMore} more kinds of tensor are left out`, `；另有 ${numMore} 种张量未列出`) : "";
  return el(
    "h3",
    {},
    ...dotted(stack),
    el("small", {}, say(`layers ${layers[0]}–${layers.at(-1)}`, `第 ${layers[0]}–${layers.at(-1)} 层`) + more),
  );
}

const shortKind = (kind: string) => kind.replace(/\.weight$/, "");

export interface HeatMap<T extends RoomTensor> extends Measure<T> {
  /** No colour from here, full colour there. */
  readonly low: number;
  readonly high: number;
  readonly title: string;
}

/** One square a matrix, coloured by its value; walked with the arrow keys. */
export function heatMap<T extends RoomTensor>({ grids, tensors }: ReportData<T>, options: HeatMap<T>): Child[] {
  const { value, text, low, high, visit, title } = options;
  const hint = say(
    "Point at a square, or walk with the arrow keys; Enter opens the tensor.",
    "指向一个方格，或用方向键移动；按 Enter 打开张量。",
  );
  const caption = el("p", { className: "aside told", "aria-live": "polite" }, hint);
  const level = (v: number) => (high > low ? Math.min(1, Math.max(0, (v - low) / (high - low))) : v > 0 ? 1 : 0);
  const cell = (index: number, layer: number) => {
    const tensor = tensors[index];
    const v = tensor && value(tensor);
    const words = v === undefined ? say("not measured", "未测量") : text(v);
    const tell = () => {
      caption.textContent = tensor
        ? `${tensor.name}: ${words}`
        : say(`layer ${layer} has no such matrix`, `第 ${layer} 层没有这个矩阵`);
    };
    return el("button", {
      ...{ type: "button", tabIndex: -1, className: v === undefined ? "none" : "" },
      "aria-label": tensor ? `${tensor.name}, ${words}` : say("none", "无"),
      style: { "--level": v === undefined ? "0%" : `${(100 * level(v)).toFixed(1)}%` },
      ...{ onclick: () => tensor && visit(index), onmouseenter: tell, onfocus: tell },
    });
  };
  const maps = grids.map((grid) => {
    const kinds = grid.kinds.filter((kind) => kind.tensors.some((index) => isMeasured(tensors[index], value)));
    if (kinds.length === 0) return "";
    const rows = kinds.flatMap(({ kind, tensors: indices }) => [
      el("span", { className: "kind", title: kind }, shortKind(kind)),
      el("div", { className: "cells" }, ...indices.map((index, i) => cell(index, grid.layers[i]!))),
    ]);
    const label = { role: "group", "aria-label": `${title}, ${grid.stack}` };
    const map = el("div", { className: "heat", ...label, style: { "--layers": grid.layers.length } }, ...rows);
    walkCells(map, grid.layers.length);
    return el("div", { className: "stack" }, stackTitle(grid), map);
  });
  const scale = el("p", { className: "scale aside" }, text(low), el("i", {}), text(high));
  return [...maps, el("div", { className: "under" }, caption, scale)];
}

function isMeasured<T extends RoomTensor>(tensor: T | undefined, value: Measure<T>["value"]): boolean {
  return tensor !== undefined && value(tensor) !== undefined;
}

function walkCells(map: HTMLElement, columns: number): void {
  const cells = [...map.querySelectorAll("button")];
  const stopAt = (i: number) => {
    for (const [at, each] of cells.entries()) each.tabIndex = at === i ? 0 : -1;
  };
  stopAt(0);
  walk(map, stopAt, columns);
}

/** One small plot for each kind of matrix of a stack: its value over the layers, from zero. */
export function smallPlots<T extends RoomTensor>({ grids, tensors }: ReportData<T>, measure: Measure<T>): Child[] {
  return grids.map((grid) => {
    const plots = grid.kinds.flatMap(({ kind, tensors: indices }) => {
      const points = pointsOf(indices, grid.layers, tensors, measure.value);
      return points.length > 1 ? [smallPlot(kind, points, measure)] : [];
    });
    if (plots.length === 0) return "";
    return el("div", { className: "stack" }, stackTitle(grid), el("div", { className: "plots" }, ...plots));
  });
}

interface Point {
  readonly index: number;
  readonly layer: number;
  readonly v: number;
  readonly x: number;
}

const [width, height, edge] = [180, 56, 4];

function pointsOf<T extends RoomTensor>(
  indices: readonly number[],
  layers: readonly number[],
  tensors: readonly T[],
  value: Measure<T>["value"],
): Point[] {
  return indices.flatMap((index, i) => {
    const tensor = tensors[index];
    const v = tensor && value(tensor);
    if (v === undefined) return [];
    return [{ index, v, layer: layers[i]!, x: edge + ((width - 2 * edge) * i) / (indices.length - 1) }];
  });
}

function smallPlot<T extends RoomTensor>(kind: string, points: readonly Point[], measure: Measure<T>): HTMLElement {
  const { text, visit } = measure;
  const most = Math.max(...points.map(({ v }) => v));
  const largest = points.find(({ v }) => v === most)!;
  const y = (v: number) => height - edge - (height - 2 * edge) * (most > 0 ? v / most : 0);
  const line = points.map(({ x, v }) => `${x.toFixed(1)},${y(v).toFixed(1)}`).join(" ");
  const area = `${points[0]!.x},${height - edge} ${line} ${points.at(-1)!.x},${height - edge}`;
  const dot = svg("circle", { r: 3, cx: largest.x, cy: y(largest.v) });
  const note = el("span", { className: "number" });
  let at = largest;
  const show = (point: Point) => {
    at = point;
    dot.setAttribute("cx", String(point.x));
    dot.setAttribute("cy", String(y(point.v)));
    note.textContent = say(`layer ${point.layer}: ${text(point.v)}`, `第 ${point.layer} 层：${text(point.v)}`);
  };
  show(largest);
  const parts = [svg("polygon", { points: area }), svg("polyline", { points: line }), dot];
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" }, ...parts);
  const nearest = (event: MouseEvent) => {
    const box = drawing.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * width;
    return points.reduce((a, b) => (Math.abs(b.x - x) < Math.abs(a.x - x) ? b : a));
  };
  const properties = {
    ...{ type: "button", className: "plot" },
    title: say("Opens this tensor; the arrow keys choose another layer", "打开此张量；方向键可选择其他层"),
    ...{ onmousemove: (event: MouseEvent) => show(nearest(event)), onmouseleave: () => show(largest) },
    onclick: () => visit(at.index),
    onkeydown: (event: KeyboardEvent) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      const next = step === undefined ? undefined : points[points.indexOf(at) + step];
      if (!next) return;
      event.preventDefault();
      show(next);
    },
  };
  return el("button", properties, el("span", { className: "kind" }, shortKind(kind)), drawing, note);
}

/** A group of buttons of which one is pressed; `choose` is called at once for the first. */
export function tabs(names: readonly string[], label: string, choose: (index: number) => void): HTMLElement {
  const buttons = names.map((name, i) => el("button", { type: "button", onclick: () => press(i) }, name));
  const press = (i: number) => {
    mark(buttons, i, "aria-pressed");
    choose(i);
  };
  const group = el("div", { className: "tabs", role: "group", "aria-label": label }, ...buttons);
  walk(group, press);
  press(0);
  return group;
}

/**
 * Plots over the layers of a model, as text on top of explorer-script.ts: heat maps of layers by matrices, and small plots of
 * one kind of matrix each. Uses of `data`: grids[] (see layer-grids.ts), tensors[] (name).
 */
export const layersScript = `
function stackTitle({ stack, layers, numMore }) {
  const more = numMore > 0 ? "; " + numMore + " more kinds of tensor are left out" : "";
  return el("h3", {}, ...dotted(stack), el("small", {}, "layers " + layers[0] + "\\u2013" + layers.at(-1) + more));
}

/**
 * One square a matrix, coloured by value(tensor), undefined where there is none, from none at \`low\` to full at \`high\`.
 * Walked with the arrow keys; each square is a door to its tensor.
 */
function heatMap({ value, text, low, high, visit, title }) {
  const caption = el("p", { className: "aside told", "aria-live": "polite" }, "Point at a square, or walk with the arrow keys; Enter opens the tensor.");
  const level = (v) => high > low ? Math.min(1, Math.max(0, (v - low) / (high - low))) : v > 0 ? 1 : 0;
  const maps = data.grids.map((grid) => {
    const kinds = grid.kinds.filter(({ tensors }) => tensors.some((index) => index >= 0 && value(data.tensors[index]) !== undefined));
    if (kinds.length === 0) return "";
    const cell = (index, layer) => {
      const tensor = data.tensors[index];
      const v = tensor && value(tensor);
      const tell = () => { caption.textContent = tensor ? tensor.name + ": " + (v === undefined ? "not measured" : text(v)) : "layer " + layer + " has no such matrix"; };
      return el("button", {
        type: "button", tabIndex: -1, className: v === undefined ? "none" : "", "aria-label": tensor ? tensor.name + ", " + (v === undefined ? "not measured" : text(v)) : "none",
        style: { "--level": v === undefined ? "0%" : (100 * level(v)).toFixed(1) + "%" },
        onclick: () => tensor && visit(index), onmouseenter: tell, onfocus: tell,
      });
    };
    const rows = kinds.flatMap(({ kind, tensors }) => [el("span", { className: "kind", title: kind }, kind.replace(/\\.weight$/, "")), el("div", { className: "cells" }, ...tensors.map((index, i) => cell(index, grid.layers[i])))]);
    const map = el("div", { className: "heat", role: "group", "aria-label": title + ", " + grid.stack, style: { "--layers": grid.layers.length } }, ...rows);
    const cells = map.querySelectorAll("button");
    cells[0].tabIndex = 0;
    walk(map, (i) => cells.forEach((each, at) => { each.tabIndex = at === i ? 0 : -1; }), grid.layers.length);
    return el("div", { className: "stack" }, stackTitle(grid), map);
  });
  const scale = el("p", { className: "scale aside" }, text(low), el("i", {}), text(high));
  return [...maps, el("div", { className: "under" }, caption, scale)];
}

/** One small plot for each kind of matrix of a stack: value(tensor) over the layers, from zero. */
function smallPlots({ value, text, visit }) {
  return data.grids.map((grid) => {
    const plots = grid.kinds.filter(({ tensors }) => tensors.filter((index) => index >= 0 && value(data.tensors[index]) !== undefined).length > 1);
    if (plots.length === 0) return "";
    return el("div", { className: "stack" }, stackTitle(grid),
      el("div", { className: "plots" }, ...plots.map((each) => smallPlot(each, grid.layers, value, text, visit))));
  });
}

function smallPlot({ kind, tensors }, layers, value, text, visit) {
  const [width, height, edge] = [180, 56, 4];
  const points = tensors.flatMap((index, i) => {
    const v = index >= 0 ? value(data.tensors[index]) : undefined;
    return v === undefined ? [] : [{ index, v, layer: layers[i], x: edge + ((width - 2 * edge) * i) / (tensors.length - 1) }];
  });
  const most = Math.max(...points.map(({ v }) => v));
  const largest = points.find(({ v }) => v === most);
  const y = (v) => height - edge - (height - 2 * edge) * (most > 0 ? v / most : 0);
  const line = points.map(({ x, v }) => x.toFixed(1) + "," + y(v).toFixed(1)).join(" ");
  const area = points[0].x + "," + (height - edge) + " " + line + " " + points.at(-1).x + "," + (height - edge);
  const dot = svg("circle", { r: 3, cx: largest.x, cy: y(largest.v) });
  const note = el("span", { className: "number" });
  let at = largest;
  const show = (point) => {
    at = point;
    dot.setAttribute("cx", point.x);
    dot.setAttribute("cy", y(point.v));
    note.textContent = "layer " + point.layer + ": " + text(point.v);
  };
  show(largest);
  const drawing = svg("svg", { viewBox: "0 0 " + width + " " + height, "aria-hidden": "true" }, svg("polygon", { points: area }), svg("polyline", { points: line }), dot);
  const nearest = (event) => {
    const box = drawing.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * width;
    return points.reduce((a, b) => (Math.abs(b.x - x) < Math.abs(a.x - x) ? b : a));
  };
  return el("button", {
    type: "button", className: "plot", title: "Opens this tensor; the arrow keys choose another layer",
    onmousemove: (event) => show(nearest(event)), onmouseleave: () => show(largest), onclick: () => visit(at.index),
    onkeydown: (event) => {
      const to = points.indexOf(at) + ({ ArrowLeft: -1, ArrowRight: 1 }[event.key] || 0);
      if (!/^Arrow(Left|Right)$/.test(event.key) || !points[to]) return;
      event.preventDefault();
      show(points[to]);
    },
  }, el("span", { className: "kind" }, kind.replace(/\\.weight$/, "")), drawing, note);
}

/** A group of buttons of which one is pressed; choose(i) is called at once for the first. */
function tabs(names, label, choose) {
  const buttons = names.map((name, i) => el("button", { type: "button", onclick: () => press(i) }, name));
  const press = (i) => {
    mark(buttons, i, "aria-pressed");
    choose(i);
  };
  const group = el("div", { className: "tabs", role: "group", "aria-label": label }, ...buttons);
  walk(group, press);
  press(0);
  return group;
}
`;

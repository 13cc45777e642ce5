/** The page of `ocellus diff --html` in the browser, as text on top of explorer-script.ts and layers-script.ts. */
export const diffScript = `
const changeText = (share) => share === Infinity ? "NaN or infinite" : share === 0 ? "equal" : share >= 0.0001 ? Number((100 * share).toPrecision(2)) + " %" : "< 0.01 %";
const notFiniteText = ({ a, b }) => countText(a) + " \\u2192 " + countText(b);
/** Of what is finite; then what became NaN or infinite, or ceased to be. */
const moveText = ({ relative, notFinite }) => notFinite.changed === 0 ? changeText(relative)
  : (relative > 0 ? changeText(relative) + ", " : "") + "NaN or infinite: " + notFiniteText(notFinite);
const most = data.tensors.reduce((max, { relative }) => Math.max(max, relative), 0);
/** Small changes are to be seen beside large ones. */
const warmth = (change) => change === Infinity ? 1 : most > 0 ? Math.sqrt(change / most) : 0;
const changeOfTensor = ({ relative, notFinite }) => notFinite.changed > 0 ? Infinity : relative;

function changeOf(node) {
  if (node.change === undefined) node.change = node.tensor ? changeOfTensor(node.tensor) : node.children.reduce((max, child) => Math.max(max, changeOf(child)), 0);
  return node.change;
}

function numChangedIn(node) {
  return node.tensor ? Number(!node.tensor.isEqual) : node.children.reduce((sum, child) => sum + numChangedIn(child), 0);
}

function tensorCard(tensor) {
  const { relative, maxAbs, numChanged, numElements, notFinite, rank, energy } = tensor;
  const share = tensor.isEqual ? "equal in both" : notFinite.changed > 0 ? moveText(tensor) : "moved by " + changeText(relative) + " of its size";
  return [heading(tensor.name), el("p", { className: "aside" }, shapeText(tensor.shape) + " \\u00b7 " + share),
    factList([
      ["values changed", numChanged === 0 ? "none" : countText(numChanged) + " of " + countText(numElements) + ", " + percent(numChanged / numElements)],
      ["largest change", valueText(maxAbs)],
      ["NaN or infinite", notFinite.a + notFinite.b > 0 ? notFiniteText(notFinite) : undefined],
      ["LoRA-like", rank === undefined ? undefined : "rank " + rank + " holds " + percent(energy) + " of the change"],
    ])];
}

function roomsView() {
  const largest = Math.max(...data.rooms.map(({ relative }) => relative)) || 1;
  const rows = data.rooms.map(({ title, numTensors, numChanged, relative, notFinite }) => el("li", {}, el("span", { className: "what" }, title), bar(relative / largest),
    el("span", { className: "number" }, numChanged === 0 ? "equal" : moveText({ relative, notFinite })), el("span", { className: "aside" }, numChanged === 0 ? "" : numChanged + " of " + plural(numTensors, "tensor"))));
  return el("section", { id: "parts" }, el("h2", {}, "Part by part"), el("p", { className: "aside" }, "\\u2016B \\u2212 A\\u2016 relative to the larger of \\u2016A\\u2016 and \\u2016B\\u2016."), el("ul", { className: "list wide parts" }, ...rows));
}

function layersView(visit) {
  const changed = data.tensors.some(({ isEqual }) => !isEqual);
  if (!changed || data.grids.length === 0) return "";
  return el("section", { id: "layers" }, el("h2", {}, "Layer by layer"), el("p", { className: "aside" }, "How far each matrix moved, relative to its size."),
    ...heatMap({ value: changeOfTensor, text: changeText, low: 0, high: most, visit, title: "relative change" }));
}

const maxRows = 20;

/** The first rows, and a button for more of them. */
function listed(className, rows) {
  const list = el("ul", { className }, ...rows.slice(0, maxRows));
  const rest = rows.slice(maxRows);
  if (rest.length === 0) return [list];
  const more = el("button", { type: "button", className: "pill", onclick: () => { list.append(...rest.splice(0, 500)); more.hidden = rest.length === 0; } }, "Show the other " + rest.length);
  return [list, more];
}

function movedView(visit) {
  const moved = data.tensors.map((tensor, index) => ({ tensor, index })).filter(({ tensor }) => !tensor.isEqual);
  if (moved.length === 0) return "";
  const rows = moved.map(({ tensor, index }) => el("li", {}, el("button", { type: "button", onclick: () => visit(index) },
    el("span", { className: "what" }, ...dotted(tensor.name)),
    bar(tensor.notFinite.changed > 0 ? 1 : tensor.relative / (most || 1)), el("span", { className: "number" }, moveText(tensor)))));
  return el("section", { id: "moved" }, el("h2", {}, "Moved most"), el("p", { className: "aside" }, plural(data.numMoved, "tensor") + " of " + data.numTensors + " moved."), ...listed("list wide moved", rows));
}

function lowRankView(visit) {
  const low = data.tensors.map((tensor, index) => ({ tensor, index })).filter(({ tensor }) => tensor.rank !== undefined);
  if (low.length === 0) return "";
  const matrices = data.tensors.filter(({ isEqual, shape }) => !isEqual && shape.length >= 2).length;
  const rows = low.map(({ tensor, index }) => el("li", {}, el("button", { type: "button", onclick: () => visit(index) },
    el("span", { className: "what" }, ...dotted(tensor.name)), el("span", { className: "lora" }, "rank " + tensor.rank), el("span", { className: "number" }, percent(tensor.energy)))));
  return el("section", { id: "low-rank" }, el("h2", {}, "Changed as by a merged LoRA"),
    el("p", { className: "aside" }, low.length + " of " + matrices + " changed matrices: so few directions hold so much of the change."), el("ul", { className: "list wide" }, ...rows.slice(0, 500)));
}

function namesView() {
  if (data.names.length === 0) return "";
  const row = ([what, name, told]) => el("li", { className: what }, el("span", { className: "sign" }, what), el("code", {}, ...dotted(name)), el("span", { className: "aside" }, told));
  const kinds = [...new Set(data.names.map(([what]) => what))].map((kind) => data.names.filter(([what]) => what === kind).map(row));
  return el("section", { id: "names" }, el("h2", {}, "Added, removed, reshaped"), ...kinds.flatMap((rows) => listed("names", rows)), ...leftOut(data.namesLeftOut));
}

function configsView() {
  if (data.configs.length === 0) return "";
  const side = (text) => text === undefined ? el("td", { className: "aside" }, "absent") : el("td", {}, el("code", {}, text));
  const rows = data.configs.map(({ file, path, a, b }) => el("tr", {}, el("th", { scope: "row" }, path === "" ? file : path, ...(path === "" ? [] : [el("small", {}, file)])), side(a), side(b)));
  return el("section", { id: "configs" }, el("h2", {}, "Configs"), el("div", { className: "scrolls" }, el("table", {}, el("thead", {}, el("tr", {}, el("td", {}), el("th", {}, "A"), el("th", {}, "B"))), el("tbody", {}, ...rows))), ...leftOut(data.configsLeftOut));
}

function leftOut(text) {
  return text ? [el("p", { className: "aside" }, text + "; ocellus diff --json has them all.")] : [];
}

const nodes = [];
if (data.tensors.length > 0) {
  const { section, visit } = explorer({
    tone: (node) => "color-mix(in oklab, var(--warm) " + (100 * warmth(changeOf(node))).toFixed(1) + "%, var(--still))",
    share: (child) => [warmth(changeOf(child)), changeText(changeOf(child))],
    card: tensorCard,
    told: (node) => { const changed = numChangedIn(node); return changed === 0 ? plural(node.numTensors, "tensor") + ", all equal" : changed + " of " + plural(node.numTensors, "tensor") + " moved, by up to " + changeText(changeOf(node)); },
    hint: "Rooms as high as their parameters, the warmer the farther their most changed tensor moved. Open one by click or Enter; Escape leads back.",
  });
  section.classList.add("warm");
  section.append(...leftOut(data.leftOut));
  nodes.push(section, roomsView(), layersView(visit), lowRankView(visit), movedView(visit));
}
begin(el("p", { className: "aside paths" }, data.a + "  \\u2192  " + data.b), ...nodes, namesView(), configsView());
`;

/**
 * The picture of a model in a report, as text on top of page/base-script.ts: its parts as rooms, one upon the other in the
 * order of the data, as high as their parameters; behind each door the modules in it as a map of areas, down to any tensor.
 * Uses of `data`: rooms[] (title, numLayers), tensors[] (name, shape, numElements, room).
 */
export const explorerScript = `
const svgSpace = "http://www.w3.org/2000/svg";
function svg(tag, attributes, ...children) {
  const node = document.createElementNS(svgSpace, tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

const inUnits = (value, units) => {
  const power = value < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3));
  const scaled = value / 1000 ** power;
  return scaled.toFixed(power === 0 || scaled >= 100 ? 0 : scaled >= 10 ? 1 : 2) + (units[power] ? " " + units[power] : "");
};
const bytesText = (bytes) => inUnits(bytes, ["B", "kB", "MB", "GB", "TB"]);
const countText = (count) => inUnits(count, ["", "k", "M", "B", "T"]);
const shapeText = (shape) => "[" + shape.join(", ") + "]";
const valueText = (value) => value === 0 ? "0" : String(Number(value.toPrecision(4)));
/** A name that breaks behind its dots. */
const dotted = (name) => name.split(/(?<=\\.)/).flatMap((part, i) => (i === 0 ? [part] : [el("wbr"), part]));
const heading = (text) => el("h3", { tabIndex: -1 }, ...dotted(text));
const plural = (count, what) => count + " " + what + (count === 1 ? "" : "s");

// -------------------------------------------------------------------------------------------------------- the tree

/** Deeper names are cut: published ones have about ten parts, and a recursion must end. */
const maxDepth = 32;

function newNode(name, parent) {
  return { name, parent, children: [], byName: new Map(), numElements: 0, numTensors: 0, tensor: undefined };
}

function addTensor(room, tensor) {
  const parts = tensor.name.split(".");
  const depth = Math.min(parts.length - 1, maxDepth);
  const way = [...parts.slice(0, depth), parts.slice(depth).join(".")];
  let at = room;
  for (const part of way) {
    if (!at.byName.has(part)) {
      const child = newNode(part, at);
      at.byName.set(part, child);
      at.children.push(child);
    }
    at = at.byName.get(part);
  }
  at.tensor = tensor;
  tensor.node = at;
  for (let node = at; node; node = node.parent) {
    node.numElements += tensor.numElements;
    node.numTensors++;
  }
}

const isNumber = (node) => /^\\d+$/.test(node.name);
const isStack = (node) => node.children.length > 1 && node.children.every(isNumber);

/** A chain of modules with nothing beside it is one door: patch_embed.proj. */
function joinChains(node) {
  node.children.forEach(joinChains);
  while (node.children.length === 1 && !node.tensor && !isNumber(node) && node.parent) {
    const only = node.children[0];
    if (only.tensor && node.isRoom) break;
    if (!node.isRoom) node.name += "." + only.name;
    node.children = only.children;
    node.tensor = only.tensor;
    if (node.tensor) node.tensor.node = node;
    for (const child of node.children) child.parent = node;
  }
  node.children.sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
}

function modelTree() {
  const whole = newNode("model");
  for (const { title, numLayers } of data.rooms) {
    const room = Object.assign(newNode(title, whole), { isRoom: true, numLayers, room: whole.children.length });
    whole.children.push(room);
  }
  for (const tensor of data.tensors) addTensor(whole.children[tensor.room], tensor);
  whole.children.forEach(joinChains);
  return whole;
}

function titleOf(node) {
  if (node.isRoom) return node.name + (node.numLayers > 1 ? " \\u00d7" + node.numLayers : "");
  if (isNumber(node) && node.parent && isStack(node.parent)) return "layer " + node.name;
  return node.name + (isStack(node) ? " \\u00d7" + node.children.length : "");
}

function roomOf(node) {
  while (node.parent && !node.isRoom) node = node.parent;
  return node;
}

// ------------------------------------------------------------------------------------------------------- the areas

/** Rooms above each other as high as they are large, but high enough to be read and hit. */
function stacked(children, width, height) {
  const [least, gap] = [34, 5];
  const free = height - gap * (children.length - 1) - least * children.length;
  const total = children.reduce((sum, child) => sum + child.numElements, 0) || 1;
  let y = 0;
  return children.map((node) => {
    const h = least + Math.max(0, free) * node.numElements / total;
    const box = { node, x: 0, y, w: width, h };
    y += h + gap;
    return box;
  });
}

/** Areas as square as they can be. [Bruls, Huizing, van Wijk 2000, Squarified Treemaps] */
function squarified(children, x, y, w, h) {
  const total = children.reduce((sum, child) => sum + child.numElements, 0) || 1;
  const left = [...children].filter((child) => child.numElements > 0).sort((a, b) => b.numElements - a.numElements || a.name.localeCompare(b.name, "en", { numeric: true }));
  const scale = (w * h) / total;
  const boxes = [];
  while (left.length > 0 && w > 0 && h > 0) {
    const side = Math.min(w, h);
    let count = 1;
    let sum = left[0].numElements * scale;
    const worst = (size, first, last) => Math.max((side * side * first) / (size * size), (size * size) / (side * side * last));
    while (count < left.length) {
      const next = left[count].numElements * scale;
      const [first, last] = [left[0].numElements * scale, left[count - 1].numElements * scale];
      if (worst(sum + next, first, next) > worst(sum, first, last)) break;
      sum += next;
      count++;
    }
    const thick = sum / side;
    let along = 0;
    for (const node of left.splice(0, count)) {
      const long = (node.numElements * scale) / thick;
      boxes.push(w >= h ? { node, x, y: y + along, w: thick, h: long } : { node, x: x + along, y, w: long, h: thick });
      along += long;
    }
    if (w >= h) [x, w] = [x + thick, w - thick];
    else [y, h] = [y + thick, h - thick];
  }
  return boxes;
}

/** What is behind a door, hinted at: layers as columns, modules as floors, three levels at most. */
function hints(node, tone, x, y, w, h, level) {
  const parts = node.children.filter((child) => child.numElements > 0);
  const sideways = isStack(node) || (w > h && level < 3);
  const along = sideways ? w : h;
  if (level === 0 || parts.length < 2 || parts.length > along / 4 || Math.min(w, h) < 8)
    return [svg("rect", { class: "hint", style: "--tone: " + tone(node), x, y, width: w, height: h, rx: 2 })];
  const free = along - 1.5 * (parts.length - 1);
  const total = parts.reduce((sum, child) => sum + child.numElements, 0);
  let at = 0;
  return parts.flatMap((part) => {
    const size = (free * part.numElements) / total;
    const inner = sideways ? [x + at, y, size, h] : [x, y + at, w, size];
    at += size + 1.5;
    return size < 0.5 ? [] : hints(part, tone, ...inner, level - 1);
  });
}

// ------------------------------------------------------------------------------------------------------ the picture

const fitting = (text, width, perCharacter) => {
  const room = Math.floor(width / perCharacter);
  return text.length <= room ? text : room < 3 ? "" : text.slice(0, room - 1) + "\\u2026";
};

function door({ node, x, y, w, h }, tone, open, tell) {
  const title = titleOf(node);
  const size = node.tensor ? shapeText(node.tensor.shape) : countText(node.numElements);
  const group = svg("g", {
    class: node.tensor ? "door tensor" : "door", role: "button", tabindex: -1, style: "--tone: " + tone(node), "aria-label": title + " " + size,
    onclick: () => open(node), onmouseenter: () => tell(node), onfocus: () => tell(node), onmouseleave: () => tell(), onblur: () => tell(),
  });
  group.append(svg("rect", { class: "wall", x, y, width: w, height: h, rx: Math.min(8, w / 4, h / 4) }));
  const head = h >= 30 ? 30 : 0;
  if (head > 0 && h - head >= 18 && w > 26 && node.children.length > 0) group.append(...hints(node, tone, x + 8, y + head, w - 16, h - head - 8, 3));
  if (w < 30 || h < 18) return group;
  const right = w > 200 ? size : "";
  const base = y + Math.min(21, h / 2 + 5);
  group.append(svg("text", { class: "name", x: x + 11, y: base }, fitting(title, w - 22 - 7.2 * right.length, 7.8)));
  if (right) group.append(svg("text", { class: "size", x: x + w - 11, y: base, "text-anchor": "end" }, " " + right));
  else if (h >= 46 && (node.tensor || node.children.length === 0)) group.append(svg("text", { class: "size", x: x + 11, y: base + 17 }, " " + fitting(size, w - 22, 7.2)));
  return group;
}

const bar = (share) => el("span", { className: "bar" }, ...(share > 0 ? [el("i", { style: { width: (100 * Math.min(1, share)).toFixed(2) + "%" } })] : []));

/** Longer lists are cut: the search field finds the rest. */
const maxListed = 200;

/** What is in a module, as buttons: in its own order where that says something, else the largest first. */
function moduleView(node, { tone, share, told }, go) {
  const rows = [...node.children];
  if (!isStack(node) && node.parent) rows.sort((a, b) => b.numElements - a.numElements);
  const items = rows.slice(0, maxListed).map((child) => {
    const [part, text] = share(child, node);
    return el("li", {}, el("button", { type: "button", onclick: () => go(child), style: { "--tone": tone(child) } },
      el("span", { className: "what" }, titleOf(child)), bar(part), el("span", { className: "number" }, text)));
  });
  const rest = rows.length - items.length;
  return [
    heading(node.parent ? titleOf(node) : "The whole model"),
    el("p", { className: "aside" }, told(node)),
    el("ul", { className: "list" }, ...items),
    ...(rest > 0 ? [el("p", { className: "aside" }, "and " + rest + " more: find them by name")] : []),
  ];
}

function foundView(text, go) {
  const words = text.toLowerCase().split(/\\s+/).filter(Boolean);
  const found = data.tensors.filter(({ name }) => words.every((word) => name.toLowerCase().includes(word)));
  const items = found.slice(0, maxListed).map((tensor) => el("li", {}, el("button", { type: "button", className: "found", onclick: () => go(tensor.node) }, ...dotted(tensor.name))));
  return [heading(plural(found.length, "tensor")), el("ul", { className: "list" }, ...items)];
}

/** Enter and Space open the door at hand, Escape and Backspace lead back. */
function onDoorKeys(picture, back) {
  walk(picture, () => {});
  picture.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") document.activeElement.onclick();
    else if (event.key === "Escape" || event.key === "Backspace") back();
    else return;
    event.preventDefault();
  });
}

/** The doors of a node over the whole picture. */
function drawDoors(picture, node, here, width, tone, go, tell) {
  const height = Math.round(Math.min(560, Math.max(360, width * 0.8)));
  const areas = () => squarified(node.children, 0, 0, width, height).filter(({ w, h }) => w > 4 && h > 4).map((box) => ({ ...box, w: box.w - 3, h: box.h - 3 }));
  const boxes = node.parent ? areas() : stacked(node.children, width, height);
  const doors = boxes.map((box) => door(box, tone, go, tell));
  picture.setAttribute("viewBox", "0 0 " + width + " " + height);
  picture.setAttribute("height", height);
  picture.replaceChildren(...doors);
  const chosen = boxes.findIndex((box) => box.node === here);
  doors.forEach((each, i) => each.setAttribute("tabindex", i === Math.max(0, chosen) ? 0 : -1));
  if (chosen >= 0) doors[chosen].classList.add("chosen");
}

/**
 * The picture, the way to where one stands, and what is there. tone(node) gives a colour; share(node, parent) a bar and its
 * text; told(node) a line about a module; card(tensor) what is known of a tensor. visit(index) leads to a tensor.
 */
function explorer({ hint, card, ...look }) {
  const whole = modelTree();
  const picture = svg("svg", { class: "rooms", role: "group", "aria-label": "The model, sized by parameters" });
  const frame = el("div", { className: "picture" }, picture);
  const crumbs = el("nav", { className: "crumbs", "aria-label": "Where in the model" });
  const panel = el("div", { className: "inside" });
  const caption = el("p", { className: "aside" }, hint);
  const tell = (node) => { caption.textContent = node ? titleOf(node) + ": " + (node.tensor ? shapeText(node.tensor.shape) : countText(node.numElements) + " parameters in " + plural(node.numTensors, "tensor")) : hint; };
  let here = whole;

  const shown = () => (here.tensor ? here.parent : here);
  const draw = () => drawDoors(picture, shown(), here, Math.max(240, frame.clientWidth), look.tone, enter, tell);
  const go = (node) => {
    here = node;
    const way = [];
    for (let at = node; at; at = at.parent) way.unshift(at);
    crumbs.replaceChildren(...way.map((at) => el("button", { type: "button", disabled: at === node, onclick: () => go(at) }, at === whole ? "model" : titleOf(at))));
    draw();
    panel.replaceChildren(...(node.tensor ? card(node.tensor) : moduleView(node, look, go)));
  };
  const enter = (node) => {
    go(node);
    const next = picture.querySelector(".chosen") || picture.querySelector(".door");
    if (next) next.focus({ preventScroll: true });
  };
  onDoorKeys(picture, () => shown().parent && enter(shown().parent));
  new ResizeObserver(draw).observe(frame);

  const find = el("input", { type: "search", placeholder: "Find a tensor", "aria-label": "Find a tensor by name" });
  find.oninput = () => find.value.trim() === "" ? go(here) : panel.replaceChildren(...foundView(find.value, go));
  const section = el("section", { id: "rooms" },
    el("div", { className: "bar-line" }, el("h2", {}, "The model, room by room"), find), crumbs,
    el("div", { className: "explorer" }, el("div", {}, frame, caption), panel));
  go(whole);
  const visit = (index) => {
    go(data.tensors[index].node);
    section.scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    panel.querySelector("h3").focus({ preventScroll: true });
  };
  return { section, visit };
}

/** Facts as two columns: what, value. */
function factList(pairs) {
  const rows = pairs.filter(([, value]) => value !== undefined && value !== "");
  return el("dl", { className: "facts" }, ...rows.flatMap(([what, value]) => [el("dt", {}, what), el("dd", {}, value)]));
}
`;

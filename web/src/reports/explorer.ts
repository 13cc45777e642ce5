/**
 * The picture of a model in a report: its parts as rooms, one upon the other in the order of the data, as high as their
 * parameters; behind each door the modules in it as a map of areas, down to any tensor.
 */
import type { ReportData, RoomTensor } from "../../../src/inspect/page/page-data.js";
import { type Child, el, focusIn, say, walk } from "./base.js";
import { type Box, isStack, type ModuleNode, modelTree, squarified, stacked, titleOf } from "./model-tree.js";
import { bar, countText, dotted, heading, parametersText, shapeText, svg, tensorsText } from "./words.js";

/** What a report says of a model. */
export interface Look<T extends RoomTensor> {
  /** A colour. */
  tone(node: ModuleNode<T>): string;
  /** Of a module in another one: a bar and its text. */
  share(node: ModuleNode<T>, parent: ModuleNode<T>): readonly [share: number, text: string];
  /** A line about a module. */
  told(node: ModuleNode<T>): string;
  /** What is known of a tensor. */
  card(tensor: T): Child[];
  readonly hint: string;
}

/** What is behind a door, hinted at: layers as columns, modules as floors, three levels at most. */
function hints<T extends RoomTensor>({ node, x, y, w, h }: Box<T>, look: Look<T>, level: number): SVGElement[] {
  const parts = node.children.filter((child) => child.numElements > 0);
  const sideways = isStack(node) || (w > h && level < 3);
  const along = sideways ? w : h;
  if (level === 0 || parts.length < 2 || parts.length > along / 4 || Math.min(w, h) < 8)
    return [svg("rect", { class: "hint", style: { "--tone": look.tone(node) }, x, y, width: w, height: h, rx: 2 })];
  const free = along - 1.5 * (parts.length - 1);
  const total = parts.reduce((sum, child) => sum + child.numElements, 0);
  let at = 0;
  return parts.flatMap((part) => {
    const size = (free * part.numElements) / total;
    const inner = sideways ? { x: x + at, y, w: size, h } : { x, y: y + at, w, h: size };
    at += size + 1.5;
    return size < 0.5 ? [] : hints({ node: part, ...inner }, look, level - 1);
  });
}

function fitting(text: string, width: number, perCharacter: number): string {
  const room = Math.floor(width / perCharacter);
  if (text.length <= room) return text;
  return room < 3 ? "" : `${text.slice(0, room - 1)}…`;
}

interface DoorActions<T extends RoomTensor> {
  open(node: ModuleNode<T>): void;
  /** Of none: the hint. */
  tell(node?: ModuleNode<T>): void;
}

function sizeText<T extends RoomTensor>({ tensor, numElements }: ModuleNode<T>): string {
  return tensor ? shapeText(tensor.shape) : countText(numElements);
}

function door<T extends RoomTensor>(box: Box<T>, look: Look<T>, { open, tell }: DoorActions<T>): SVGGElement {
  const { node, x, y, w, h } = box;
  const group = svg("g", {
    ...{
      class: node.tensor ? "door tensor" : "door",
      role: "button",
      tabindex: -1,
      style: { "--tone": look.tone(node) },
    },
    ...{ "aria-label": `${titleOf(node)} ${sizeText(node)}`, onclick: () => open(node) },
    ...{ onmouseenter: () => tell(node), onfocus: () => tell(node), onmouseleave: () => tell(), onblur: () => tell() },
  });
  group.append(svg("rect", { class: "wall", x, y, width: w, height: h, rx: Math.min(8, w / 4, h / 4) }));
  const head = h >= 30 ? 30 : 0;
  if (head > 0 && h - head >= 18 && w > 26 && node.children.length > 0)
    group.append(...hints({ node, x: x + 8, y: y + head, w: w - 16, h: h - head - 8 }, look, 3));
  if (w >= 30 && h >= 18) group.append(...labels(box));
  return group;
}

function labels<T extends RoomTensor>({ node, x, y, w, h }: Box<T>): SVGElement[] {
  const size = sizeText(node);
  const right = w > 200 ? size : "";
  const base = y + Math.min(21, h / 2 + 5);
  const name = svg(
    "text",
    { class: "name", x: x + 11, y: base },
    fitting(titleOf(node), w - 22 - 7.2 * right.length, 7.8),
  );
  if (right) return [name, svg("text", { class: "size", x: x + w - 11, y: base, "text-anchor": "end" }, ` ${right}`)];
  if (h < 46 || (!node.tensor && node.children.length > 0)) return [name];
  return [name, svg("text", { class: "size", x: x + 11, y: base + 17 }, ` ${fitting(size, w - 22, 7.2)}`)];
}

/** Longer lists are cut: the search field finds the rest. */
const maxListed = 200;

type Go<T extends RoomTensor> = (node: ModuleNode<T>) => void;

/** What is in a module, as buttons: in its own order where that says something, else the largest first. */
function moduleView<T extends RoomTensor>(node: ModuleNode<T>, { tone, share, told }: Look<T>, go: Go<T>): Child[] {
  const rows = [...node.children];
  if (!isStack(node) && node.parent) rows.sort((a, b) => b.numElements - a.numElements);
  const items = rows.slice(0, maxListed).map((child) => {
    const [part, text] = share(child, node);
    const content = [
      el("span", { className: "what" }, titleOf(child)),
      bar(part),
      el("span", { className: "number" }, text),
    ];
    return el(
      "li",
      {},
      el("button", { type: "button", onclick: () => go(child), style: { "--tone": tone(child) } }, ...content),
    );
  });
  const rest = rows.length - items.length;
  return [
    heading(node.parent ? titleOf(node) : say("The whole model", "整个模型")),
    el("p", { className: "aside" }, told(node)),
    el("ul", { className: "list" }, ...items),
    ...(rest > 0
      ? [el("p", { className: "aside" }, say(`and ${rest} more: find them by name`, `还有 ${rest} 个：可按名称查找`))]
      : []),
  ];
}

function foundView<T extends RoomTensor>(tensors: readonly T[], text: string, open: (tensor: T) => void): Child[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = tensors.filter(({ name }) => words.every((word) => name.toLowerCase().includes(word)));
  const items = found.slice(0, maxListed).map((tensor) => {
    const properties = { type: "button", className: "found", onclick: () => open(tensor) };
    return el("li", {}, el("button", properties, ...dotted(tensor.name)));
  });
  return [heading(tensorsText(found.length)), el("ul", { className: "list" }, ...items)];
}

/** Enter and Space open the door at hand, Escape and Backspace lead back. */
function onDoorKeys(picture: SVGSVGElement, back: () => void): void {
  walk(picture, () => {});
  picture.addEventListener("keydown", (event) => {
    const { key } = event;
    if (key === "Enter" || key === " ") focusIn(picture)?.dispatchEvent(new MouseEvent("click"));
    else if (key === "Escape" || key === "Backspace") back();
    else return;
    event.preventDefault();
  });
}

/** The doors of a node over the whole picture. */
function drawDoors<T extends RoomTensor>(
  picture: SVGSVGElement,
  node: ModuleNode<T>,
  here: ModuleNode<T>,
  width: number,
  look: Look<T>,
  actions: DoorActions<T>,
): void {
  const height = Math.round(Math.min(560, Math.max(360, width * 0.8)));
  const areas = () =>
    squarified(node.children, width, height)
      .filter(({ w, h }) => w > 4 && h > 4)
      .map((box) => ({ ...box, w: box.w - 3, h: box.h - 3 }));
  const boxes = node.parent ? areas() : stacked(node.children, width, height);
  const doors = boxes.map((box) => door(box, look, actions));
  picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
  picture.setAttribute("height", String(height));
  picture.replaceChildren(...doors);
  const chosen = boxes.findIndex((box) => box.node === here);
  for (const [i, each] of doors.entries()) each.setAttribute("tabindex", i === Math.max(0, chosen) ? "0" : "-1");
  doors[chosen]?.classList.add("chosen");
}

export interface Explorer {
  readonly section: HTMLElement;
  /** Leads to a tensor. */
  visit(index: number): void;
}

/** The picture, the way to where one stands, and what is there. */
export function explorer<T extends RoomTensor>(data: ReportData<T>, look: Look<T>): Explorer {
  const { whole, nodeOf } = modelTree(data);
  const picture = svg("svg", {
    class: "rooms",
    role: "group",
    "aria-label": say("The model, sized by parameters", "按参数量绘制的模型"),
  });
  const frame = el("div", { className: "picture" }, picture);
  const crumbs = el("nav", { className: "crumbs", "aria-label": say("Where in the model", "在模型中的位置") });
  const panel = el("div", { className: "inside" });
  const caption = el("p", { className: "aside" }, look.hint);
  let here = whole;

  const tell = (node?: ModuleNode<T>) => {
    const size = (of: ModuleNode<T>) =>
      of.tensor ? shapeText(of.tensor.shape) : parametersText(of.numElements, of.numTensors);
    caption.textContent = node ? `${titleOf(node)}: ${size(node)}` : look.hint;
  };
  const shown = () => (here.tensor ? here.parent! : here);
  const draw = () => drawDoors(picture, shown(), here, Math.max(240, frame.clientWidth), look, { open: enter, tell });
  const go: Go<T> = (node) => {
    here = node;
    const way: ModuleNode<T>[] = [];
    for (let at: ModuleNode<T> | undefined = node; at; at = at.parent) way.unshift(at);
    const crumb = (at: ModuleNode<T>) =>
      el(
        "button",
        { type: "button", disabled: at === node, onclick: () => go(at) },
        at === whole ? say("model", "模型") : titleOf(at),
      );
    crumbs.replaceChildren(...way.map(crumb));
    draw();
    panel.replaceChildren(...(node.tensor ? look.card(node.tensor) : moduleView(node, look, go)));
  };
  const enter: Go<T> = (node) => {
    go(node);
    const next = picture.querySelector<SVGElement>(".chosen") ?? picture.querySelector<SVGElement>(".door");
    next?.focus({ preventScroll: true });
  };
  onDoorKeys(picture, () => {
    const { parent } = shown();
    if (parent) enter(parent);
  });
  new ResizeObserver(draw).observe(frame);

  const find = el("input", {
    ...{ type: "search", placeholder: say("Find a tensor", "查找张量") },
    "aria-label": say("Find a tensor by name", "按名称查找张量"),
  });
  const open = (tensor: T) => go(nodeOf.get(tensor)!);
  find.oninput = () =>
    find.value.trim() === "" ? go(here) : panel.replaceChildren(...foundView(data.tensors, find.value, open));
  const section = el(
    "section",
    { id: "rooms" },
    el("div", { className: "bar-line" }, el("h2", {}, say("The model, room by room", "逐部分查看模型")), find),
    crumbs,
    el("div", { className: "explorer" }, el("div", {}, frame, caption), panel),
  );
  go(whole);
  const visit = (index: number) => {
    open(data.tensors[index]!);
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    section.scrollIntoView({ behavior: calm ? "auto" : "smooth" });
    panel.querySelector("h3")!.focus({ preventScroll: true });
  };
  return { section, visit };
}

/** The modules of a model as a tree, by the names of its tensors; and how a tree is laid out as areas. */
import type { ReportData, RoomTensor } from "../../../src/inspect/page/page-data.js";
import { say } from "./base.js";
import { partTitle } from "./words.js";

export interface ModuleNode<T extends RoomTensor> {
  name: string;
  parent: ModuleNode<T> | undefined;
  children: ModuleNode<T>[];
  readonly byName: Map<string, ModuleNode<T>>;
  numElements: number;
  numTensors: number;
  tensor: T | undefined;
  /** Of a part of the model. */
  readonly room?: { readonly index: number; readonly numLayers: number };
}

/** Deeper names are cut: published ones have about ten parts, and a recursion must end. */
const maxDepth = 32;

function newNode<T extends RoomTensor>(
  name: string,
  parent?: ModuleNode<T>,
  room?: { index: number; numLayers: number },
): ModuleNode<T> {
  const empty = { children: [], byName: new Map(), numElements: 0, numTensors: 0, tensor: undefined };
  return { name, parent, ...empty, ...(room && { room }) };
}

function addTensor<T extends RoomTensor>(room: ModuleNode<T>, tensor: T): void {
  const parts = tensor.name.split(".");
  const depth = Math.min(parts.length - 1, maxDepth);
  let at = room;
  for (const part of [...parts.slice(0, depth), parts.slice(depth).join(".")]) {
    let child = at.byName.get(part);
    if (!child) {
      child = newNode(part, at);
      at.byName.set(part, child);
      at.children.push(child);
    }
    at = child;
  }
  at.tensor = tensor;
  for (let node: ModuleNode<T> | undefined = at; node; node = node.parent) {
    node.numElements += tensor.numElements;
    node.numTensors++;
  }
}

const isNumber = ({ name }: { readonly name: string }) => /^\d+$/.test(name);

export function isStack<T extends RoomTensor>({ children }: ModuleNode<T>): boolean {
  return children.length > 1 && children.every(isNumber);
}

const byNumber = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name, "en", { numeric: true });

/** A chain of modules with nothing beside it is one door: patch_embed.proj. */
function joinChains<T extends RoomTensor>(node: ModuleNode<T>): void {
  node.children.forEach(joinChains);
  while (node.children.length === 1 && !node.tensor && !isNumber(node) && node.parent) {
    const only = node.children[0]!;
    if (only.tensor && node.room) break;
    if (!node.room) node.name += `.${only.name}`;
    node.children = only.children;
    node.tensor = only.tensor;
    for (const child of node.children) child.parent = node;
  }
  node.children.sort(byNumber);
}

export interface ModelTree<T extends RoomTensor> {
  readonly whole: ModuleNode<T>;
  readonly nodeOf: ReadonlyMap<T, ModuleNode<T>>;
}

export function modelTree<T extends RoomTensor>({ rooms, tensors }: ReportData<T>): ModelTree<T> {
  const whole = newNode<T>("model");
  for (const [index, { title, numLayers }] of rooms.entries())
    whole.children.push(newNode(title, whole, { index, numLayers }));
  for (const tensor of tensors) addTensor(whole.children[tensor.room]!, tensor);
  whole.children.forEach(joinChains);
  const nodeOf = new Map<T, ModuleNode<T>>();
  const note = (node: ModuleNode<T>): void => {
    if (node.tensor) nodeOf.set(node.tensor, node);
    node.children.forEach(note);
  };
  note(whole);
  return { whole, nodeOf };
}

export function titleOf<T extends RoomTensor>(node: ModuleNode<T>): string {
  if (node.room) return partTitle(node.name) + (node.room.numLayers > 1 ? ` ×${node.room.numLayers}` : "");
  if (isNumber(node) && node.parent && isStack(node.parent)) return say(`layer ${node.name}`, `第 ${node.name} 层`);
  return node.name + (isStack(node) ? ` ×${node.children.length}` : "");
}

/** Index of the part that it belongs to; of the whole model none. */
export function roomOf<T extends RoomTensor>(node: ModuleNode<T>): number | undefined {
  let at = node;
  while (at.parent && !at.room) at = at.parent;
  return at.room?.index;
}

export interface Box<T extends RoomTensor> {
  readonly node: ModuleNode<T>;
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

/** Rooms above each other as high as they are large, but high enough to be read and hit. */
export function stacked<T extends RoomTensor>(
  children: readonly ModuleNode<T>[],
  width: number,
  height: number,
): Box<T>[] {
  const [least, gap] = [34, 5];
  const free = height - gap * (children.length - 1) - least * children.length;
  const total = children.reduce((sum, child) => sum + child.numElements, 0) || 1;
  let y = 0;
  return children.map((node) => {
    const h = least + (Math.max(0, free) * node.numElements) / total;
    const box = { node, x: 0, y, w: width, h };
    y += h + gap;
    return box;
  });
}

/** Areas as square as they can be. [Bruls, Huizing, van Wijk 2000, Squarified Treemaps] */
export function squarified<T extends RoomTensor>(
  children: readonly ModuleNode<T>[],
  width: number,
  height: number,
): Box<T>[] {
  const left = children.filter((child) => child.numElements > 0);
  left.sort((a, b) => b.numElements - a.numElements || byNumber(a, b));
  const scale = (width * height) / (children.reduce((sum, child) => sum + child.numElements, 0) || 1);
  const areaOf = (node: ModuleNode<T>) => node.numElements * scale;
  const boxes: Box<T>[] = [];
  let [x, y, w, h] = [0, 0, width, height];
  while (left.length > 0 && w > 0 && h > 0) {
    const row = nextRow(left.map(areaOf), Math.min(w, h));
    const nodes = left.splice(0, row.count);
    const thick = row.area / Math.min(w, h);
    let along = 0;
    for (const node of nodes) {
      const long = areaOf(node) / thick;
      boxes.push(w >= h ? { node, x, y: y + along, w: thick, h: long } : { node, x: x + along, y, w: long, h: thick });
      along += long;
    }
    if (w >= h) [x, w] = [x + thick, w - thick];
    else [y, h] = [y + thick, h - thick];
  }
  return boxes;
}

/** How many of the areas, largest first, lie along a side before their squares get worse. */
function nextRow(areas: readonly number[], side: number): { count: number; area: number } {
  const first = areas[0]!;
  const worst = (area: number, last: number) =>
    Math.max((side * side * first) / (area * area), (area * area) / (side * side * last));
  let [count, area] = [1, first];
  while (count < areas.length) {
    const next = areas[count]!;
    if (worst(area + next, next) > worst(area, areas[count - 1]!)) break;
    area += next;
    count++;
  }
  return { count, area };
}

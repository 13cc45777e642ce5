/** The page of `ocellus diff --html`: what changed between two checkpoints, the model room by room first. */
import type { ChangedTensor, DiffData, Sentence } from "../../../src/inspect/page/page-data.js";
import { begin, type Child, el, pageData, percent, say } from "./base.js";
import { explorer } from "./explorer.js";
import { heatMap } from "./layers.js";
import type { ModuleNode } from "./model-tree.js";
import {
  bar,
  countText,
  dotted,
  factList,
  heading,
  partTitle,
  plural,
  sentenceText,
  shapeText,
  tensorsText,
  valueText,
} from "./words.js";
import "./base.css";
import "./report.css";

const data = pageData("diff");
type Visit = (index: number) => void;

function changeText(share: number): string {
  if (share === Number.POSITIVE_INFINITY) return say("NaN or infinite", "NaN 或无穷");
  if (share === 0) return say("equal", "相同");
  return share >= 0.0001 ? `${Number((100 * share).toPrecision(2))} %` : "< 0.01 %";
}

const notFiniteText = ({ a, b }: ChangedTensor["notFinite"]) => `${countText(a)} → ${countText(b)}`;

/** Of what is finite; then what became NaN or infinite, or ceased to be. */
function moveText({ relative, notFinite }: Pick<ChangedTensor, "relative" | "notFinite">): string {
  if (notFinite.changed === 0) return changeText(relative);
  return `${relative > 0 ? `${changeText(relative)}, ` : ""}${say("NaN or infinite", "NaN 或无穷")}: ${notFiniteText(notFinite)}`;
}

const most = data.tensors.reduce((max, { relative }) => Math.max(max, relative), 0);

/** Small changes are to be seen beside large ones. */
function warmth(change: number): number {
  if (change === Number.POSITIVE_INFINITY) return 1;
  return most > 0 ? Math.sqrt(change / most) : 0;
}

const changeOfTensor = ({ relative, notFinite }: ChangedTensor) =>
  notFinite.changed > 0 ? Number.POSITIVE_INFINITY : relative;

const changes = new Map<ModuleNode<ChangedTensor>, number>();

/** Of a module that of the tensor in it that moved most. */
function changeOf(node: ModuleNode<ChangedTensor>): number {
  let change = changes.get(node);
  if (change === undefined) {
    change = node.tensor ? changeOfTensor(node.tensor) : Math.max(0, ...node.children.map(changeOf));
    changes.set(node, change);
  }
  return change;
}

function numChangedIn({ tensor, children }: ModuleNode<ChangedTensor>): number {
  return tensor ? Number(!tensor.isEqual) : children.reduce((sum, child) => sum + numChangedIn(child), 0);
}

function tensorCard(tensor: ChangedTensor): Child[] {
  const { relative, maxAbs, numChanged, numElements, notFinite, rank, energy = 0 } = tensor;
  const moved =
    notFinite.changed > 0
      ? moveText(tensor)
      : say(`moved by ${changeText(relative)} of its size`, `变动为其大小的 ${changeText(relative)}`);
  const share = tensor.isEqual ? say("equal in both", "两者相同") : moved;
  const [part, whole, ratio] = [countText(numChanged), countText(numElements), percent(numChanged / numElements)];
  const count = say(`${part} of ${whole}, ${ratio}`, `${whole} 个中的 ${part} 个，${ratio}`);
  return [
    heading(tensor.name),
    el("p", { className: "aside" }, `${shapeText(tensor.shape)} · ${share}`),
    factList([
      [say("values changed", "变动的数值"), numChanged === 0 ? say("none", "无") : count],
      [say("largest change", "最大变动"), valueText(maxAbs)],
      [say("NaN or infinite", "NaN 或无穷"), notFinite.a + notFinite.b > 0 ? notFiniteText(notFinite) : undefined],
      [
        say("LoRA-like", "类似 LoRA"),
        rank === undefined
          ? undefined
          : say(`rank ${rank} holds ${percent(energy)} of the change`, `秩 ${rank} 包含变动的 ${percent(energy)}`),
      ],
    ]),
  ];
}

const number = (text: string) => el("span", { className: "number" }, text);
const what = (...text: readonly Child[]) => el("span", { className: "what" }, ...text);
const aside = (text: string) => el("p", { className: "aside" }, text);

function roomsView(): HTMLElement {
  const largest = Math.max(...data.rooms.map(({ relative }) => relative)) || 1;
  const rows = data.rooms.map(({ title, numTensors, numChanged, relative, notFinite }) => {
    const of = say(`${numChanged} of ${plural(numTensors, "tensor")}`, `${numTensors} 个张量中的 ${numChanged} 个`);
    const count = numChanged === 0 ? "" : of;
    const move = numChanged === 0 ? say("equal", "相同") : moveText({ relative, notFinite });
    return el(
      "li",
      {},
      what(partTitle(title)),
      bar(relative / largest),
      number(move),
      el("span", { className: "aside" }, count),
    );
  });
  const words = say("‖B − A‖ relative to the larger of ‖A‖ and ‖B‖.", "‖B − A‖ 与 ‖A‖、‖B‖ 中较大者之比。");
  const list = el("ul", { className: "list wide parts" }, ...rows);
  return el("section", { id: "parts" }, el("h2", {}, say("Part by part", "逐个部分")), aside(words), list);
}

function layersView(visit: Visit): Child {
  const changed = data.tensors.some(({ isEqual }) => !isEqual);
  if (!changed || data.grids.length === 0) return "";
  const options = {
    value: changeOfTensor,
    text: changeText,
    low: 0,
    high: most,
    visit,
    title: say("relative change", "相对变动"),
  };
  const words = say("How far each matrix moved, relative to its size.", "每个矩阵相对其大小的变动。");
  return el(
    "section",
    { id: "layers" },
    el("h2", {}, say("Layer by layer", "逐层")),
    aside(words),
    ...heatMap(data, options),
  );
}

const maxRows = 20;

/** The first rows, and a button for more of them. */
function listed(className: string, rows: readonly HTMLElement[]): HTMLElement[] {
  const list = el("ul", { className }, ...rows.slice(0, maxRows));
  const rest = rows.slice(maxRows);
  if (rest.length === 0) return [list];
  const more = el(
    "button",
    { type: "button", className: "pill" },
    say(`Show the other ${rest.length}`, `显示其余 ${rest.length} 个`),
  );
  more.onclick = () => {
    list.append(...rest.splice(0, 500));
    more.hidden = rest.length === 0;
  };
  return [list, more];
}

interface Indexed {
  readonly tensor: ChangedTensor;
  readonly index: number;
}

const indexed: readonly Indexed[] = data.tensors.map((tensor, index) => ({ tensor, index }));

/** A row that leads to its tensor. */
function tensorRow({ tensor, index }: Indexed, visit: Visit, ...content: readonly Child[]): HTMLElement {
  const properties = { type: "button", onclick: () => visit(index) };
  return el("li", {}, el("button", properties, what(...dotted(tensor.name)), ...content));
}

function movedView(visit: Visit): Child {
  const moved = indexed.filter(({ tensor }) => !tensor.isEqual);
  if (moved.length === 0) return "";
  const rows = moved.map((each) => {
    const { notFinite, relative } = each.tensor;
    const share = notFinite.changed > 0 ? 1 : relative / (most || 1);
    return tensorRow(each, visit, bar(share), number(moveText(each.tensor)));
  });
  const words = say(
    `${plural(data.numMoved, "tensor")} of ${data.numTensors} moved.`,
    `${data.numTensors} 个张量中有 ${data.numMoved} 个变动。`,
  );
  return el(
    "section",
    { id: "moved" },
    el("h2", {}, say("Moved most", "变动最大")),
    aside(words),
    ...listed("list wide moved", rows),
  );
}

function lowRankView(visit: Visit): Child {
  const low = indexed.filter(({ tensor }) => tensor.rank !== undefined);
  if (low.length === 0) return "";
  const matrices = data.tensors.filter(({ isEqual, shape }) => !isEqual && shape.length >= 2).length;
  const rows = low.slice(0, 500).map((each) => {
    const { rank, energy = 0 } = each.tensor;
    return tensorRow(
      each,
      visit,
      el("span", { className: "lora" }, say(`rank ${rank}`, `秩 ${rank}`)),
      number(percent(energy)),
    );
  });
  const words = say(
    `${low.length} of ${matrices} changed matrices: so few directions hold so much of the change.`,
    `${matrices} 个变动的矩阵中有 ${low.length} 个：少数方向包含了大部分变动。`,
  );
  const list = el("ul", { className: "list wide" }, ...rows);
  return el(
    "section",
    { id: "low-rank" },
    el("h2", {}, say("Changed as by a merged LoRA", "像合并了 LoRA 的变动")),
    aside(words),
    list,
  );
}

const nameKinds: Readonly<Record<string, string>> = {
  ...{ added: "增加", removed: "移除", reshaped: "改形", retyped: "改类型", respelled: "改名" },
};

function namesView(): Child {
  if (data.names.length === 0) return "";
  const row = ([kind, name, detail]: DiffData["names"][number]) => {
    const sign = el("span", { className: "sign" }, say(kind, nameKinds[kind] ?? kind));
    return el(
      "li",
      { className: kind },
      sign,
      el("code", {}, ...dotted(name)),
      el("span", { className: "aside" }, detail),
    );
  };
  const kinds = [...new Set(data.names.map(([kind]) => kind))];
  const lists = kinds.flatMap((kind) => listed("names", data.names.filter(([its]) => its === kind).map(row)));
  return el(
    "section",
    { id: "names" },
    el("h2", {}, say("Added, removed, reshaped", "增加、移除、改形")),
    ...lists,
    ...leftOut(data.namesLeftOut),
  );
}

function configsView(): Child {
  if (data.configs.length === 0) return "";
  const side = (text: string | undefined) =>
    text === undefined ? el("td", { className: "aside" }, say("absent", "没有")) : el("td", {}, el("code", {}, text));
  const rows = data.configs.map(({ file, path, a, b }) => {
    const name = path === "" ? [file] : [path, el("small", {}, file)];
    return el("tr", {}, el("th", { scope: "row" }, ...name), side(a), side(b));
  });
  const head = el("thead", {}, el("tr", {}, el("td"), el("th", {}, "A"), el("th", {}, "B")));
  const table = el("div", { className: "scrolls" }, el("table", {}, head, el("tbody", {}, ...rows)));
  return el("section", { id: "configs" }, el("h2", {}, say("Configs", "配置")), table, ...leftOut(data.configsLeftOut));
}

function leftOut(sentence: Sentence | undefined): HTMLElement[] {
  if (!sentence) return [];
  const all = say("; ocellus diff --json has them all.", "；全部见 ocellus diff --json。");
  return [el("p", { className: "aside" }, sentenceText(sentence) + all)];
}

function tensorViews(): Child[] {
  if (data.tensors.length === 0) return [];
  const { section, visit } = explorer(data, {
    tone: (node) => `color-mix(in oklab, var(--warm) ${(100 * warmth(changeOf(node))).toFixed(1)}%, var(--still))`,
    share: (child) => [warmth(changeOf(child)), changeText(changeOf(child))],
    card: tensorCard,
    told(node) {
      const changed = numChangedIn(node);
      const all = plural(node.numTensors, "tensor");
      if (changed === 0) return say(`${all}, all equal`, `${tensorsText(node.numTensors)}，全部相同`);
      const most = changeText(changeOf(node));
      return say(
        `${changed} of ${all} moved, by up to ${most}`,
        `${node.numTensors} 个张量中有 ${changed} 个变动，最多 ${most}`,
      );
    },
    hint: say(
      "Rooms as high as their parameters, the warmer the farther their most changed tensor moved. Open one by click or Enter; Escape leads back.",
      "各部分的高度是参数量，颜色越暖，其中变动最大的张量变动越多。点击或按 Enter 打开，按 Esc 返回。",
    ),
  });
  section.classList.add("warm");
  section.append(...leftOut(data.leftOut));
  return [section, roomsView(), layersView(visit), lowRankView(visit), movedView(visit)];
}

begin(data, () => {
  const paths = el("p", { className: "aside paths" }, `${data.a}  →  ${data.b}`);
  return [paths, ...tensorViews(), namesView(), configsView()];
});

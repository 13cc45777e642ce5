/** The page of `ocellus inspect --html`: findings, the model room by room, its layers, int4, memory, and what the shapes say. */
import type { InspectedFinding, InspectedHead, InspectedTensor } from "../../../src/inspect/page/page-data.js";
import { begin, type Child, el, pageData, percent } from "./base.js";
import { explorer } from "./explorer.js";
import { errorText, tensorCard } from "./inspected-tensor.js";
import { heatMap, smallPlots, tabs } from "./layers.js";
import { memoryView } from "./memory.js";
import { roomOf } from "./model-tree.js";
import { bar, countText, dotted, factList, plural, valueText } from "./words.js";
import "./base.css";
import "./report.css";

const data = pageData("inspect");
type Visit = (index: number) => void;

// ---------------------------------------------------------------------------------------------------- the findings

const maxOfKind = 6;

function findingsView(visit: Visit): Child {
  const { findings, numBad, numNotes } = data;
  if (findings.length === 0) {
    const words = "Nothing to note: all values are finite, no tensor is dead, constant or doubled.";
    return el("p", { className: "verdict good" }, words);
  }
  const bad = findings.filter(({ severity }) => severity === "bad");
  const notes = findings.filter(({ severity }) => severity !== "bad");
  const list = (found: readonly InspectedFinding[]) =>
    el("ul", { className: "findings" }, ...byKind(found).flatMap((of) => kindItems(of, visit)));
  const isBad = bad.length > 0;
  const open = !isBad && notes.length < 7;
  const summary = `${plural(numNotes, "note")} to know before shrinking it`;
  return el(
    "section",
    { id: "findings", className: isBad ? "bad" : "" },
    el(
      "p",
      { className: isBad ? "verdict" : "verdict good" },
      isBad ? `Not healthy: ${plural(numBad, "finding")}` : "Healthy",
    ),
    ...(isBad ? [list(bad)] : []),
    ...(notes.length > 0 ? [el("details", { open }, el("summary", {}, summary), list(notes))] : []),
  );
}

function byKind(findings: readonly InspectedFinding[]): InspectedFinding[][] {
  const kinds = new Map<string, InspectedFinding[]>();
  for (const finding of findings) kinds.set(finding.kind, [...(kinds.get(finding.kind) ?? []), finding]);
  return [...kinds.values()];
}

function kindItems(of: readonly InspectedFinding[], visit: Visit): HTMLElement[] {
  const items = of.slice(0, maxOfKind).map((finding) => findingItem(finding, visit));
  const rest = of.length - items.length;
  if (rest <= 0) return items;
  const words = `and ${rest} more of this kind; ocellus inspect --health --json has them all`;
  return [...items, el("li", { className: "aside" }, words)];
}

function findingItem({ message, tensors, numTensors, at }: InspectedFinding, visit: Visit): HTMLElement {
  const link = (name: string, i: number) =>
    at[i]! >= 0
      ? el("button", { type: "button", className: "link", onclick: () => visit(at[i]!) }, ...dotted(name))
      : el("code", {}, ...dotted(name));
  const [first] = tensors;
  if (first !== undefined && tensors.length === 1 && message.startsWith(first))
    return el("li", {}, el("span", {}, link(first, 0), message.slice(first.length)));
  const links = tensors.slice(0, 4).map(link);
  const more = numTensors > links.length ? [`and ${numTensors - links.length} more`] : [];
  return el("li", {}, el("span", {}, message), el("span", { className: "links" }, ...links, ...more));
}

// ------------------------------------------------------------------------------------------------------ the layers

const times = (v: number) => `${v.toFixed(1)}×`;
const measures = [
  {
    name: "norm",
    value: ({ values }: InspectedTensor) => values?.rms,
    text: valueText,
    told: "Root mean square of each matrix, layer by layer: what runs away or fades shows as a slope.",
  },
  {
    name: "peak",
    value: ({ values }: InspectedTensor) =>
      values && values.rms > 0 ? Math.max(Math.abs(values.min), Math.abs(values.max)) / values.rms : undefined,
    text: times,
    told: "The largest value of each matrix as a multiple of its root mean square: long tails cost precision at 4 bits.",
  },
  {
    name: "outlier channels",
    value: ({ values }: InspectedTensor) => values?.numOutliers,
    text: (v: number) => (v === 0 ? "none" : String(v)),
    told: "Input channels over four times the size of the median channel: they set the scale of the blocks they lie in.",
  },
];

function layersView(visit: Visit): Child {
  if (data.grids.length === 0) return "";
  const body = el("div");
  const aside = el("p", { className: "aside" });
  const show = (i: number) => {
    aside.textContent = measures[i]!.told;
    body.replaceChildren(...smallPlots(data, { ...measures[i]!, visit }));
  };
  const group = tabs(
    measures.map(({ name }) => name),
    "Measure",
    show,
  );
  const line = el("div", { className: "bar-line" }, el("h2", {}, "Over the layers"), group);
  return el("section", { id: "layers" }, line, aside, body);
}

function int4View(visit: Visit): Child {
  const value = ({ values }: InspectedTensor) => values?.int4Error;
  const measured = data.tensors.flatMap((tensor, index) => {
    const error = value(tensor);
    return error === undefined ? [] : [{ tensor, index, error }];
  });
  if (measured.length === 0) return "";
  const errors = measured.map(({ error }) => error);
  const [least, most] = [Math.min(...errors), Math.max(...errors)];
  const inGrid = new Set(data.grids.flatMap(({ kinds }) => kinds.flatMap(({ tensors }) => tensors)));
  const outside = measured.filter(({ index }) => !inGrid.has(index)).sort((a, b) => b.error - a.error);
  const rows = outside.slice(0, 12).map(({ tensor, index, error }) => {
    const what = el("span", { className: "what" }, ...dotted(tensor.name));
    const number = el("span", { className: "number" }, errorText(error));
    return el("li", {}, el("button", { type: "button", onclick: () => visit(index) }, what, bar(error / most), number));
  });
  const words =
    "Error of int4 in blocks of 32, relative to the values, on up to 256 rows of each matrix. Full colour is twice the best matrix, or more.";
  const map = { value, text: errorText, low: least, high: Math.max(most, 2 * least), visit, title: "int4 error" };
  const rest = el(
    "div",
    { className: "stack" },
    el("h3", {}, "Outside the layers"),
    el("ul", { className: "list wide" }, ...rows),
  );
  return el(
    "section",
    { id: "int4" },
    el("h2", {}, "What 4 bits would lose"),
    el("p", { className: "aside" }, words),
    ...heatMap(data, map),
    ...(rows.length > 0 ? [rest] : []),
  );
}

// ------------------------------------------------------------------------------------------------------- the facts

const headWords: Readonly<Record<InspectedHead["verdict"], (head: InspectedHead) => string>> = {
  absent: (head) => `none stored: ${head.embedding} serves`,
  equal: (head) => `tied: ${head.head} equals ${head.embedding}, every byte compared`,
  equal_samples: (head) => `tied, by samples: ${head.head} equals ${head.embedding}`,
  different: (head) => `of its own: ${head.head}`,
};

/** The first eight, and how many more there are. */
function someOf(names: readonly string[], count: number): string {
  return names.slice(0, 8).join(", ") + (count > 8 ? ` and ${count - 8} more` : "");
}

function aboutView(): HTMLElement {
  const { problem, notes, answers, head, unused = [], numUnused = 0 } = data.about;
  const unread = unused.map(({ name }) => name);
  const facts = factList([
    ...answers.map(({ question, answer }) => [question, answer] as const),
    ["output head", head && headWords[head.verdict](head)],
    ["config", problem],
    ["read by no graph", unread.length > 0 ? someOf(unread, numUnused) : undefined],
    ["files", someOf(data.files, data.files.length)],
    ...notes.map((note) => ["note", note] as const),
  ]);
  return el("section", { id: "about" }, el("h2", {}, "What the shapes tell"), facts);
}

const total = Math.max(
  1,
  data.tensors.reduce((sum, { numElements }) => sum + numElements, 0),
);
const { section, visit } = explorer(data, {
  tone: (node) => `var(--${data.rooms[roomOf(node) ?? -1]?.part ?? "other"})`,
  share: (child, node) => [child.numElements / Math.max(1, node.numElements), countText(child.numElements)],
  card: (tensor) => tensorCard(tensor, data.files[tensor.file]!),
  told: ({ numElements, numTensors, parent }) => {
    const share = parent ? `, ${percent(numElements / total)} of the model,` : "";
    return `${countText(numElements)} parameters${share} in ${plural(numTensors, "tensor")}`;
  },
  hint: "Rooms in the order of the data, as high as their parameters. Open one by click or Enter; Escape leads back.",
});
if (data.leftOut)
  section.append(el("p", { className: "aside" }, `${data.leftOut}; ocellus inspect --json has them all.`));
const views = [findingsView(visit), section, layersView(visit), int4View(visit), memoryView(data.memory), aboutView()];
begin(data, ...views);

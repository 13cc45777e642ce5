/** What is known of a checkpoint, as sections: findings, the model room by room, its layers, int4, memory, and what the shapes say. */
import type {
  InspectData,
  InspectedFinding,
  InspectedHead,
  InspectedTensor,
} from "../../../src/inspect/page/page-data.js";
import { type Child, el, percent, say } from "./base.js";
import { explorer } from "./explorer.js";
import { errorText, tensorCard } from "./inspected-tensor.js";
import { heatMap, smallPlots, tabs } from "./layers.js";
import { memoryView } from "./memory.js";
import { roomOf } from "./model-tree.js";
import { bar, countText, dotted, factList, parametersText, plural, sentenceText, told, valueText } from "./words.js";

type Visit = (index: number) => void;

// ---------------------------------------------------------------------------------------------------- the findings

const maxOfKind = 6;

function findingsView({ findings, numBad, numNotes }: InspectData, visit: Visit): Child {
  if (findings.length === 0) {
    const words = say(
      "Nothing to note: all values are finite, no tensor is dead, constant or doubled.",
      "没有值得注意的：所有数值有限，没有失效、恒定或重复的张量。",
    );
    return el("p", { className: "verdict good" }, words);
  }
  const bad = findings.filter(({ severity }) => severity === "bad");
  const notes = findings.filter(({ severity }) => severity !== "bad");
  const list = (found: readonly InspectedFinding[]) =>
    el("ul", { className: "findings" }, ...byKind(found).flatMap((of) => kindItems(of, visit)));
  const isBad = bad.length > 0;
  const open = !isBad && notes.length < 7;
  const summary = say(`${plural(numNotes, "note")} to know before shrinking it`, `压缩之前应知道的 ${numNotes} 点`);
  return el(
    "section",
    { id: "findings", className: isBad ? "bad" : "" },
    el(
      "p",
      { className: isBad ? "verdict" : "verdict good" },
      isBad ? say(`Not healthy: ${plural(numBad, "finding")}`, `不健康：${numBad} 个问题`) : say("Healthy", "健康"),
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
  const words = say(
    `and ${rest} more of this kind; ocellus inspect --health --json has them all`,
    `还有 ${rest} 个同类的；全部见 ocellus inspect --health --json`,
  );
  return [...items, el("li", { className: "aside" }, words)];
}

function findingItem({ message: text, said, tensors, numTensors, at }: InspectedFinding, visit: Visit): HTMLElement {
  const message = sentenceText({ ...said, text });
  const link = (name: string, i: number) =>
    at[i]! >= 0
      ? el("button", { type: "button", className: "link", onclick: () => visit(at[i]!) }, ...dotted(name))
      : el("code", {}, ...dotted(name));
  const [first] = tensors;
  if (first !== undefined && tensors.length === 1 && message.startsWith(first))
    return el("li", {}, el("span", {}, link(first, 0), message.slice(first.length)));
  const links = tensors.slice(0, 4).map(link);
  const more =
    numTensors > links.length
      ? [say(`and ${numTensors - links.length} more`, `还有 ${numTensors - links.length} 个`)]
      : [];
  return el("li", {}, el("span", {}, message), el("span", { className: "links" }, ...links, ...more));
}

// ------------------------------------------------------------------------------------------------------ the layers

const times = (v: number) => `${v.toFixed(1)}×`;
const measures = () => [
  {
    name: say("norm", "范数"),
    value: ({ values }: InspectedTensor) => values?.rms,
    text: valueText,
    told: say(
      "Root mean square of each matrix, layer by layer: what runs away or fades shows as a slope.",
      "每个矩阵逐层的均方根：发散或消失会显示为斜坡。",
    ),
  },
  {
    name: say("peak", "峰值"),
    value: ({ values }: InspectedTensor) =>
      values && values.rms > 0 ? Math.max(Math.abs(values.min), Math.abs(values.max)) / values.rms : undefined,
    text: times,
    told: say(
      "The largest value of each matrix as a multiple of its root mean square: long tails cost precision at 4 bits.",
      "每个矩阵的最大值是其均方根的多少倍：长尾会损失 4 位精度。",
    ),
  },
  {
    name: say("outlier channels", "离群通道"),
    value: ({ values }: InspectedTensor) => values?.numOutliers,
    text: (v: number) => (v === 0 ? say("none", "无") : String(v)),
    told: say(
      "Input channels over four times the size of the median channel: they set the scale of the blocks they lie in.",
      "大于中位通道四倍的输入通道：它们决定所在分块的刻度。",
    ),
  },
];

function layersView(data: InspectData, visit: Visit): Child {
  if (data.grids.length === 0) return "";
  const body = el("div");
  const aside = el("p", { className: "aside" });
  const all = measures();
  const show = (i: number) => {
    aside.textContent = all[i]!.told;
    body.replaceChildren(...smallPlots(data, { ...all[i]!, visit }));
  };
  const group = tabs(
    all.map(({ name }) => name),
    say("Measure", "度量"),
    show,
  );
  const line = el("div", { className: "bar-line" }, el("h2", {}, say("Over the layers", "逐层变化")), group);
  return el("section", { id: "layers" }, line, aside, body);
}

function int4View(data: InspectData, visit: Visit): Child {
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
  const words = say(
    "Error of int4 in blocks of 32, relative to the values, on up to 256 rows of each matrix. Full colour is twice the best matrix, or more.",
    "以 32 为分块的 int4 相对数值的误差，每个矩阵最多取 256 行。颜色最深处是最好矩阵的两倍或更多。",
  );
  const map = {
    value,
    text: errorText,
    low: least,
    high: Math.max(most, 2 * least),
    visit,
    title: say("int4 error", "int4 误差"),
  };
  const rest = el(
    "div",
    { className: "stack" },
    el("h3", {}, say("Outside the layers", "层之外")),
    el("ul", { className: "list wide" }, ...rows),
  );
  return el(
    "section",
    { id: "int4" },
    el("h2", {}, say("What 4 bits would lose", "4 位会损失什么")),
    el("p", { className: "aside" }, words),
    ...heatMap(data, map),
    ...(rows.length > 0 ? [rest] : []),
  );
}

// ------------------------------------------------------------------------------------------------------- the facts

const headWords: Readonly<Record<InspectedHead["verdict"], (head: InspectedHead) => string>> = {
  absent: ({ embedding }) => say(`none stored: ${embedding} serves`, `没有保存：由 ${embedding} 代替`),
  equal: ({ head, embedding }) =>
    say(`tied: ${head} equals ${embedding}, every byte compared`, `共享：${head} 与 ${embedding} 逐字节相同`),
  equal_samples: ({ head, embedding }) =>
    say(`tied, by samples: ${head} equals ${embedding}`, `共享（抽样）：${head} 与 ${embedding} 相同`),
  different: ({ head }) => say(`of its own: ${head}`, `独立：${head}`),
};

/** The first eight, and how many more there are. */
function someOf(names: readonly string[], count: number): string {
  return names.slice(0, 8).join(", ") + (count > 8 ? say(` and ${count - 8} more`, ` 等 ${count} 个`) : "");
}

const questions: Readonly<Record<string, string>> = {
  ...{ patch: "图块", queries: "重采样器的查询", vocabulary: "词表", q_proj: "第一个 q_proj", heads: "查询头与键头" },
};

function aboutView({ about, files }: InspectData): HTMLElement {
  const { problem, isBare, notes, answers, head, unused = [], numUnused = 0 } = about;
  const unread = unused.map(({ name }) => name);
  const facts = factList([
    ...answers.map(({ question, answer, said }) => {
      const what = say(question, questions[said.code] ?? question);
      return [what, sentenceText({ ...said, text: answer })] as const;
    }),
    [say("output head", "输出头"), head && headWords[head.verdict](head)],
    [
      say("config", "配置"),
      problem === undefined
        ? undefined
        : isBare
          ? say(problem, "权重旁没有 config.json：只有名称和形状")
          : told(problem),
    ],
    [say("read by no graph", "没有计算图读取"), unread.length > 0 ? someOf(unread, numUnused) : undefined],
    [say("files", "文件"), someOf(files, files.length)],
    ...notes.map((note) => [say("note", "说明"), told(note)] as const),
  ]);
  return el("section", { id: "about" }, el("h2", {}, say("What the shapes tell", "从形状看出的")), facts);
}

export function inspectViews(data: InspectData): Child[] {
  const total = Math.max(
    1,
    data.tensors.reduce((sum, { numElements }) => sum + numElements, 0),
  );
  const { section, visit } = explorer(data, {
    tone: (node) => `var(--${data.rooms[roomOf(node) ?? -1]?.part ?? "other"})`,
    share: (child, node) => [child.numElements / Math.max(1, node.numElements), countText(child.numElements)],
    card: (tensor) => tensorCard(tensor, data.files[tensor.file]!),
    told: ({ numElements, numTensors, parent }) => {
      const size = parametersText(numElements, numTensors);
      const share = percent(numElements / total);
      return parent ? say(`${size}, ${share} of the model`, `${size}，占模型的 ${share}`) : size;
    },
    hint: say(
      "Rooms in the order of the data, as high as their parameters. Open one by click or Enter; Escape leads back.",
      "各部分按数据的顺序排列，高度是参数量。点击或按 Enter 打开，按 Esc 返回。",
    ),
  });
  if (data.leftOut)
    section.append(
      el(
        "p",
        { className: "aside" },
        sentenceText(data.leftOut) + say("; ocellus inspect --json has them all.", "；全部见 ocellus inspect --json。"),
      ),
    );
  return [
    findingsView(data, visit),
    section,
    layersView(data, visit),
    int4View(data, visit),
    memoryView(data.memory),
    aboutView(data),
  ];
}

/** The page of `ocellus golden report --html`: one result, or two compared. */
import type { GoldenEntry, GoldenRow } from "../../../src/inspect/page/page-data.js";
import { begin, el, pageData, say } from "./base.js";
import { sentenceText } from "./words.js";
import "./base.css";
import "./golden.css";

const data = pageData("golden");
const isPair = data.versions.length === 2;
const names = isPair ? ["A: ", "B: "] : [""];
const [from, to] = isPair
  ? [Math.min(-1, ...data.rows.map(({ low }) => low)), Math.max(1, ...data.rows.map(({ high }) => high))]
  : [0, 100];

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
const at = (value: number) => `${(100 * (value - from)) / (to - from)}%`;

function number(value: number): string {
  if (!isPair) return `${value.toFixed(1)} %`;
  return (value < 0 ? "−" : "+") + Math.abs(value).toFixed(1);
}

const rangeText = (low: number, high: number) =>
  say(`${number(low)} to ${number(high)}`, `${number(low)} 至 ${number(high)}`);

function plot({ low, value, high }: GoldenRow): HTMLElement {
  const isWorse = isPair && high < 0;
  return el(
    "div",
    { className: isWorse ? "plot worse" : "plot", role: "img", "aria-label": rangeText(low, high) },
    el("i", { style: { left: at(isPair ? 0 : 100) } }),
    el("b", { style: { left: at(low), width: `${(100 * (high - low)) / (to - from)}%` } }),
    el("u", { style: { left: at(value) } }),
  );
}

function entryItem({ origin, question, expected, answers, image: source }: GoldenEntry): HTMLElement {
  const said = answers.map(({ text, correct, failure }, i) => {
    const words = failure ? say(`no answer: ${failure}`, `没有回答：${failure}`) : text || say("nothing", "空");
    return el("p", { className: correct ? "right" : "wrong" }, (names[i] ?? "") + words);
  });
  const asides = [say(`expected: ${expected}`, `应为：${expected}`), origin].map((text) =>
    el("p", { className: "aside" }, text),
  );
  const image = source ? [el("img", { src: source, alt: "" })] : [];
  return el("li", {}, ...image, el("div", {}, el("p", {}, el("strong", {}, question)), ...said, ...asides));
}

function rowsTable(): HTMLElement {
  const titles = [
    ...[say("questions", "问题"), say("asked", "提问数")],
    ...[isPair ? say("points", "百分点") : say("right", "正确"), say("interval", "区间"), ""],
  ];
  const cell = (text: string) => el("td", { className: "number" }, text);
  const rows = data.rows.map((row) => {
    const numbers = [String(row.asked), number(row.value), rangeText(row.low, row.high)];
    return el(
      "tr",
      {},
      el("td", {}, row.group === "all" ? say("all", "全部") : row.group),
      ...numbers.map(cell),
      el("td", {}, plot(row)),
    );
  });
  return el(
    "table",
    { className: "rows" },
    el("tr", {}, ...titles.map((title) => el(title === "" ? "td" : "th", {}, title))),
    ...rows,
  );
}

const isCut = data.total > data.entries.length;
begin(data, () => [
  el("p", { className: "sentence" }, capital(data.sentence ? sentenceText(data.sentence) : "")),
  el("div", { className: "versions" }, ...data.versions.map((version, i) => el("p", {}, (names[i] ?? "") + version))),
  el(
    "section",
    {},
    el("h2", {}, isPair ? say("B − A, in points", "B − A，百分点") : say("Right answers", "正确的回答")),
    el("p", { className: "aside" }, say("With 95 % intervals.", "附 95% 区间。")),
    rowsTable(),
  ),
  el(
    "section",
    {},
    el(
      "h2",
      {},
      (isPair ? say("Right in one of them only: ", "仅其中一个正确：") : say("Wrong: ", "错误：")) + data.total,
    ),
    el(
      "p",
      { className: "aside" },
      isCut ? say(`The first ${data.entries.length}.`, `前 ${data.entries.length} 个。`) : "",
    ),
    el("ul", { className: "entries" }, ...data.entries.map(entryItem)),
  ),
]);

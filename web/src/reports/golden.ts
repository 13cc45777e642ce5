/** The page of `ocellus golden report --html`: one result, or two compared. */
import type { GoldenEntry, GoldenRow } from "../../../src/inspect/page/page-data.js";
import { begin, el, pageData } from "./base.js";
import "./base.css";
import "./golden.css";

const data = pageData("golden");
const isPair = data.versions.length === 2;
const names = isPair ? ["A: ", "B: "] : [""];
const [from, to] = isPair
  ? [Math.min(-1, ...data.rows.map(({ low }) => low)), Math.max(1, ...data.rows.map(({ high }) => high))]
  : [0, 100];

const at = (value: number) => `${(100 * (value - from)) / (to - from)}%`;

function number(value: number): string {
  if (!isPair) return `${value.toFixed(1)} %`;
  return (value < 0 ? "−" : "+") + Math.abs(value).toFixed(1);
}

function plot({ low, value, high }: GoldenRow): HTMLElement {
  const isWorse = isPair && high < 0;
  return el(
    "div",
    { className: isWorse ? "plot worse" : "plot", role: "img", "aria-label": `${number(low)} to ${number(high)}` },
    el("i", { style: { left: at(isPair ? 0 : 100) } }),
    el("b", { style: { left: at(low), width: `${(100 * (high - low)) / (to - from)}%` } }),
    el("u", { style: { left: at(value) } }),
  );
}

function entryItem({ origin, question, expected, answers, image: source }: GoldenEntry): HTMLElement {
  const said = answers.map(({ text, correct, failure }, i) => {
    const words = failure ? `no answer: ${failure}` : text || "nothing";
    return el("p", { className: correct ? "right" : "wrong" }, (names[i] ?? "") + words);
  });
  const asides = [`expected: ${expected}`, origin].map((text) => el("p", { className: "aside" }, text));
  const image = source ? [el("img", { src: source, alt: "" })] : [];
  return el("li", {}, ...image, el("div", {}, el("p", {}, el("strong", {}, question)), ...said, ...asides));
}

function rowsTable(): HTMLElement {
  const titles = ["questions", "asked", isPair ? "points" : "right", "interval", ""];
  const cell = (text: string) => el("td", { className: "number" }, text);
  const rows = data.rows.map((row) => {
    const numbers = [String(row.asked), number(row.value), `${number(row.low)} to ${number(row.high)}`];
    return el("tr", {}, el("td", {}, row.group), ...numbers.map(cell), el("td", {}, plot(row)));
  });
  return el("table", { className: "rows" }, el("tr", {}, ...titles.map((title) => el("th", {}, title))), ...rows);
}

const isCut = data.total > data.entries.length;
begin(
  data,
  el("p", { className: "sentence" }, data.sentence.charAt(0).toUpperCase() + data.sentence.slice(1)),
  el("div", { className: "versions" }, ...data.versions.map((version, i) => el("p", {}, (names[i] ?? "") + version))),
  el(
    "section",
    {},
    el("h2", {}, isPair ? "B − A, in points" : "Right answers"),
    el("p", { className: "aside" }, "With 95 % intervals."),
    rowsTable(),
  ),
  el(
    "section",
    {},
    el("h2", {}, (isPair ? "Right in one of them only: " : "Wrong: ") + data.total),
    el("p", { className: "aside" }, isCut ? `The first ${data.entries.length}.` : ""),
    el("ul", { className: "entries" }, ...data.entries.map(entryItem)),
  ),
);

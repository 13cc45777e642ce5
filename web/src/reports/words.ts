/** Numbers, names and small pieces that both reports about checkpoints write. */
import type { Said, Sentence } from "../../../src/inspect/page/page-data.js";
import { type Child, el, say, setStyle } from "./base.js";
import { chineseOf, partZh } from "./sentences-zh.js";

function inUnits(value: number, units: readonly string[]): string {
  const power = value < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3));
  const scaled = value / 1000 ** power;
  const digits = power === 0 || scaled >= 100 ? 0 : scaled >= 10 ? 1 : 2;
  return scaled.toFixed(digits) + (units[power] ? ` ${units[power]}` : "");
}

export const bytesText = (bytes: number) => inUnits(bytes, ["B", "kB", "MB", "GB", "TB"]);
export const countText = (count: number) => inUnits(count, ["", "k", "M", "B", "T"]);
export const shapeText = (shape: readonly number[]) => `[${shape.join(", ")}]`;
export const valueText = (value: number) => (value === 0 ? "0" : String(Number(value.toPrecision(4))));
export const plural = (count: number, what: string) => `${count} ${what}${count === 1 ? "" : "s"}`;

export const tensorsText = (count: number) => say(plural(count, "tensor"), `${count} 个张量`);

export const parametersText = (parameters: number, numTensors: number) =>
  say(
    `${countText(parameters)} parameters in ${plural(numTensors, "tensor")}`,
    `${tensorsText(numTensors)}，共 ${countText(parameters)} 个参数`,
  );

/** Of a part, as the program names it. */
export function partTitle(title: string): string {
  return say(title, partZh(title));
}

/** A sentence of the program's. */
export const sentenceText = ({ text, ...said }: Sentence) => say(text, chineseOf(said as Said) ?? text);

/** What has no code: names and numbers aside it is English. */
export const told = (text: string) => el("span", { lang: "en" }, text);

/** A name that breaks behind its dots. */
export function dotted(name: string): Child[] {
  return name.split(/(?<=\.)/).flatMap((part, i) => (i === 0 ? [part] : [el("wbr"), part]));
}

export const heading = (text: string) => el("h3", { tabIndex: -1 }, ...dotted(text));

export function bar(share: number): HTMLElement {
  const filled = el("i", { style: { width: `${(100 * Math.min(1, share)).toFixed(2)}%` } });
  return el("span", { className: "bar" }, ...(share > 0 ? [filled] : []));
}

/** Facts as two columns: what, value. */
export function factList(pairs: readonly (readonly [what: string, value: Child | undefined])[]): HTMLElement {
  const rows = pairs.filter(([, value]) => value !== undefined && value !== "");
  return el(
    "dl",
    { className: "facts" },
    ...rows.flatMap(([what, value]) => [el("dt", {}, what), el("dd", {}, value!)]),
  );
}

const svgSpace = "http://www.w3.org/2000/svg";

export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, unknown>>,
  ...children: readonly Child[]
): SVGElementTagNameMap[K] {
  const node = document.createElementNS(svgSpace, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "style") setStyle(node, value as Readonly<Record<string, string>>);
    else if (name.startsWith("on")) Reflect.set(node, name, value);
    else node.setAttribute(name, String(value));
  }
  node.append(...children);
  return node;
}

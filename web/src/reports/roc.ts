/** The page of `ocellus guard calibrate --html`: for each category what a threshold hits, rightly and wrongly. */
import type { RocCurve } from "../../../src/inspect/page/page-data.js";
import { begin, el, pageData, percent, say } from "./base.js";
import { svg } from "./words.js";
import "./base.css";
import "./roc.css";

const data = pageData("roc");
const side = 260;

function curveView({ category, images, others, area, points, chosen }: RocCurve): HTMLElement {
  const at = (falsePositiveRate: number, truePositiveRate: number) =>
    [falsePositiveRate * side, (1 - truePositiveRate) * side] as const;
  const [cx, cy] = at(chosen.falsePositiveRate, chosen.truePositiveRate);
  const words = say(`Curve of ${category}, area ${area.toFixed(3)}`, `${category} 的曲线，面积 ${area.toFixed(3)}`);
  const plot = svg(
    "svg",
    { viewBox: `0 0 ${side} ${side}`, role: "img", "aria-label": words },
    svg("line", { class: "chance", x1: 0, y1: side, x2: side, y2: 0 }),
    svg("polyline", { class: "curve", points: points.map((point) => at(...point).join(",")).join(" ") }),
    svg("circle", { cx, cy, r: 4.5 }),
  );
  const [hit, wrong] = [percent(chosen.truePositiveRate), percent(chosen.falsePositiveRate)];
  const threshold = chosen.threshold?.toFixed(4) ?? say("none", "无");
  const facts = [
    say(
      `area ${area.toFixed(4)} · ${images} pictures, ${others} others`,
      `面积 ${area.toFixed(4)} · ${images} 张图片，其他 ${others} 张`,
    ),
    say(`threshold ${threshold}: ${hit} hit, ${wrong} false`, `阈值 ${threshold}：命中 ${hit}，误报 ${wrong}`),
  ];
  return el(
    "section",
    { className: "roc" },
    el("h2", {}, category),
    plot,
    ...facts.map((text) => el("p", { className: "aside" }, text)),
  );
}

begin(data, () => [
  el(
    "p",
    { className: "aside reading" },
    say(
      "To the right: harmless pictures that are hit. Upwards: pictures of the category that are. The dot is the chosen threshold.",
      "向右：被命中的无害图片。向上：被命中的该类图片。圆点是所选的阈值。",
    ),
  ),
  el("div", { className: "rocs" }, ...data.curves.map(curveView)),
]);

/** The page of a trace: the answer by probability, what the queries looked at, the time of each stage. */
import type { TracedCandidate, TracedPicture, TracedToken } from "../../../src/inspect/page/page-data.js";
import { begin, el, mark, pageData, percent, say, walk } from "./base.js";
import { lookView } from "./look.js";
import "./base.css";
import "./trace.css";

const data = pageData("trace");
const milliseconds = (ms: number) => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;

function visible(text: string, id: number): string {
  return text === "" ? `#${id}` : text.replace(/ /g, "␣").replace(/\n/g, "↵").replace(/\t/g, "⇥");
}

// ------------------------------------------------------------------------------------------------------ the answer

function answerView(): HTMLElement[] {
  const panel = el("div", { className: "alternatives", "aria-live": "polite" });
  const buttons = data.tokens.map((token, i) => {
    const style = { "--doubtful": `${(65 * (1 - token.p)).toFixed(1)}%` };
    const properties = { type: "button", className: token.special ? "special" : "", title: percent(token.p), style };
    return el("button", { ...properties, onclick: () => choose(i) }, token.text === "" ? `#${token.id}` : token.text);
  });
  const choose = (i: number) => {
    mark(buttons, i, "aria-pressed");
    panel.replaceChildren(alternativesView(data.tokens[i]!, i));
  };
  const label = { role: "group", "aria-label": say("Answer, token by token", "逐个词元的回答") };
  const line = el("div", { className: "answer", ...label }, ...buttons);
  walk(line, choose);
  const least = data.tokens.reduce((low, token, i) => (token.p < data.tokens[low]!.p ? i : low), 0);
  if (data.tokens.length > 0) choose(least);
  const words = say(
    "unsure · choose a token to see what else it could have been",
    "没有把握 · 选一个词元，看看它还可能是什么",
  );
  return [line, el("p", { className: "scale aside" }, say("sure", "有把握"), el("i"), words), panel];
}

function alternativesView(token: TracedToken, i: number): HTMLElement {
  const row = (candidate: TracedCandidate, className: string) =>
    el(
      "li",
      { className },
      el(
        "code",
        { title: say(`token ${candidate.id}`, `词元 ${candidate.id}`) },
        visible(candidate.text, candidate.id),
      ),
      el("span", { className: "bar" }, el("i", { style: { width: `${(100 * candidate.p).toFixed(2)}%` } })),
      el("span", { className: "number" }, percent(candidate.p)),
    );
  const rows = [row(token, "said"), ...token.alternatives.map((alternative) => row(alternative, ""))];
  const [all, time] = [data.tokens.length, milliseconds(token.ms)];
  const head = say(`Token ${i + 1} of ${all}, ${time}`, `第 ${i + 1} 个词元，共 ${all} 个，${time}`);
  return el("div", {}, el("p", { className: "aside" }, head), el("ul", {}, ...rows));
}

// ----------------------------------------------------------------------------------------------------- the picture

function pictureView(picture: TracedPicture, index: number): HTMLElement {
  const title = say(`Picture ${index + 1}`, `图片 ${index + 1}`);
  const img = el("img", { src: picture.source, alt: title });
  if (picture.layers.length > 0) {
    const where = data.images.length > 1 ? say(` in picture ${index + 1}`, `（图片 ${index + 1}）`) : "";
    return el(
      "section",
      {},
      el("h2", {}, say("Where the queries looked", "查询看了哪里") + where),
      lookView(picture, img),
    );
  }
  const { grid, numTokens } = picture;
  const size = `${grid.columns} × ${grid.rows}`;
  const words = say(
    `Seen as ${size} patches, told to the decoder in ${numTokens} tokens. This vision encoder has no queries that choose where to look: each token has a place of its own.`,
    `看作 ${size} 个图块，以 ${numTokens} 个词元交给解码器。这个视觉编码器没有选择看哪里的查询：每个词元有自己的位置。`,
  );
  const figure = el("figure", {}, el("div", { className: "frame" }, img), el("figcaption", {}, words));
  return el("section", {}, el("h2", {}, title), el("div", { className: "look plain" }, figure));
}

// -------------------------------------------------------------------------------------------------------- the time

type Stage = readonly [name: string, ms: number, colour: string];

function stages(): Stage[] {
  const { readMs, visionMs, prefillMs, decodeMs } = data.stages;
  const hasPictures = data.images.length > 0;
  const numFurther = Math.max(0, data.tokens.length - 1);
  const known = hasPictures && data.images.every((image) => image.known);
  const vision: Stage = [
    known ? say("vision (features were known)", "视觉（特征已知）") : say("vision", "视觉"),
    visionMs,
    "--vision",
  ];
  return [
    [
      hasPictures ? say("decode picture, read prompt", "解码图片、读取提示词") : say("read prompt", "读取提示词"),
      readMs,
      "--read",
    ],
    ...(hasPictures ? [vision] : []),
    [say("prefill, to the first token", "预填充，到第一个词元"), prefillMs, "--prefill"],
    [say(`${numFurther} further tokens`, `其余 ${numFurther} 个词元`), decodeMs, "--token"],
  ];
}

function timesView(): HTMLElement {
  const all = stages();
  const part = ([name, ms, colour]: Stage) =>
    el("i", { title: `${name}: ${milliseconds(ms)}`, style: { flex: `${ms} 1 0`, background: `var(${colour})` } });
  const tokens = data.tokens
    .slice(1)
    .map(({ text, id, ms }, i) =>
      part([`${say(`token ${i + 2}`, `词元 ${i + 2}`)} ${visible(text, id)}`, ms, "--token"]),
    );
  const legend = all.map(([name, ms, colour]) => {
    const mark = el("i", { style: { background: `var(${colour})` } });
    return el("div", {}, el("dt", {}, mark, name), el("dd", {}, milliseconds(ms)));
  });
  const total = all.reduce((sum, [, ms]) => sum + ms, 0);
  const times = {
    className: "times",
    role: "img",
    "aria-label": say("Time of each stage, told below", "各阶段的时间，见下"),
  };
  return el(
    "section",
    {},
    el("h2", {}, say(`Where the time went: ${milliseconds(total)}`, `时间用在哪里：${milliseconds(total)}`)),
    el("div", times, ...all.slice(0, -1).map(part), ...tokens),
    el("dl", { className: "legend" }, ...legend),
  );
}

begin(data, () => [el("div", {}, ...answerView()), ...data.images.map(pictureView), timesView()]);

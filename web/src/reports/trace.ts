/** The page of a trace: the answer by probability, what the queries looked at, the time of each stage. */
import type { TracedCandidate, TracedPicture, TracedToken } from "../../../src/inspect/page/page-data.js";
import { begin, type Child, el, mark, pageData, percent, walk } from "./base.js";
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
  const label = { role: "group", "aria-label": "Answer, token by token" };
  const line = el("div", { className: "answer", ...label }, ...buttons);
  walk(line, choose);
  const least = data.tokens.reduce((low, token, i) => (token.p < data.tokens[low]!.p ? i : low), 0);
  if (data.tokens.length > 0) choose(least);
  const words = "unsure · choose a token to see what else it could have been";
  return [line, el("p", { className: "scale aside" }, "sure", el("i"), words), panel];
}

function alternativesView(token: TracedToken, i: number): HTMLElement {
  const row = (candidate: TracedCandidate, className: string) =>
    el(
      "li",
      { className },
      el("code", { title: `token ${candidate.id}` }, visible(candidate.text, candidate.id)),
      el("span", { className: "bar" }, el("i", { style: { width: `${(100 * candidate.p).toFixed(2)}%` } })),
      el("span", { className: "number" }, percent(candidate.p)),
    );
  const rows = [row(token, "said"), ...token.alternatives.map((alternative) => row(alternative, ""))];
  const head = `Token ${i + 1} of ${data.tokens.length}, ${milliseconds(token.ms)}`;
  return el("div", {}, el("p", { className: "aside" }, head), el("ul", {}, ...rows));
}

// ----------------------------------------------------------------------------------------------------- the picture

function pictureView(picture: TracedPicture, index: number): HTMLElement {
  const img = el("img", { src: picture.source, alt: `Picture ${index + 1}` });
  if (picture.layers.length > 0) {
    const where = data.images.length > 1 ? ` in picture ${index + 1}` : "";
    return el("section", {}, el("h2", {}, `Where the queries looked${where}`), lookView(picture, img));
  }
  const { grid, numTokens } = picture;
  const words = `Seen as ${grid.columns} × ${grid.rows} patches, told to the decoder in ${numTokens} tokens. This vision encoder has no queries that choose where to look: each token has a place of its own.`;
  const figure = el("figure", {}, el("div", { className: "frame" }, img), el("figcaption", {}, words));
  return el("section", {}, el("h2", {}, `Picture ${index + 1}`), el("div", { className: "look plain" }, figure));
}

// -------------------------------------------------------------------------------------------------------- the time

type Stage = readonly [name: string, ms: number, colour: string];

function stages(): Stage[] {
  const { readMs, visionMs, prefillMs, decodeMs } = data.stages;
  const hasPictures = data.images.length > 0;
  const known = hasPictures && data.images.every((image) => image.known);
  const vision: Stage = [known ? "vision (features were known)" : "vision", visionMs, "--vision"];
  return [
    [hasPictures ? "decode picture, read prompt" : "read prompt", readMs, "--read"],
    ...(hasPictures ? [vision] : []),
    ["prefill, to the first token", prefillMs, "--prefill"],
    [`${Math.max(0, data.tokens.length - 1)} further tokens`, decodeMs, "--token"],
  ];
}

function timesView(): HTMLElement {
  const all = stages();
  const part = ([name, ms, colour]: Stage) =>
    el("i", { title: `${name}: ${milliseconds(ms)}`, style: { flex: `${ms} 1 0`, background: `var(${colour})` } });
  const tokens = data.tokens
    .slice(1)
    .map(({ text, id, ms }, i) => part([`token ${i + 2} ${visible(text, id)}`, ms, "--token"]));
  const legend = all.map(([name, ms, colour]) => {
    const mark = el("i", { style: { background: `var(${colour})` } });
    return el("div", {}, mark, el("dt", {}, name), el("dd", {}, milliseconds(ms)));
  });
  const total = all.reduce((sum, [, ms]) => sum + ms, 0);
  const times = { className: "times", role: "img", "aria-label": "Time of each stage, told below" };
  return el(
    "section",
    {},
    el("h2", {}, `Where the time went: ${milliseconds(total)}`),
    el("div", times, ...all.slice(0, -1).map(part), ...tokens),
    el("dl", { className: "legend" }, ...legend),
  );
}

const views: Child[] = [el("div", {}, ...answerView()), ...data.images.map(pictureView), timesView()];
begin(data, ...views);

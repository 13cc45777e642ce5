/** What the page of a trace does in the browser, as text, on top of page/base-script.ts. */
export const script = `
const milliseconds = (ms) => (ms < 10 ? ms.toFixed(1) : Math.round(ms)) + " ms";
const visible = (text, id) => text === "" ? "#" + id : text.replace(/ /g, "\\u2423").replace(/\\n/g, "\\u21b5").replace(/\\t/g, "\\u21e5");

// ------------------------------------------------------------------------------------------------------ the answer

function answerView() {
  const panel = el("div", { className: "alternatives", "aria-live": "polite" });
  const buttons = data.tokens.map((token, i) => el("button", {
    type: "button",
    className: token.special ? "special" : "",
    title: percent(token.p),
    style: { "--doubtful": (65 * (1 - token.p)).toFixed(1) + "%" },
    onclick: () => choose(i),
  }, token.text === "" ? "#" + token.id : token.text));
  const choose = (i) => {
    mark(buttons, i, "aria-pressed");
    panel.replaceChildren(rivalsView(data.tokens[i], i));
  };
  const line = el("div", { className: "answer", role: "group", "aria-label": "Answer, token by token" }, ...buttons);
  walk(line, choose);
  const least = data.tokens.reduce((low, token, i) => (token.p < data.tokens[low].p ? i : low), 0);
  if (data.tokens.length > 0) choose(least);
  const scale = el("p", { className: "scale aside" }, "sure", el("i", {}), "unsure \\u00b7 choose a token to see what else it could have been");
  return [line, scale, panel];
}

function rivalsView(token, i) {
  const row = (candidate, className) => el("li", { className },
    el("code", { title: "token " + candidate.id }, visible(candidate.text, candidate.id)),
    el("span", { className: "bar" }, el("i", { style: { width: (100 * candidate.p).toFixed(2) + "%" } })),
    el("span", { className: "number" }, percent(candidate.p)));
  const rows = [row(token, "said"), ...token.alternatives.map((alternative) => row(alternative, ""))];
  const head = el("p", { className: "aside" }, "Token " + (i + 1) + " of " + data.tokens.length + ", " + milliseconds(token.ms));
  return el("div", {}, head, el("ul", {}, ...rows));
}

// ----------------------------------------------------------------------------------------------------- the picture

function pictureView(picture, index) {
  const img = el("img", { src: picture.source, alt: "Picture " + (index + 1) });
  const title = el("h2", {}, data.pictures.length > 1 ? "Where the queries looked in picture " + (index + 1) : "Where the queries looked");
  if (picture.layers.length === 0) {
    const size = picture.grid.columns + " \\u00d7 " + picture.grid.rows;
    const words = "Seen as " + size + " patches, told to the decoder in " + picture.numTokens + " tokens. This eye has no queries that choose where to look: each token has a place of its own.";
    const figure = el("figure", {}, el("div", { className: "frame" }, img), el("figcaption", {}, words));
    return el("section", {}, el("h2", {}, "Picture " + (index + 1)), el("div", { className: "look plain" }, figure));
  }
  return el("section", {}, title, lookView(picture, img));
}

/** Sums of several maps divided by their number: over layers, or over queries. */
function mean(maps) {
  return maps[0].map((_, patch) => maps.reduce((sum, map) => sum + map[patch], 0) / maps.length);
}

/** Views to choose from: the mean of all layers first; in each, the mean of all queries first. */
function viewsOf(layers) {
  const withMean = (maps) => [mean(maps), ...maps];
  const across = layers[0].map((_, query) => mean(layers.map((layer) => layer[query])));
  return layers.length > 1 ? [withMean(across), ...layers.map(withMean)] : [withMean(layers[0])];
}

function lookView(picture, img) {
  const { columns, rows } = picture.grid;
  const views = viewsOf(picture.layers);
  const names = views.length > 1 ? ["all layers", ...picture.layers.map((_, i) => "layer " + (i + 1))] : ["layer 1"];
  const overlay = el("canvas", { width: columns, height: rows, role: "img" });
  const caption = el("figcaption", { "aria-live": "polite" });
  const frame = el("div", { className: "frame", style: { "aspect-ratio": columns + " / " + rows } }, img, overlay);
  const state = { layer: 0, query: 0 };

  const show = (query) => {
    const map = views[state.layer][query];
    paint(overlay, map, (share) => [20, 17, 12, 225 * (1 - share)]);
    const told = tell(map, query, columns, names[state.layer]);
    caption.textContent = told;
    overlay.setAttribute("aria-label", told);
  };
  const minis = views[0].map((_, query) => el("button", {
    type: "button", role: "radio", className: query === 0 ? "mean" : "",
    onclick: () => chooseQuery(query), onmouseenter: () => show(query), onfocus: () => show(query),
  }, el("canvas", { width: columns, height: rows }), query === 0 ? "all queries, their mean" : String(query)));
  const chooseQuery = (query) => {
    state.query = query;
    mark(minis, query, "aria-checked");
    show(query);
  };
  const draw = () => {
    const colour = colourOf("--accent");
    minis.forEach((button, query) => paint(button.firstChild, views[state.layer][query], (share) => [...colour, 255 * share]));
    show(state.query);
  };
  const tabs = names.map((name, i) => el("button", { type: "button", onclick: () => chooseLayer(i) }, name));
  const chooseLayer = (layer) => {
    state.layer = layer;
    mark(tabs, layer, "aria-pressed");
    draw();
  };

  const queries = el("div", { className: "queries", role: "radiogroup", "aria-label": "Query", onmouseleave: () => show(state.query) }, ...minis);
  const layers = el("div", { className: "tabs", role: "group", "aria-label": "Layer" }, ...tabs);
  walk(queries, chooseQuery);
  walk(layers, chooseLayer);
  const bare = el("button", { type: "button", className: "pill", "aria-pressed": "false", onclick: () => {
    bare.setAttribute("aria-pressed", String(frame.classList.toggle("bare")));
    bare.textContent = frame.classList.contains("bare") ? "Show attention" : "Hide attention";
  } }, "Hide attention");
  chooseLayer(0);
  chooseQuery(0);
  redraws.push(draw);
  return el("div", { className: "look" },
    el("figure", {}, frame, caption),
    el("div", {}, el("div", { className: "top" }, layers, bare), queries,
      el("p", { className: "aside" }, "Each small map is one query over the " + columns + " \\u00d7 " + rows + " patches, mean of its heads, strongest where it looked most. Point at one, or walk with the arrow keys.")));
}

function tell(map, query, columns, layer) {
  const total = map.reduce((sum, p) => sum + p, 0);
  const top = map.indexOf(Math.max(...map));
  const who = query === 0 ? "All queries together" : "Query " + query;
  const where = "row " + (Math.floor(top / columns) + 1) + ", column " + (top % columns + 1);
  return who + ", " + layer + ": " + percent(total) + " of the attention lies on the picture, the rest on the queries themselves; most, " + percent(map[top]) + ", on " + where + ".";
}

/** One pixel a patch, as a share of the largest. */
function paint(canvas, map, colour) {
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(canvas.width, canvas.height);
  const largest = Math.max(...map) || 1;
  map.forEach((p, i) => pixels.data.set(colour(p / largest), 4 * i));
  context.putImageData(pixels, 0, 0);
}

function colourOf(variable) {
  const hex = getComputedStyle(root).getPropertyValue(variable).trim();
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

// -------------------------------------------------------------------------------------------------------- the time

function timesView() {
  const { readMs, visionMs, prefillMs, decodeMs } = data.stages;
  const numLater = Math.max(0, data.tokens.length - 1);
  const known = data.pictures.length > 0 && data.pictures.every((picture) => picture.known);
  const stages = [
    [data.pictures.length > 0 ? "decode picture, read prompt" : "read prompt", readMs, "--read"],
    ...(data.pictures.length > 0 ? [[known ? "vision (features were known)" : "vision", visionMs, "--vision"]] : []),
    ["prefill, to the first token", prefillMs, "--prefill"],
    [numLater + " further tokens", decodeMs, "--token"],
  ];
  const part = (name, ms, colour) => el("i", { title: name + ": " + milliseconds(ms), style: { flex: ms + " 1 0", background: "var(" + colour + ")" } });
  const before = stages.slice(0, -1).map(([name, ms, colour]) => part(name, ms, colour));
  const tokens = data.tokens.slice(1).map((token, i) => part("token " + (i + 2) + " " + visible(token.text, token.id), token.ms, "--token"));
  const legend = stages.map(([name, ms, colour]) => el("div", {},
    el("i", { style: { background: "var(" + colour + ")" } }), el("dt", {}, name), el("dd", {}, milliseconds(ms))));
  const total = stages.reduce((sum, [, ms]) => sum + ms, 0);
  return el("section", {}, el("h2", {}, "Where the time went: " + milliseconds(total)),
    el("div", { className: "times", role: "img", "aria-label": "Time of each stage, told below" }, ...before, ...tokens),
    el("dl", { className: "legend" }, ...legend));
}

begin(el("div", {}, ...answerView()), ...data.pictures.map(pictureView), timesView());
`;

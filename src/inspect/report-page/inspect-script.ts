/** The page of `ocellus inspect --html` in the browser, as text on top of explorer-script.ts and layers-script.ts. */
export const inspectScript = `
const errorText = (share) => (100 * share).toFixed(share < 0.0995 ? 2 : 1) + " %";

// ---------------------------------------------------------------------------------------------------- the findings

const maxOfKind = 6;

function findingsView(visit) {
  if (data.findings.length === 0)
    return el("p", { className: "verdict good" }, "Nothing to note: all values are finite, no tensor is dead, constant or doubled.");
  const bad = data.findings.filter(({ severity }) => severity === "bad");
  const notes = data.findings.filter(({ severity }) => severity !== "bad");
  const list = (found) => el("ul", { className: "findings" }, ...byKind(found).flatMap((of) => kindItems(of, visit)));
  const head = bad.length > 0 ? "Not healthy: " + plural(data.numBad, "finding") : "Healthy";
  return el("section", { id: "findings", className: bad.length > 0 ? "bad" : "" },
    el("p", { className: bad.length > 0 ? "verdict" : "verdict good" }, head),
    ...(bad.length > 0 ? [list(bad)] : []),
    ...(notes.length > 0 ? [el("details", { open: bad.length === 0 && notes.length < 7 }, el("summary", {}, plural(data.numNotes, "note") + " to know before shrinking it"), list(notes))] : []));
}

function byKind(findings) {
  const kinds = new Map();
  for (const finding of findings) kinds.set(finding.kind, [...(kinds.get(finding.kind) || []), finding]);
  return [...kinds.values()];
}

function kindItems(of, visit) {
  const items = of.slice(0, maxOfKind).map(({ message, tensors, numTensors, at }) => {
    const link = (i) => at[i] >= 0 ? el("button", { type: "button", className: "link", onclick: () => visit(at[i]) }, ...dotted(tensors[i])) : el("code", {}, ...dotted(tensors[i]));
    if (tensors.length === 1 && message.startsWith(tensors[0])) return el("li", {}, el("span", {}, link(0), message.slice(tensors[0].length)));
    const links = tensors.slice(0, 4).map((_, i) => link(i));
    const more = numTensors > links.length ? ["and " + (numTensors - links.length) + " more"] : [];
    return el("li", {}, el("span", {}, message), el("span", { className: "links" }, ...links, ...more));
  });
  return of.length > items.length ? [...items, el("li", { className: "aside" }, "and " + (of.length - items.length) + " more of this kind; ocellus inspect --health --json has them all")] : items;
}

// ------------------------------------------------------------------------------------------------------ one tensor

function tensorCard(tensor) {
  const { values } = tensor;
  const head = [heading(tensor.name), el("p", { className: "aside" }, tensor.dtype + " " + shapeText(tensor.shape) + " \\u00b7 " + bytesText(tensor.sizeBytes) + " \\u00b7 " + data.files[tensor.file])];
  if (!values) return [...head, el("p", { className: "aside" }, "One of the smallest of a very large checkpoint: ocellus inspect --tensor has its statistics.")];
  const { numZeros, numNaN, numInfinite, numDead, numOutliers, int4Error } = values;
  return [...head, histogram(values),
    factList([
      ["mean", valueText(values.mean)], ["deviation", valueText(values.std)], ["root mean square", valueText(values.rms)],
      ["smallest, largest", valueText(values.min) + ", " + valueText(values.max)],
      ["zeros", numZeros === 0 ? "none" : countText(numZeros) + ", " + percent(numZeros / tensor.numElements)],
      ["not finite", numNaN + numInfinite === 0 ? "none" : numNaN + " NaN, " + numInfinite + " infinite"],
      ["dead rows", numDead ? String(numDead) : undefined],
      ["int4 would lose", int4Error === undefined ? undefined : errorText(int4Error) + " of its size"],
      ["outlier channels", numOutliers === undefined ? undefined : numOutliers === 0 ? "none" : numOutliers + ", the largest " + values.outliers.slice(0, 4).map(([channel, ratio]) => channel + " (" + ratio.toFixed(1) + "\\u00d7)").join(", ")],
    ]),
    quantilesView(values)];
}

function histogram({ bins, low, high, quantiles, mean }) {
  const [width, height] = [320, 96];
  const step = width / bins.length;
  const bars = bins.map((count, i) => svg("rect", { x: i * step + 0.4, y: height - (height * count) / 1000, width: step - 0.8, height: (height * count) / 1000 },
    svg("title", {}, valueText(low + ((high - low) * i) / bins.length) + " to " + valueText(low + ((high - low) * (i + 1)) / bins.length))));
  const x = (value) => high > low ? Math.min(width, Math.max(0, (width * (value - low)) / (high - low))) : width / 2;
  const marks = [mean, quantiles[1][1], quantiles[7][1]].map((value, i) => svg("line", { class: i === 0 ? "mean" : "", x1: x(value), x2: x(value), y1: 0, y2: height }));
  return el("figure", { className: "histogram" },
    svg("svg", { viewBox: "0 0 " + width + " " + height, preserveAspectRatio: "none", role: "img", "aria-label": "How often each value occurs, from " + valueText(low) + " to " + valueText(high) }, ...bars, ...marks),
    el("figcaption", {}, el("span", {}, valueText(low)), el("span", {}, "mean, and the middle 98 %"), el("span", {}, valueText(high))));
}

function quantilesView({ quantiles }) {
  const cell = ([share, value]) => el("div", {}, el("dt", {}, (100 * share).toPrecision(2).replace(/\\.0$/, "").replace("1.0e+2", "100") + " %"), el("dd", {}, valueText(value)));
  return el("details", {}, el("summary", {}, "Quantiles"), el("dl", { className: "quantiles" }, ...quantiles.map(cell)));
}

// ------------------------------------------------------------------------------------------------------ the layers

const measures = [
  { name: "norm", value: ({ values }) => values && values.rms, text: valueText, told: "Root mean square of each matrix, layer by layer: what runs away or fades shows as a slope." },
  { name: "peak", value: ({ values }) => values && values.rms > 0 ? Math.max(Math.abs(values.min), Math.abs(values.max)) / values.rms : undefined, text: (v) => v.toFixed(1) + "\\u00d7", told: "The largest value of each matrix as a multiple of its root mean square: long tails cost precision at 4 bits." },
  { name: "outlier channels", value: ({ values }) => values && values.numOutliers, text: (v) => v === 0 ? "none" : String(v), told: "Input channels over four times the size of the median channel: they set the scale of the blocks they lie in." },
];

function layersView(visit) {
  if (data.grids.length === 0) return "";
  const body = el("div", {});
  const aside = el("p", { className: "aside" });
  const group = tabs(measures.map(({ name }) => name), "Measure", (i) => {
    aside.textContent = measures[i].told;
    body.replaceChildren(...smallPlots({ ...measures[i], visit }));
  });
  return el("section", { id: "layers" }, el("div", { className: "bar-line" }, el("h2", {}, "Over the layers"), group), aside, body);
}

function int4View(visit) {
  const value = ({ values }) => values && values.int4Error;
  const measured = data.tensors.filter((tensor) => value(tensor) !== undefined);
  if (measured.length === 0) return "";
  const errors = measured.map(value);
  const inGrid = new Set(data.grids.flatMap(({ kinds }) => kinds.flatMap(({ tensors }) => tensors)));
  const outside = data.tensors.map((tensor, index) => ({ tensor, index })).filter(({ tensor, index }) => value(tensor) !== undefined && !inGrid.has(index)).sort((a, b) => value(b.tensor) - value(a.tensor)).slice(0, 12);
  const [least, most] = [Math.min(...errors), Math.max(...errors)];
  const rows = outside.map(({ tensor, index }) => el("li", {}, el("button", { type: "button", onclick: () => visit(index) },
    el("span", { className: "what" }, ...dotted(tensor.name)), bar(value(tensor) / most), el("span", { className: "number" }, errorText(value(tensor))))));
  return el("section", { id: "int4" }, el("h2", {}, "What 4 bits would lose"),
    el("p", { className: "aside" }, "Error of int4 in blocks of 32, relative to the values, on up to 256 rows of each matrix. Full colour is twice the best matrix, or more."),
    ...heatMap({ value, text: errorText, low: least, high: Math.max(most, 2 * least), visit, title: "int4 error" }),
    ...(rows.length > 0 ? [el("div", { className: "stack" }, el("h3", {}, "Outside the layers"), el("ul", { className: "list wide" }, ...rows))] : []));
}

// ------------------------------------------------------------------------------------------------------ the memory

function memoryView() {
  const { memory } = data;
  if (!memory) return "";
  const title = el("h2", {}, "What it takes in memory");
  if (memory.problem) return el("section", {}, title, el("p", { className: "aside" }, memory.problem));
  const { decoder, vision, machine, formats, processBytes, advice } = memory;
  const rest = [
    ["keys and values", decoder ? decoder.cacheBytes : 0, "--embedding"],
    ["reading a picture or a prompt", Math.max(decoder ? decoder.peakBytes : 0, vision ? vision.peakBytes : 0), "--connector"],
    ["the process", processBytes, "--other"],
  ];
  const most = Math.max(...formats.map(({ totalBytes }) => totalBytes));
  const words = { now: "fits", freed: "fits once other programs are closed", no: "does not fit" };
  const rows = formats.map(({ weights, blockSize, embeddingWeights, weightsBytes, totalBytes, fits }) => {
    const parts = [["weights", weightsBytes, "--vision"], ...rest].map(([name, bytes, colour]) => el("i", { title: name + ": " + bytesText(bytes), style: { width: (100 * bytes) / most + "%", background: "var(" + colour + ")" } }));
    return el("li", { className: fits },
      el("span", { className: "what" }, weights, /^int/.test(weights) ? el("small", {}, "block " + blockSize + (embeddingWeights === "int8" ? "" : ", embeddings " + embeddingWeights)) : ""),
      el("span", { className: "memory-bar" }, ...parts),
      el("span", { className: "number" }, bytesText(weightsBytes)), el("span", { className: "number" }, bytesText(totalBytes)), el("span", { className: "fits" }, words[fits]));
  });
  const header = el("li", { className: "aside" }, el("span", {}), el("span", {}), el("span", { className: "number" }, "weights"), el("span", { className: "number" }, "running"), el("span", {}));
  const legend = [["weights", undefined, "--vision"], ...rest].map(([name, bytes, colour]) => el("div", {}, el("dt", {}, el("i", { style: { background: "var(" + colour + ")" } }), name), ...(bytes === undefined ? [] : [el("dd", {}, bytesText(bytes))])));
  const told = [
    ...(decoder ? [plural(decoder.numSequences, "sequence") + " of " + decoder.contextTokens + " tokens, " + bytesText(decoder.cacheBytesPerThousandTokens) + " per 1,000 tokens"] : []),
    ...(vision ? ["a picture of " + vision.picture.width + " \\u00d7 " + vision.picture.height] : []),
    bytesText(machine.availableBytes) + " free of " + bytesText(machine.totalBytes) + " on the machine that wrote this page",
  ];
  return el("section", { id: "memory" }, title, el("p", { className: "aside" }, told.join("; ") + "."),
    el("ul", { className: "memory" }, header, ...rows), el("dl", { className: "legend" }, ...legend), ...advice.map((sentence) => el("p", { className: "aside" }, sentence)));
}

// ------------------------------------------------------------------------------------------------------- the facts

const headWords = {
  absent: (head) => "none stored: " + head.embedding + " serves",
  equal: (head) => "tied: " + head.head + " equals " + head.embedding + ", every byte compared",
  equal_samples: (head) => "tied, by samples: " + head.head + " equals " + head.embedding,
  different: (head) => "of its own: " + head.head,
};

function aboutView() {
  const { problem, notes, answers, head, unused, numUnused } = data.about;
  const unusedText = unused && unused.length > 0 ? unused.slice(0, 8).map(({ name }) => name).join(", ") + (numUnused > 8 ? " and " + (numUnused - 8) + " more" : "") : undefined;
  const facts = factList([
    ...answers.map(({ question, answer }) => [question, answer]),
    ["output head", head && headWords[head.verdict](head)],
    ["config", problem], ["read by no graph", unusedText],
    ["files", data.files.slice(0, 8).join(", ") + (data.files.length > 8 ? " and " + (data.files.length - 8) + " more" : "")],
    ...notes.map((note) => ["note", note]),
  ]);
  return el("section", { id: "about" }, el("h2", {}, "What the shapes tell"), facts);
}

const total = data.tensors.reduce((sum, { numElements }) => sum + numElements, 0);
const { section, visit } = explorer({
  tone: (node) => "var(--" + (data.rooms[roomOf(node).room] || { part: "other" }).part + ")",
  share: (child, node) => [child.numElements / Math.max(1, node.numElements), countText(child.numElements)],
  card: tensorCard,
  told: (node) => countText(node.numElements) + " parameters" + (node.parent ? ", " + percent(node.numElements / Math.max(1, total)) + " of the model," : "") + " in " + plural(node.numTensors, "tensor"),
  hint: "Rooms in the order of the data, as high as their parameters. Open one by click or Enter; Escape leads back.",
});
if (data.leftOut) section.append(el("p", { className: "aside" }, data.leftOut + "; ocellus inspect --json has them all."));
begin(findingsView(visit), section, layersView(visit), int4View(visit), memoryView(), aboutView());
`;

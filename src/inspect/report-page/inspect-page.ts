/**
 * `ocellus inspect --html`: a checkpoint as one page. Findings first, then the model as rooms as large as their parameters,
 * each a door to the tensors in it; norms and outliers over the layers; what int4 would lose; what it takes in memory.
 */

import { formatBytes, formatCount } from "../../core/base/index.js";
import { baseName } from "../../core/fs/index.js";
import { elementCount } from "../../core/tensor/index.js";
import type { CheckpointDescription } from "../describe.js";
import type { Examination } from "../health.js";
import type { MemoryEstimate } from "../memory.js";
import { cut, maxPageTensors, pageDocument, rounded } from "../page/document.js";
import type { InspectData, InspectedValues } from "../page/page-data.js";
import { sentence } from "../sentence.js";
import type { TensorStatistics } from "../tensor-statistics.js";
import { layerGrids } from "./layer-grids.js";

/** An estimate, or why there is none. */
type Memory = MemoryEstimate | { readonly problem: string };

/** The whole page; some 600 bytes a tensor, those of the largest 20,000. */
export function inspectPage(examination: Examination, memory?: Memory): string {
  const { description } = examination;
  const name = baseName(description.path);
  const { text: facts, ...factsSaid } = factsOf(description);
  return pageDocument({
    kind: "inspect",
    title: `${name} · Ocellus report`,
    heading: name,
    facts,
    factsSaid,
    data: inspectData(examination, memory),
  });
}

function factsOf({ config, numDistinctParameters, sizeBytes, dtypes, files, format }: CheckpointDescription) {
  const [parameters, numFiles] = [formatCount(numDistinctParameters), files.length];
  const size = `${formatBytes(sizeBytes)} ${dtypes.map(({ dtype }) => dtype).join(" + ")}`;
  const place = numFiles === 1 ? `one ${format} file` : `${numFiles} ${format} files`;
  const { modelType } = config;
  const text = [modelType ?? "no model_type", `${parameters} parameters`, size, place].join(" · ");
  return sentence("checkpoint_facts", { modelType, parameters, size, numFiles, format }, text);
}

/** Beyond, only the largest tensors come with statistics: a page of 3 MB still opens at once. */
const maxDetailed = 4000;

/** The page shows a few of a kind, and names `ocellus inspect --health --json` for the rest. */
const maxFindings = 1000;
/** Of one finding; as many of what no graph reads. */
const maxNames = 100;

/** What the page is drawn from. */
export function inspectData(
  { healthy, findings, description, statistics }: Examination,
  memory: Memory | undefined,
): InspectData {
  const { parts, files, config, notes, answers, head, fit } = description;
  const byName = new Map(statistics.map((each) => [each.name, each]));
  const bySize = [...description.tensors].sort((a, b) => b.sizeBytes - a.sizeBytes);
  const detailed = new Set(bySize.slice(0, maxDetailed).map(({ name }) => name));
  const { shown, leftOut } = cut(bySize, maxPageTensors, "smallest");
  const held = new Set(shown);
  const tensors = description.tensors.filter((tensor) => held.has(tensor));
  const indexOf = new Map(tensors.map(({ name }, index) => [name, index]));
  const isMatrix = ({ shape, name }: { shape: readonly number[]; name: string }) =>
    shape.length >= 2 && detailed.has(name);
  return {
    healthy,
    leftOut,
    findings: findings.slice(0, maxFindings).map(({ tensors, ...finding }) => {
      const names = tensors.slice(0, maxNames);
      return {
        ...finding,
        tensors: names,
        numTensors: tensors.length,
        at: names.map((name) => indexOf.get(name) ?? -1),
      };
    }),
    numBad: findings.filter(({ severity }) => severity === "bad").length,
    numNotes: findings.filter(({ severity }) => severity !== "bad").length,
    rooms: parts.map(({ part, title, numLayers }) => ({ part, title, numLayers })),
    tensors: tensors.map(({ name, dtype, shape, sizeBytes, file, part }) => ({
      ...{ name, dtype, shape, sizeBytes, numElements: elementCount(shape) },
      file: files.findIndex((each) => each.name === file),
      room: parts.findIndex((each) => each.part === part),
      ...(detailed.has(name) && { values: values(byName.get(name)!) }),
    })),
    files: files.map(({ name }) => name),
    grids: layerGrids(tensors, isMatrix),
    about: {
      problem: config.problem,
      isBare: config.state === "absent",
      notes,
      answers,
      head,
      unused: fit?.unused.slice(0, maxNames),
      numUnused: fit?.unused.length,
    },
    memory,
  };
}

function values({ rows, histogram, quantiles, ...statistics }: TensorStatistics): InspectedValues {
  const { numZeros, numNaN, numInfinite, min, max, mean, std, rms } = statistics;
  const most = Math.max(1, ...histogram.counts);
  return {
    ...{ numZeros, numNaN, numInfinite },
    ...{ min: rounded(min), max: rounded(max), mean: rounded(mean), std: rounded(std), rms: rounded(rms) },
    quantiles: quantiles.map(({ share, value }) => [share, rounded(value)] as const),
    low: rounded(histogram.low),
    high: rounded(histogram.high),
    bins: histogram.counts.map((count) => (count === 0 ? 0 : Math.max(1, Math.round((1000 * count) / most)))),
    ...(rows && {
      numDead: rows.numDead,
      numOutliers: rows.numOutliers,
      outliers: rows.outliers.map(({ channel, ratio }) => [channel, rounded(ratio)] as const),
      ...(rows.int4Error !== undefined && { int4Error: rounded(rows.int4Error) }),
    }),
  };
}

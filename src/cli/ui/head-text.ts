/** The report of `ocellus tune head` as text: how good, class by class, what is taken for what, and what more images would bring. */
import type { HeadReport, Share } from "../../tune/index.js";
import type { coloursFor } from "./terminal.js";
import { textTable } from "./text-layout.js";

type Colours = ReturnType<typeof coloursFor>;

export function headText(report: HeadReport, colours: Colours): string {
  const { data, saved, encoder, accuracy, balancedAccuracy, logLoss, calibration } = report;
  const paragraphs = [
    `${colours.bold(`${data.images} images of ${report.classes.length} classes`)}, ${encoder.features} features of ${encoder.modelType}` +
      colours.dim(` (${data.cached} from the cache)`),
    [
      `accuracy on held-out images  ${colours.bold(interval(accuracy))}; mean recall ${percent(balancedAccuracy)}; log loss ${logLoss.toFixed(3)}`,
      `calibration error  ${percent(calibration.error)} (${percent(calibration.errorBefore)} before temperature ${calibration.temperature.toFixed(2)})`,
    ].join("\n"),
    classTable(report, colours),
    ...(report.classes.length <= mostConfused ? [confusionTable(report, colours)] : []),
    curveText(report, colours),
    ...suspectText(report, colours),
    ...badText(report, colours),
    ...(saved ? [`written to ${colours.bold(saved.path)} (${saved.architecture})`] : []),
  ];
  return paragraphs.join("\n\n");
}

/** More columns fill no terminal; --json has them all. */
const mostConfused = 12;
/** Rows that tell what to look at; --json has them all. */
const mostListed = 10;

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const interval = ({ value, low, high }: Omit<Share, "images">) =>
  `${percent(value)} (95 %: ${(100 * low).toFixed(1)}–${(100 * high).toFixed(1)})`;

function classTable({ classes }: HeadReport, { dim }: Colours): string {
  const header = ["class", "images", "recall", "precision", "most often taken for"].map(dim);
  const rows = classes.map(({ label, recall, precision, takenFor }) => [
    label,
    String(recall.images),
    interval(recall),
    precision ? percent(precision.value) : "–",
    takenFor ? `${takenFor.label} (${takenFor.images})` : "",
  ]);
  return textTable([header, ...rows], ["left", "right", "right", "right"]);
}

function confusionTable({ classes, confusion }: HeadReport, { dim, bold }: Colours): string {
  const letters = classes.map((_, i) => String.fromCharCode("a".charCodeAt(0) + i));
  const rows = classes.map(({ label }, i) => [
    `${letters[i]} ${label}`,
    ...confusion[i]!.map((count, k) => (k === i ? bold(String(count)) : count === 0 ? dim("·") : String(count))),
  ]);
  return textTable(
    [[dim("label ↓, taken for →"), ...letters.map(dim)], ...rows],
    ["left", ...letters.map(() => "right" as const)],
  );
}

function curveText({ learningCurve: { points, next }, moreOf }: HeadReport, { dim }: Colours): string {
  const lines = [
    `learning curve  ${points.map(({ images, accuracy }) => `${images}: ${percent(accuracy.value)}`).join("   ")}`,
    ...(next ? [`twice as many images would give about ${interval(next)}`] : [dim("too few images for a forecast")]),
    ...moreOf.map(({ label, more, next: { gain, value }, helps }) =>
      helps
        ? `${more} more of ${label} would help: told from the rest in ${percent(value)}, ${signed(gain.value)} points (95 %: ${signed(gain.low)} to ${signed(gain.high)})`
        : `${more} more of ${label}: no gain is certain (95 %: ${signed(gain.low)} to ${signed(gain.high)} points)`,
    ),
    dim("forecasts carry a power law on, fitted to held-out errors: docs/tuning.md"),
  ];
  return lines.join("\n");
}

function signed(share: number): string {
  const points = (100 * share).toFixed(1);
  return share > 0 ? `+${points}` : points;
}

function suspectText({ suspects, lookAlikes }: HeadReport, { yellow }: Colours): string[] {
  const rows = suspects
    .slice(0, mostListed)
    .map(({ path, label, predicted, probability }) => [path, label, `${predicted} (${percent(probability)})`]);
  const pairs = lookAlikes.conflicts
    .slice(0, mostListed)
    .map(({ images }) => images.map(({ path, label }) => `${path} (${label})`).join(" = "));
  return [
    ...(rows.length > 0 ? [`${yellow("labels to look at again")}\n${textTable(rows)}`] : []),
    ...(pairs.length > 0 ? [`${yellow("the same image under several labels")}\n${pairs.join("\n")}`] : []),
  ];
}

function badText({ data: { bad, skipped } }: HeadReport, { yellow, dim }: Colours): string[] {
  const kinds = Object.entries(skipped).map(([kind, count]) => `${count} ${kind}`);
  const problems = bad.slice(0, mostListed).map(({ problem }) => problem);
  return [
    ...(problems.length > 0 ? [`${yellow(`${bad.length} files left out`)}\n${problems.join("\n")}`] : []),
    ...(kinds.length > 0 ? [dim(`not images: ${kinds.join(", ")}`)] : []),
  ];
}

/** One measure of several versions over time: a line each, with the band in which the truth lies. */
import type { PointerEvent } from "react";
import type { WireFigures, WireSeries } from "../../../src/protocol/index.js";
import { type Line, linesOf, type Mark, type MetricName, type Placed, scales, topOf } from "../figures.js";
import { useVersionsWords } from "../words-versions.js";

interface LineChartProps {
  readonly figures: WireFigures;
  readonly metric: MetricName;
  /** What it shows, in words. */
  readonly label: string;
  readonly marks: readonly Mark[];
  /** Of the width, where somebody points. */
  readonly pointer: number | undefined;
  readonly onPoint: (part: number | undefined) => void;
}

/** The drawing is stretched to its place; strokes keep their width. */
const [width, height] = [300, 100];

export function LineChart({ figures, metric, label, marks, pointer, onPoint }: LineChartProps) {
  const { now } = useVersionsWords().rollout.figures;
  const top = topOf(figures, metric);
  const lines = linesOf(figures, metric, top);
  const onMove = ({ currentTarget, clientX }: PointerEvent) => {
    const { left, width: shown } = currentTarget.getBoundingClientRect();
    onPoint(Math.min(0.9999, Math.max(0, (clientX - left) / shown)));
  };
  return (
    <div className="plot" onPointerMove={onMove} onPointerLeave={() => onPoint(undefined)}>
      <span className="top">{scales[metric].text(top)}</span>
      <MarkLabels marks={marks} />
      <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={label}>
        <line className="ground" x1="0" y1={height} x2={width} y2={height} />
        {marks.map(({ at, says }) => (
          <line key={`${at} ${says}`} className="mark-line" x1={at * width} y1="0" x2={at * width} y2={height} />
        ))}
        {lines.filter(isCompared).map((line) => (
          <Band key={line.version} line={line} />
        ))}
        {[...lines].reverse().map((line) => (
          <path key={line.version} className={`line ${line.role}`} d={line.runs.map(lineOf).join("")} />
        ))}
        {pointer !== undefined && (
          <line className="pointer" x1={pointer * width} y1="0" x2={pointer * width} y2={height} />
        )}
      </svg>
      <span className="times">
        <time dateTime={figures.from}>{timeText(figures, pointer)}</time>
        <span>{pointer === undefined && now}</span>
      </span>
    </div>
  );
}

/** Of the beginning, or of where somebody points. */
function timeText({ from, to }: WireFigures, pointer = 0): string {
  const time = Date.parse(from) + pointer * (Date.parse(to) - Date.parse(from));
  return new Date(time).toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
}

/** Closer than this, in parts of the width, names would stand on each other. */
const closest = 0.13;

function MarkLabels({ marks }: Pick<LineChartProps, "marks">) {
  const apart: Mark[] = [];
  for (const mark of marks) if (mark.label !== "" && mark.at - (apart.at(-1)?.at ?? 0) >= closest) apart.push(mark); // at 0 stands the scale
  return apart.map(({ at, label, says }) => (
    <span key={`${at} ${says}`} className="mark-label" style={{ "--share": at }} title={says} aria-hidden="true">
      {label}
    </span>
  ));
}

const x = (placed: Placed) => (placed.x * width).toFixed(1);
const y = (value: number) => ((1 - Math.min(1, value)) * height).toFixed(1);

/** A point alone is a dot: a line without length, with round ends. */
function lineOf(run: readonly Placed[]): string {
  const points = run.map((placed) => `${x(placed)} ${y(placed.y)}`);
  return `M${points.join("L")}${run.length === 1 ? "h0.01" : ""}`;
}

/** More bands than two would be a fog. */
function isCompared({ role }: Line): boolean {
  return role === "stable" || role === "canary";
}

function Band({ line: { role, runs } }: { line: Line }) {
  const outlines = runs
    .filter((run) => run.length > 1)
    .map((run) => {
      const above = run.map((placed) => `${x(placed)} ${y(placed.high)}`);
      const below = run.map((placed) => `${x(placed)} ${y(placed.low)}`).reverse();
      return `M${[...above, ...below].join("L")}Z`;
    });
  return <path className={`band ${role}`} d={outlines.join("")} />;
}

/** How a role's line looks. */
export function Stroke({ role }: Pick<WireSeries, "role">) {
  return (
    <svg className="stroke" viewBox="0 0 22 8" aria-hidden="true">
      <path className={`line ${role}`} d="M1 4H21" />
    </svg>
  );
}

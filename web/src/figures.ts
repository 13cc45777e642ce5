/** Figures over time: read while somebody looks, and made ready to be drawn. */
import { useEffect, useState } from "react";
import type { WireEstimate, WireFigures, WireHistory, WireMeasured, WireSeries } from "../../src/protocol/index.js";
import { readFigures } from "./api.js";
import { percentText } from "./quantities.js";

/** Points are ten seconds or more: sooner there would be little to see. */
const everyMs = 3000;

/** Undefined before the first answer; what was read last stays when the server does not answer. */
export function useFigures(alias: string, minutes: number): WireFigures | undefined {
  const [figures, set] = useState<WireFigures>();
  useEffect(() => {
    let isOver = false;
    let timer: ReturnType<typeof setTimeout>;
    const read = async () => {
      const found = await readFigures(alias, minutes).catch(() => undefined);
      if (isOver) return;
      if (found) set(found);
      timer = setTimeout(() => void read(), everyMs);
    };
    void read();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [alias, minutes]);
  return figures;
}

export type MetricName = keyof WireMeasured;

interface Scale {
  readonly text: (value: number) => string;
  /** The top of a chart is no lower, so that nothing looks like much. */
  readonly atLeast: number;
  readonly atMost: number;
}

const rates: Scale = { text: percentText, atLeast: 0.05, atMost: 1 };
const times: Scale = { text: timeText, atLeast: 10, atMost: Number.POSITIVE_INFINITY };

/** In the order in which they stand on the page. */
export const scales: Readonly<Record<MetricName, Scale>> = {
  error: rates,
  malformed: rates,
  golden: rates,
  first_token_ms_p50: times,
  first_token_ms_p95: times,
  tokens_per_second_p50: { text: (value) => String(Number(value.toPrecision(3))), atLeast: 1, atMost: 1e9 },
};

function timeText(ms: number): string {
  return ms < 1000 ? `${Number(ms.toPrecision(2))} ms` : `${Number((ms / 1000).toPrecision(2))} s`;
}

/** `2% (0.5%–8%)`; a bound that is not known is an ellipsis. */
export function estimateText({ value, low, high }: WireEstimate, { text }: Scale): { value: string; interval: string } {
  const bound = (found: number | undefined) => (found === undefined ? "…" : text(found));
  return { value: text(value), interval: `${bound(low)}–${bound(high)}` };
}

/** A moment at which something changed, as a part of the chart's width. */
export interface Mark {
  readonly at: number;
  readonly label: string;
  /** The whole of it. */
  readonly says: string;
}

type Entry = WireHistory["data"][number];
const shown = new Set(["deployed", "canary_started", "share_changed", "promoted", "rolled_back", "shadow_started"]);

/** What happened to the alias within the time of the figures. */
export function marksOf(
  { alias, from, to }: WireFigures,
  history: WireHistory | undefined,
  says: (entry: Entry) => string,
  back: string,
): Mark[] {
  const [start, end] = [Date.parse(from), Date.parse(to)];
  const own = (history?.data ?? []).filter((entry) => entry.alias === alias && shown.has(entry.kind));
  return own.reverse().flatMap((entry): Mark[] => {
    const at = (Date.parse(entry.at) - start) / (end - start);
    return at < 0 || at > 1 ? [] : [{ at, label: labelOf(entry, back), says: says(entry) }];
  });
}

/** Shares and the way back; of everything else the line alone. */
function labelOf({ kind, share, steps }: Entry, back: string): string {
  if (kind === "rolled_back") return back;
  const percent = kind === "promoted" ? 1 : (share ?? steps?.[0]);
  return percent === undefined ? "" : percentText(percent);
}

/** One version's values of a measure, placed in a field of 0 to 1 each way. */
export interface Line {
  readonly version: string;
  readonly role: WireSeries["role"];
  /** Points that follow each other without a long silence. */
  readonly runs: readonly (readonly Placed[])[];
}

export interface Placed {
  readonly x: number;
  readonly y: number;
  readonly low: number;
  readonly high: number;
}

/** Beyond so many steps without an answer a line would claim to know what was between. */
const longestGap = 3;

export function linesOf({ series, from, to, step_s: stepS }: WireFigures, metric: MetricName, top: number): Line[] {
  const [start, end] = [Date.parse(from), Date.parse(to)];
  const gap = (longestGap * stepS * 1000) / (end - start);
  return series.map(({ version, role, points }) => {
    const runs: Placed[][] = [];
    for (const { at, [metric]: estimate } of points) {
      if (!estimate) continue;
      const x = (Date.parse(at) + stepS * 500 - start) / (end - start);
      const { value, low = 0, high = Number.POSITIVE_INFINITY } = estimate;
      const placed = { x, y: value / top, low: low / top, high: Math.min(1, high / top) };
      const last = runs.at(-1)?.at(-1);
      if (last && x - last.x <= gap) runs.at(-1)!.push(placed);
      else runs.push([placed]);
    }
    return { version, role, runs };
  });
}

/** Of the scale: a round number that all values are below; an interval may reach further. */
export function topOf({ series }: WireFigures, metric: MetricName): number {
  const { atLeast, atMost } = scales[metric];
  const found = series.flatMap(({ points }) =>
    points.flatMap(({ [metric]: estimate }) => (estimate ? [estimate] : [])),
  );
  return Math.min(atMost, roundUp(Math.max(atLeast, ...found.map(({ value }) => value))));
}

/** To 1, 2 or 5 times a power of ten: a scale that changes seldom. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].find((times) => times * power >= value * (1 - 1e-9))! * power;
}

/** The point of a series in which a moment lies. */
export function pointAt({ from, to, step_s: stepS }: WireFigures, { points }: WireSeries, part: number) {
  const time = Date.parse(from) + part * (Date.parse(to) - Date.parse(from));
  return points.find(({ at }) => Date.parse(at) <= time && time < Date.parse(at) + stepS * 1000);
}

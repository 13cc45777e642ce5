/** Figures over time as /admin/v1 writes them: each with the interval in which the truth lies. */
import type { WireEstimate, WireFigures, WireMeasured, WireSeries } from "../../protocol/index.js";
import type { Alias } from "../../rollout/index.js";
import { type Span, Tally, type VersionFigures } from "./figures.js";
import { quantileRanks, wilson } from "./interval.js";
import type { LogHistogram } from "./log-histogram.js";

/** More lines than these no one tells apart. */
const maxLines = 4;

export function wireFigures(figures: VersionFigures, alias: Alias, minutes: number): WireFigures {
  const span = figures.span(minutes);
  const { name } = alias;
  const series = [...rolesOf(alias, figures.tagsOf(name))].flatMap(([version, role]): WireSeries[] => {
    const found = seriesOf(figures.read(name, version, span) ?? new Map());
    return role === "past" && found.points.length === 0 ? [] : [{ version, role, ...found }];
  });
  return {
    object: "ocellus.admin.figures",
    alias: name,
    ...{ from: new Date(span.from).toISOString(), to: new Date(span.to).toISOString(), step_s: span.stepMs / 1000 },
    series: series.slice(0, maxLines),
  };
}

function rolesOf({ tag, canary, shadow }: Alias, known: readonly string[]): Map<string, WireSeries["role"]> {
  const roles = new Map<string, WireSeries["role"]>([[tag, "stable"]]);
  if (canary) roles.set(canary.tag, "canary");
  if (shadow !== undefined && !roles.has(shadow)) roles.set(shadow, "shadow");
  for (const past of known) if (!roles.has(past)) roles.set(past, "past");
  return roles;
}

function seriesOf(tallies: ReadonlyMap<Span["from"], Tally>): Pick<WireSeries, "total" | "points"> {
  const total = new Tally();
  for (const tally of tallies.values()) total.merge(tally);
  const points = [...tallies].map(([at, tally]) => ({ at: new Date(at).toISOString(), ...measured(tally) }));
  return { total: measured(total), points };
}

function measured(tally: Tally): WireMeasured {
  const { numAnswers, numErrors, numMalformed, numGolden, numWrong, firstTokenMs, tokensPerSecond } = tally;
  return {
    ...rate("error", numErrors, numAnswers),
    ...rate("malformed", numMalformed, numAnswers - numErrors),
    ...rate("golden", numWrong, numGolden),
    ...quantile("first_token_ms_p50", firstTokenMs, 0.5),
    ...quantile("first_token_ms_p95", firstTokenMs, 0.95),
    ...quantile("tokens_per_second_p50", tokensPerSecond, 0.5),
  };
}

type Measured = { [name in keyof WireMeasured]: WireEstimate };

function rate(name: keyof WireMeasured, num: number, count: number): Measured {
  return count === 0 ? {} : { [name]: { ...rounded(wilson(num, count)), count } };
}

function quantile(name: keyof WireMeasured, histogram: LogHistogram, part: number): Measured {
  const { count } = histogram;
  if (count === 0) return {};
  const { low, high } = quantileRanks(count, part);
  const value = histogram.valueAt(Math.max(1, Math.ceil(part * count)));
  const bounds = {
    ...(low !== undefined && { low: histogram.valueAt(low) }),
    ...(high !== undefined && { high: histogram.valueAt(high) }),
  };
  return { [name]: { ...rounded({ value, ...bounds }), count } };
}

/** Four digits are more than the intervals allow. */
function rounded<T extends Readonly<Record<string, number>>>(numbers: T): T {
  return Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, Number(value.toPrecision(4))])) as T;
}

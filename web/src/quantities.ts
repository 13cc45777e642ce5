/** Numbers for people: 1.28 M parameters, 8.0 MiB, 5%. */

const counts = ["", " k", " M", " G", " T"];
const sizes = ["B", "KiB", "MiB", "GiB", "TiB"];

export function countText(count: number): string {
  const [value, place] = scaled(count, 1000, counts.length);
  return `${place === 0 ? value : value.toPrecision(3)}${counts[place]}`;
}

export function bytesText(bytes: number): string {
  const [value, place] = scaled(bytes, 1024, sizes.length);
  return `${place === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${sizes[place]}`;
}

function scaled(value: number, base: number, numPlaces: number): [value: number, place: number] {
  const place = value < base ? 0 : Math.min(numPlaces - 1, Math.floor(Math.log(value) / Math.log(base)));
  return [value / base ** place, place];
}

export function percentText(part: number): string {
  return `${Number((part * 100).toFixed(1))}%`;
}

export const durationUnits = ["minutes", "hours", "days"] as const;
export type DurationUnit = (typeof durationUnits)[number];
const unitSeconds = { minutes: 60, hours: 3600, days: 86_400 };

/** Undefined for what is no number above 0. */
export function secondsOf(count: string, unit: DurationUnit): number | undefined {
  const seconds = Math.round(Number(count) * unitSeconds[unit]);
  return seconds > 0 ? seconds : undefined;
}

/** In the largest unit that leaves a whole number: `30 min`, `2 h`, `90 s`. */
export function durationText(seconds: number): string {
  for (const [size, sign] of [
    [86_400, "d"],
    [3600, "h"],
    [60, "min"],
  ] as const)
    if (seconds % size === 0) return `${seconds / size} ${sign}`;
  return `${seconds} s`;
}

/** `5% → 25%` */
export function stepsText(steps: readonly number[] = []): string {
  return steps.map(percentText).join(" → ");
}

/** 0.04 s, 1.2 s. */
export function secondsText(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 1000 ? 2 : 1)} s`;
}

/** How busy an engine says that it is: three gauges of its Prometheus text [exposition format 0.0.4], whatever else is in there. */
import type { EngineTraits } from "./kinds.js";

export interface EngineLoad {
  readonly running: number;
  readonly waiting: number;
  /** Of its KV cache, 0 to 1. Absent: it does not say. */
  readonly cacheUsage?: number;
}

/** Sums over labels (one series for each data-parallel engine, or model); a share is their mean. Undefined where they are not there. */
export function readLoad(text: string, names: NonNullable<EngineTraits["metrics"]>): EngineLoad | undefined {
  const wanted = new Map<string, number[]>(Object.values(names).map((name) => [name, []]));
  for (const line of text.split("\n")) {
    const name = line.slice(0, /[{ ]/.exec(line)?.index ?? 0);
    const value = Number(
      line
        .slice(line.lastIndexOf("}") + 1)
        .trim()
        .split(" ")[line.includes("}") ? 0 : 1],
    );
    if (Number.isFinite(value)) wanted.get(name)?.push(value);
  }
  const read = (name: string | undefined) => (name === undefined ? [] : (wanted.get(name) ?? []));
  const [running, waiting, usage] = [read(names.running), read(names.waiting), read(names.cacheUsage)];
  if (running.length === 0 || waiting.length === 0) return undefined;
  const cacheUsage = usage.length > 0 ? { cacheUsage: sum(usage) / usage.length } : {};
  return { running: sum(running), waiting: sum(waiting), ...cacheUsage };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

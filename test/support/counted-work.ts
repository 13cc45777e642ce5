/**
 * How much work a function does, as a count that is the same on any machine: V8's own block counters, summed over our
 * sources. Loops and callbacks count each time round; what the engine does inside one built-in call does not.
 */
import { Session } from "node:inspector";

interface Coverage {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly { readonly ranges: readonly { readonly count: number }[] }[];
  }[];
}

/**
 * From the import on, which must come before that of what is counted: V8 counts blocks only in functions that it compiled since, and
 * may compile others again at any time. It ends with the process.
 */
const session = new Session();
session.connect();
session.post("Profiler.enable");
session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });

export function countedWork(work: () => void): number {
  takeCoverage(); // what ran before
  work();
  const { result } = takeCoverage();
  const ours = result.filter(({ url }) => url.includes("/src/"));
  const counts = ours.flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges.map(({ count }) => count)));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** The callback of a session in its own thread is called before `post` returns. */
function takeCoverage(): Coverage {
  let taken: Coverage | undefined;
  session.post("Profiler.takePreciseCoverage", (error, coverage) => {
    if (error) throw error;
    taken = coverage;
  });
  return taken!;
}

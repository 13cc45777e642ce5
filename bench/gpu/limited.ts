/** Steps of a bench in processes of their own, with a time limit: what hangs in a driver is ended. */
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";

export type StepResult<T> =
  | {
      readonly ok: true;
      readonly seconds: number;
      readonly figures: T;
      /** Why there are no more: it was ended after it had told these. */
      readonly cutOff?: string;
    }
  | { readonly ok: false; readonly seconds: number; readonly why: string };

const repository = resolve(import.meta.dirname, "../..");

/** `npm run bench -- NAME ARGS`: its last line of output, which is JSON. */
export function limited<T>(name: string, args: readonly string[], limitMs: number): Promise<StepResult<T>> {
  const runner = join(repository, "bench/run.ts");
  return run(["--import", "tsx", runner, name, ...args], limitMs, (out) => JSON.parse(lastLine(out)) as T);
}

export interface FixtureFigures {
  readonly passed: number;
  readonly failed: readonly string[];
  readonly skipped: number;
}

/** The tests of WebGPU against the golden fixtures, as `npm test` runs them. */
export function checkFixtures(limitMs: number): Promise<StepResult<FixtureFigures>> {
  const vitest = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
  const args = [vitest, "run", "--project", "whole", "--reporter", "json", "test/webgpu.test.ts"];
  return run(args, limitMs, fixturesOf);
}

interface VitestReport {
  readonly testResults: readonly {
    readonly message: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

/** What vitest prints as JSON; a failed test is a figure here, not an error. */
function fixturesOf(out: string): FixtureFigures {
  const { testResults } = JSON.parse(out.slice(out.indexOf('{"numTotalTestSuites"'))) as VitestReport;
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  const named = (status: string) => tests.filter((test) => test.status === status).map(({ fullName }) => fullName);
  if (tests.length === 0) throw new Error(testResults[0]?.message ?? "no tests were found");
  const passed = named("passed").length;
  return { passed, failed: named("failed"), skipped: tests.length - passed - named("failed").length };
}

/** Both streams are kept to their last megabyte. */
const maxOutput = 2 ** 20;

function run<T>(args: readonly string[], limitMs: number, read: (out: string) => T): Promise<StepResult<T>> {
  const started = performance.now();
  const child = spawn(process.execPath, args, { cwd: repository, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const end = () => {
    try {
      process.kill(-child.pid!, "SIGKILL");
    } catch {} // it has ended
  };
  process.once("exit", end);
  const timer = setTimeout(end, limitMs);
  let [out, errors] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out = (out + text).slice(-maxOutput);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors = (errors + text).slice(-maxOutput);
  });
  return new Promise((done) => {
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      process.off("exit", end);
      end(); // what it may have left
      const seconds = (performance.now() - started) / 1000;
      const ending =
        seconds * 1000 >= limitMs ? `ended after ${Math.round(limitMs / 1000)} s` : `ended with ${signal ?? code}`;
      try {
        done({ ok: true, seconds, figures: read(out), ...(signal && { cutOff: ending }) });
      } catch (cause) {
        done({ ok: false, seconds, why: `${ending}: ${errors.trim().slice(-600) || (cause as Error).message}` });
      }
    });
  });
}

const lastLine = (out: string) => out.trimEnd().split("\n").at(-1)!;

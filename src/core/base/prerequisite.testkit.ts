/**
 * What a test needs beside `npm ci`: a browser, a compiler, a database server. Where it is missing its tests are skipped
 * and say so; with CI set the run fails instead, so that no suite can vanish unnoticed. `.ci/run` installs all of them.
 */

/** @returns whether tests that need `name` must be skipped. @throws with CI set, when it is missing */
export function isMissing(name: string, found: unknown, install: string): boolean {
  if (found) return false;
  const message = `${name} is missing (${install})`;
  if (process.env.CI) throw new Error(`${message}: with CI set a missing prerequisite fails the run`);
  console.warn(`${message}: the tests that need it are skipped`);
  return true;
}

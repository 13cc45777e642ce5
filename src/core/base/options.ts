/** Options from code that no compiler checked: a mistyped name would change nothing, and no one would learn of it. */
import { OcellusError } from "./error.js";
import { nearestHint } from "./nearest.js";

/** Every name of an options type, complete by the compiler: `optionNames<Options>({ a: true, b: true })`. */
export function optionNames<T>(names: Readonly<Record<keyof Required<T> & string, true>>): readonly string[] {
  return Object.keys(names);
}

/**
 * `undefined` counts as not given.
 * @param of names the call in the error: "loadModel"
 * @throws `invalid_request` with `details.param`
 */
export function refuseUnknownOptions(of: string, options: unknown, names: readonly string[]): void {
  if (typeof options !== "object" || options === null || Array.isArray(options))
    throw new OcellusError("invalid_request", `${of}: expected an object of options, found ${typeof options}`);
  for (const [option, value] of Object.entries(options)) {
    if (value === undefined || names.includes(option)) continue;
    throw new OcellusError("invalid_request", `${of}: there is no option ${option}${nearestHint(option, names)}`, {
      details: { param: option },
    });
  }
}

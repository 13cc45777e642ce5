/** npm packages that one feature alone needs: loaded where it is first used, and named with the command that installs them. */
import { OcellusError } from "./error.js";

export interface Remedy {
  /** Default: `npm install` and the name. */
  readonly install?: string;
  /** What works without the package. */
  readonly instead?: string;
}

/** @throws `unavailable` when it is not installed, or not for this machine. */
export async function optionalPackage<T>(
  name: string,
  feature: string,
  load: () => Promise<T>,
  { install = `npm install ${name}`, instead }: Remedy = {},
): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const other = instead === undefined ? "" : `, or use ${instead}`;
    throw new OcellusError(
      "unavailable",
      `${feature} needs the npm package ${name}, which cannot be loaded: run \`${install}\`${other}`,
      { details: { missing: name, install, ...(instead !== undefined && { instead }) }, cause },
    );
  }
}

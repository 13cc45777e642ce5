/** Numbers as people read them: the same spelling in the terminal, in reports and in messages. */

/** `980 B`, `12.3 MB`, `4.6 GB`; decimal units, as file managers and hubs count. */
export function formatBytes(bytes: number): string {
  return withUnit(bytes, ["B", "kB", "MB", "GB", "TB"], 1);
}

/** `192`, `5.28 M`, `8.03 B`: parameters, as model names count them. */
export function formatCount(count: number): string {
  return withUnit(count, ["", "k", "M", "B", "T"], 2).trimEnd();
}

function withUnit(value: number, units: readonly string[], decimals: number): string {
  const power = value < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3));
  const scaled = value / 1000 ** power;
  const shown = power === 0 || scaled >= 100 ? 0 : scaled >= 10 ? 1 : decimals;
  return `${scaled.toFixed(shown)} ${units[power]}`;
}

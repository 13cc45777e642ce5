/** Prometheus's own judge of metrics. Debian's package prometheus brings it; without it there is nobody to ask. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";

export const promtool = ["/usr/bin/promtool", "/usr/local/bin/promtool"].find((path) => existsSync(path));

/** @returns what is wrong; nothing when all is well */
export function promtoolSays(metrics: string): string {
  return execFileSync(promtool!, ["check", "metrics"], { input: metrics, encoding: "utf8" });
}

/** Prometheus's own judge of metrics. Debian's package prometheus brings it. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { isMissing } from "../../src/core/base/prerequisite.testkit.js";

const promtool = ["/usr/bin/promtool", "/usr/local/bin/promtool"].find((path) => existsSync(path));
export const noPromtool = isMissing("promtool", promtool, "apt install prometheus");

/** @returns what is wrong; nothing when all is well */
export function promtoolSays(metrics: string): string {
  return execFileSync(promtool!, ["check", "metrics"], { input: metrics, encoding: "utf8" });
}

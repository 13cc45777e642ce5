import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { sumsSaturate } from "./saturation.js";

it("products of 8-bit numbers are found exact where the processor has VNNI", async () => {
  const saturates = await sumsSaturate();
  const isX86 = process.arch === "x64" && process.platform === "linux";
  if (isX86 && / avx512_vnni| avx_vnni/.test(readFileSync("/proc/cpuinfo", "utf8"))) expect(saturates).toBe(false);
  else expect(typeof saturates).toBe("boolean");
});

/** The graphics cards of a Linux machine: by nvidia-smi, which comes with NVIDIA's driver, else the kernel's list of devices. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";

export interface Card {
  readonly name: string;
  readonly driver?: string;
  readonly memoryBytes?: number;
}

export function cards(): readonly Card[] {
  const nvidia = query("name,driver_version,memory.total").map(([name, driver, mebibytes]) => ({
    ...{ name: name!, driver: driver!, memoryBytes: Number(mebibytes) * 2 ** 20 },
  }));
  return nvidia.length > 0 ? nvidia : kernelCards();
}

/** What is in use on all NVIDIA cards; undefined without nvidia-smi. */
export function usedBytes(): number | undefined {
  const rows = query("memory.used");
  return rows.length === 0 ? undefined : rows.reduce((sum, [mebibytes]) => sum + Number(mebibytes) * 2 ** 20, 0);
}

function query(fields: string): string[][] {
  try {
    const args = [`--query-gpu=${fields}`, "--format=csv,noheader,nounits"];
    const out = execFileSync("nvidia-smi", args, { stdio: ["ignore", "pipe", "ignore"], timeout: 20_000 });
    return out
      .toString()
      .trim()
      .split("\n")
      .map((line) => line.split(",").map((field) => field.trim()));
  } catch {
    return []; // no such program, or no card that it knows
  }
}

/** PCI names need a database; vendor and device say what to look for. */
function kernelCards(): readonly Card[] {
  const root = "/sys/class/drm";
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .filter((entry) => /^renderD\d+$/.test(entry))
    .map((entry) => {
      const read = (file: string) => readFileSync(`${root}/${entry}/device/${file}`, "utf8").trim();
      try {
        return { name: `${entry}: vendor ${read("vendor")}, device ${read("device")}` };
      } catch {
        return { name: entry }; // not a PCI device
      }
    });
}

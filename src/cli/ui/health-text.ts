/** A health report as lines: what is bad first, then what is worth knowing; many findings of a kind are cut short. */
import type { FindingKind, HealthFinding, HealthReport } from "../../inspect/index.js";
import type { coloursFor } from "./terminal.js";

type Colours = ReturnType<typeof coloursFor>;

const maxOfKind = 6;

export function healthText({ findings }: HealthReport, colours: Colours): string {
  const kinds = new Map<string, HealthFinding[]>();
  for (const finding of findings) {
    const key = `${finding.severity} ${finding.kind}`;
    const found = kinds.get(key);
    if (found) found.push(finding);
    else kinds.set(key, [finding]);
  }
  if (kinds.size === 0)
    return colours.green("✓ nothing to note: all values are finite, no tensor is dead, constant or doubled");
  const lines = [...kinds.values()].flatMap((found) => kindLines(found, colours));
  const isBad = findings.some(({ severity }) => severity === "bad");
  return [...(isBad ? [] : [colours.green("✓ healthy")]), ...lines].join("\n");
}

function kindLines(found: readonly HealthFinding[], { red, yellow, dim }: Colours): string[] {
  const mark = found[0]!.severity === "bad" ? red("✗") : yellow("–");
  const lines = found
    .slice(0, maxOfKind)
    .map(({ message, kind, tensors }) => `${mark} ${message}${names(kind, tensors, dim)}`);
  const rest = found.length - maxOfKind;
  return rest > 0 ? [...lines, dim(`  and ${rest} more of this kind; --json has them all`)] : lines;
}

/** Messages about one tensor name it; those about many end with the first names. */
function names(kind: FindingKind, tensors: readonly string[], dim: Colours["dim"]): string {
  if (tensors.length === 1 || kind === "duplicate") return "";
  const more = tensors.length > 3 ? " …" : "";
  return dim(`: ${tensors.slice(0, 3).join(", ")}${more}`);
}

/** The curves of a calibration as one page without scripts. */
import type { Roc, RocPoint } from "../../guardrails/index.js";

export interface CategoryCurve extends Roc {
  readonly category: string;
  readonly images: number;
  readonly others: number;
  readonly chosen: RocPoint;
}

const side = 260;

export function rocPage(guard: string, curves: readonly CategoryCurve[]): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(guard)}: thresholds</title>
<style>
body { font: 1rem/1.5 system-ui; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; color: #14201f; background: #fbf8f1 }
section { display: inline-block; margin: 0 2rem 2rem 0; vertical-align: top }
h2 { font-size: 1rem; margin: 0 0 .3rem } p { margin: .3rem 0; font-size: .9rem }
svg { background: #fff; border: 1px solid #cfc7b3 } .curve { fill: none; stroke: #0d6b66; stroke-width: 2 }
.chance { stroke: #cfc7b3; stroke-dasharray: 4 4 } circle { fill: #b3401f }
</style></head><body><h1>${escaped(guard)}: what it tells apart</h1>
<p>To the right: harmless pictures that are hit. Upwards: pictures of the category that are. The dot is the chosen threshold.</p>
${curves.map(section).join("\n")}
</body></html>
`;
}

function section({ category, images, others, points, area, chosen }: CategoryCurve): string {
  const at = (falsePositive: number, truePositive: number) =>
    [falsePositive * side, (1 - truePositive) * side].map((value) => value.toFixed(1));
  const path = points.map((point) => at(point.falsePositiveRate, point.truePositiveRate).join(",")).join(" ");
  const [x, y] = at(chosen.falsePositiveRate, chosen.truePositiveRate);
  const threshold = Number.isFinite(chosen.threshold) ? chosen.threshold.toFixed(4) : "none";
  return `<section><h2>${escaped(category)}</h2>
<svg width="${side}" height="${side}" viewBox="0 0 ${side} ${side}" role="img" aria-label="curve of ${escaped(category)}, area ${area.toFixed(3)}">
<line class="chance" x1="0" y1="${side}" x2="${side}" y2="0"/><polyline class="curve" points="${path}"/><circle cx="${x}" cy="${y}" r="4"/></svg>
<p>area ${area.toFixed(4)} · ${images} pictures, ${others} others<br>threshold ${threshold}: ${percent(chosen.truePositiveRate)} hit, ${percent(chosen.falsePositiveRate)} false</p></section>`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

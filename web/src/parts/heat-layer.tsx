/** Where the model looked, as a soft light over the picture: what it did not look at is dimmed. */
import { useEffect, useRef } from "react";
import { type HeatMap, useSightState } from "../sight.js";

export function HeatLayer({ pictureId }: { pictureId: string }) {
  const heat = useSightState((state) => (state.pictureId === pictureId ? state.heat : undefined));
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (heat) paint(canvas.current!, heat);
  }, [heat]);
  if (!heat) return null;
  const { rows, columns, area } = heat;
  const style = {
    left: `${(-area.left / area.width) * 100}%`,
    top: `${(-area.top / area.height) * 100}%`,
    width: `${(columns / area.width) * 100}%`,
    height: `${(rows / area.height) * 100}%`,
  };
  return (
    <div className="heat">
      <canvas ref={canvas} width={columns * softness} height={rows * softness} style={style} />
    </div>
  );
}

/** Pixels of the canvas for each cell, drawn smooth. */
const softness = 8;

/** One pixel a cell, then larger: the browser's bilinear scaling makes it smooth. */
function paint(canvas: HTMLCanvasElement, { rows, columns, values }: HeatMap): void {
  const small = new OffscreenCanvas(columns, rows);
  const pixels = new ImageData(columns, rows);
  for (const [i, value] of values.entries()) pixels.data.set(heatColour(value / 255), 4 * i);
  small.getContext("2d")!.putImageData(pixels, 0, 0);
  const context = canvas.getContext("2d")!;
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
}

/** From a dark veil over amber to almost clear light: readable over any picture, and by its lightness alone. */
const stops = [
  [0, [16, 14, 30, 190]],
  [0.35, [92, 30, 80, 165]],
  [0.7, [236, 120, 40, 120]],
  [1, [255, 226, 120, 70]],
] as const;

function heatColour(share: number): [number, number, number, number] {
  const next = Math.max(
    1,
    stops.findIndex(([at]) => at >= share),
  );
  const [[from, a], [to, b]] = [stops[next - 1]!, stops[next]!];
  const t = (share - from) / (to - from);
  return a.map((x, i) => Math.round(x + (b[i]! - x) * t)) as [number, number, number, number];
}

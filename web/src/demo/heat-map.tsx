/** A picture, dimmed where a model did not look. */
import { useEffect, useRef } from "react";

/** Weights of patches in raster order; `area` is the picture's place among them, in patches. */
export interface Looked {
  readonly rows: number;
  readonly columns: number;
  readonly weights: Float32Array;
  readonly area: { readonly left: number; readonly top: number; readonly width: number; readonly height: number };
}

/** Of the darkest patch, out of 255: what lies below stays recognisable. */
const darkest = 210;

/** Patches become soft: the browser enlarges one pixel a patch to the size of the picture. */
const side = 256;

export function HeatMap({ looked, label }: { looked: Looked; label: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current!.getContext("2d")!;
    const { left, top, width, height } = looked.area;
    context.clearRect(0, 0, side, side);
    context.imageSmoothingQuality = "high";
    context.drawImage(patchesOf(looked), left, top, width, height, 0, 0, side, side);
  }, [looked]);
  return <canvas ref={canvas} className="heat" width={side} height={side} role="img" aria-label={label} />;
}

function patchesOf({ rows, columns, weights }: Looked): HTMLCanvasElement {
  const canvas = Object.assign(document.createElement("canvas"), { width: columns, height: rows });
  const context = canvas.getContext("2d")!;
  const pixels = context.createImageData(columns, rows);
  const largest = Math.max(...weights) || 1;
  for (const [i, weight] of weights.entries()) pixels.data.set([20, 17, 12, darkest * (1 - weight / largest)], 4 * i);
  context.putImageData(pixels, 0, 0);
  return canvas;
}

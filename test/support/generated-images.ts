/** Pictures made of numbers alone, the same on every machine: gradients, waves, boxes and noise in many sizes. */
import type { RgbImage } from "../../src/core/image/spec/index.js";

export function generatedImage(seed: number): RgbImage {
  let state = (seed * 2654435761 + 1) >>> 0;
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const [width, height] = seed % 10 === 0 ? [224, 224] : [32 + random(369), 32 + random(369)];
  const data = new Uint8Array(width * height * 3);
  const [kind, period] = [seed % 4, 3 + random(60)];
  const colours = Array.from({ length: 6 }, () => random(256));
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++) {
        const [from, to] = [colours[c]!, colours[c + 3]!];
        const isOdd = (Math.floor(x / period) + Math.floor(y / period)) % 2 === 1;
        const share = [x / width, (x + y) / (width + height), isOdd ? 1 : 0, random(1000) / 1000][kind]!;
        data[(y * width + x) * 3 + c] = Math.floor(from + (to - from) * share);
      }
  return { width, height, data };
}

/**
 * A picture in text: each character is an upper half block (▀) whose foreground and background are two stacked pixels,
 * so a cell that is twice as high as wide shows two square ones.
 */
import type { RgbImage } from "../../core/image/spec/index.js";

type Rgb = readonly [number, number, number];

/** Lines of `columns` characters; `colourDepth` 24 writes true colour, less the 256-colour cube. */
export function drawHalfBlocks(image: RgbImage, columns: number, colourDepth = 24): string[] {
  const rows = Math.max(1, Math.round((columns * image.height) / image.width / 2));
  const code = colourDepth >= 24 ? trueColour : cubeColour;
  return Array.from({ length: rows }, (_, row) => {
    const cells = Array.from({ length: columns }, (_, column) => {
      const top = meanColour(image, column, 2 * row, columns, 2 * rows);
      const bottom = meanColour(image, column, 2 * row + 1, columns, 2 * rows);
      return `\x1b[38;${code(top)};48;${code(bottom)}m▀`;
    });
    return `${cells.join("")}\x1b[0m`;
  });
}

/** Mean of the pixels under cell (x, y) of a columns × rows grid. */
function meanColour({ width, height, data }: RgbImage, x: number, y: number, columns: number, rows: number): Rgb {
  const [left, right] = span(x, columns, width);
  const [top, bottom] = span(y, rows, height);
  const sum = [0, 0, 0];
  for (let j = top; j < bottom; j++) {
    for (let i = left; i < right; i++) {
      for (let c = 0; c < 3; c++) sum[c]! += data[(j * width + i) * 3 + c]!;
    }
  }
  const count = (right - left) * (bottom - top);
  return [Math.round(sum[0]! / count), Math.round(sum[1]! / count), Math.round(sum[2]! / count)];
}

/** Pixels [from, to) of cell `index`; never empty, also when cells are smaller than pixels. */
function span(index: number, cells: number, pixels: number): [number, number] {
  const from = Math.min(pixels - 1, Math.floor((index * pixels) / cells));
  return [from, Math.max(from + 1, Math.floor(((index + 1) * pixels) / cells))];
}

const trueColour = (rgb: Rgb) => `2;${rgb.join(";")}`;

/** The 6×6×6 cube of xterm's 256 colours, whose levels are 0, 95, 135, 175, 215, 255. */
function cubeColour(rgb: Rgb): string {
  const [r, g, b] = rgb.map((value) => (value < 48 ? 0 : Math.min(5, Math.max(1, Math.round((value - 55) / 40)))));
  return `5;${16 + 36 * r! + 6 * g! + b!}`;
}

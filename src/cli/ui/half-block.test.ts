import { describe, expect, it } from "vitest";
import { drawHalfBlocks } from "./half-block.js";

const image = (width: number, height: number, pixels: number[][]) => ({
  width,
  height,
  data: Uint8Array.from(pixels.flat()),
});
const [red, green, blue, white] = [
  [255, 0, 0],
  [0, 255, 0],
  [0, 0, 255],
  [255, 255, 255],
];

describe("drawHalfBlocks", () => {
  it("puts the upper pixel in the foreground and the lower one in the background", () => {
    expect(drawHalfBlocks(image(2, 2, [red, green, blue, white]), 2)).toEqual([
      "\x1b[38;2;255;0;0;48;2;0;0;255m▀\x1b[38;2;0;255;0;48;2;255;255;255m▀\x1b[0m",
    ]);
  });

  it("averages the pixels that share a cell", () => {
    const four = image(2, 2, [red, red, blue, blue]);
    expect(drawHalfBlocks(four, 1)).toEqual(["\x1b[38;2;255;0;0;48;2;0;0;255m▀\x1b[0m"]);
    const stripes = image(2, 1, [[0, 0, 0], white]);
    expect(drawHalfBlocks(stripes, 1)[0]).toContain("38;2;128;128;128");
  });

  it("keeps the aspect: a cell is twice as high as wide", () => {
    const tall = image(
      2,
      8,
      Array.from({ length: 16 }, () => red),
    );
    expect(drawHalfBlocks(tall, 4)).toHaveLength(8);
    const wide = image(
      100,
      1,
      Array.from({ length: 100 }, () => red),
    );
    expect(drawHalfBlocks(wide, 28)).toHaveLength(1);
  });

  it("falls back to the 256-colour cube", () => {
    expect(drawHalfBlocks(image(1, 2, [red, white]), 1, 8)).toEqual(["\x1b[38;5;196;48;5;231m▀\x1b[0m"]);
  });
});

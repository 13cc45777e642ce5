import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RgbImage } from "../image/spec/index.js";
import { lineInput, lineOf, turnedOver, uprightQuad, uprightSize } from "./line-pixels.js";
import { cornersOf, type Quad } from "./rectangle.js";

const images = fc
  .record({ width: fc.integer({ min: 4, max: 14 }), height: fc.integer({ min: 4, max: 14 }), seed: fc.nat(1000) })
  .map(({ width, height, seed }): RgbImage => {
    const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => ((i + 1) * (seed + 7919)) % 251);
    return { width, height, data };
  });

/** The whole image, as a line whose last pixel is the last of the image. */
const whole = ({ width, height }: RgbImage): Quad => [
  [0, 0],
  [width, 0],
  [width, height],
  [0, height],
];

/** As the networks take it: blue, green, red, from -1 to 1. */
function valueAt({ width, data }: RgbImage, c: number, x: number, y: number): number {
  return Math.fround(data[3 * (y * width + x) + 2 - c]! / 127.5 - 1);
}

function valuesOf(size: { width: number; height: number }, at: (c: number, x: number, y: number) => number): number[] {
  const values: number[] = [];
  for (let c = 0; c < 3; c++)
    for (let y = 0; y < size.height; y++) for (let x = 0; x < size.width; x++) values.push(at(c, x, y));
  return values;
}

describe("the pixels of a line", () => {
  it("are those of the image where nothing is scaled or turned; lines that run down lie on their left side", () => {
    fc.assert(
      fc.property(images, fc.boolean(), (image, isTurned) => {
        const found = lineOf(whole(image));
        const line = isTurned ? turnedOver(found) : found;
        const size = uprightSize(line);
        const { width, height } = image;
        const upright = (x: number, y: number) =>
          (found.turn === "none" ? [x, y] : [width - 1 - y, x]) as [number, number];
        const place = (x: number, y: number) =>
          isTurned ? upright(size.width - 1 - x, size.height - 1 - y) : upright(x, y);
        expect(found.turn === "left").toBe(height >= 1.5 * width);
        expect([...lineInput(image, line, size, size.width)]).toEqual(
          valuesOf(size, (c, x, y) => valueAt(image, c, ...place(x, y))),
        );
      }),
    );
  });

  it("of one colour stay it in any shape and size, and what is padded is zero", () => {
    const image = { width: 30, height: 30, data: new Uint8Array(2700).fill(100) };
    const size = { width: 21, height: 6 };
    const extent = fc.tuple(fc.integer({ min: -20, max: 20 }), fc.integer({ min: 1, max: 30 }));
    const angle = fc.double({ min: -Math.PI, max: Math.PI, noNaN: true });
    fc.assert(
      fc.property(extent, extent, angle, fc.integer({ min: 1, max: 20 }), ([a, length], [b, height], turn, width) => {
        const axis = [Math.cos(turn), Math.sin(turn)] as const;
        const quad = cornersOf({ axis, along: [a, a + length], across: [b, b + height] });
        const values = lineInput(image, lineOf(quad), { width, height: 6 }, 21);
        expect([...values]).toEqual(valuesOf(size, (_, x) => (x < width ? Math.fround(100 / 127.5 - 1) : 0)));
      }),
    );
  });

  it("begin at the top left of the text", () => {
    const quad = whole({ width: 10, height: 40, data: new Uint8Array() });
    const [topLeft, topRight, bottomRight, bottomLeft] = quad;
    expect(uprightQuad(lineOf(quad))).toEqual([topRight, bottomRight, bottomLeft, topLeft]);
    expect(uprightQuad(turnedOver(lineOf(quad)))).toEqual([bottomLeft, topLeft, topRight, bottomRight]);
  });

  it("cost as much as the line that comes out, however large it is in the image", () => {
    const side = 4096;
    const image = { width: side, height: side, data: new Uint8Array(3 * side * side) };
    let reads = 0;
    const get = (target: Uint8Array, name: string) => {
      reads++;
      return Reflect.get(target, name);
    };
    const data = new Proxy(image.data, { get } as ProxyHandler<Uint8Array<ArrayBuffer>>);
    lineInput({ ...image, data }, lineOf(whole(image)), { width: 12, height: 6 }, 12);
    expect(reads).toBeLessThanOrEqual(24 * 12 * 16 * 3); // two columns and two rows for each, of four by four pixels of three bytes
  });
});

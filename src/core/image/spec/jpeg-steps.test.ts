import { readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { decodeImage } from "../node/index.js";
import { jpegLumaSteps } from "./jpeg-steps.js";

/** [ITU-T T.81, table K.1], which encoders take at quality 50. */
const quality50 = [
  [16, 11, 10, 16, 24, 40, 51, 61],
  [12, 12, 14, 19, 26, 58, 60, 55],
  [14, 13, 16, 24, 40, 57, 69, 56],
  [14, 17, 22, 29, 51, 87, 80, 62],
  [18, 22, 37, 56, 68, 109, 103, 77],
  [24, 35, 55, 64, 81, 104, 113, 92],
  [49, 64, 78, 87, 103, 121, 120, 101],
  [72, 92, 95, 98, 112, 100, 103, 99],
].flat();

const picture = () => sharp({ create: { width: 40, height: 24, channels: 3, background: "#c08040" } });
const jpeg = (options = {}) =>
  picture()
    .jpeg({ quality: 50, ...options })
    .toBuffer();

describe("the steps of a JPEG's luma", () => {
  it.each([{}, { progressive: true }, { chromaSubsampling: "4:4:4" }])(
    "are its table, row by row: %o",
    async (options) => {
      expect([...jpegLumaSteps(await jpeg(options))!]).toEqual(quality50);
    },
  );

  it("are read of a grey JPEG, too", async () => {
    expect([...jpegLumaSteps(await picture().greyscale().jpeg({ quality: 50 }).toBuffer())!]).toEqual(quality50);
  });

  it("are read behind padding and from tables of 16 bits", () => {
    const table = [0xff, 0xdb, 0, 2 + 129, 0x10, ...quality50Zigzag().flatMap((step) => [1, step])];
    const frame = [0xff, 0xc0, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0];
    const file = Uint8Array.from([0xff, 0xd8, 0xff, ...table, ...frame]);
    expect([...jpegLumaSteps(file)!]).toEqual(quality50.map((step) => 256 + step));
  });

  it("are none where there is no luma, or no table", async () => {
    const file = await jpeg();
    const adobe = (transform: number) =>
      Buffer.concat([
        file.subarray(0, 2),
        Buffer.from([0xff, 0xee, 0, 14, ..."Adobe".split("").map(code), 0, 100, 0, 0, 0, 0, transform]),
        file.subarray(2),
      ]);
    const red = Buffer.from(file);
    red[file.indexOf(Buffer.from([0xff, 0xc0])) + 10] = code("R");
    expect(jpegLumaSteps(adobe(1))).toBeDefined();
    for (const other of [adobe(0), red, file.subarray(0, 40), await picture().png().toBuffer(), Buffer.alloc(0)])
      expect(jpegLumaSteps(other)).toBeUndefined();
  });
});

describe("a decoded picture tells them", () => {
  it("as they are in it", async () => {
    expect([...(await decodeImage(await jpeg())).lumaSteps!]).toEqual(quality50);
  });

  it("not when it was turned, its colours were changed, or it is no JPEG of luma", async () => {
    const { cmykJpeg } = JSON.parse(readFileSync(join(import.meta.dirname, "../fixtures/pillow.json"), "utf8"));
    const files = [
      await picture().withMetadata({ orientation: 6 }).jpeg().toBuffer(),
      await picture().withIccProfile("p3").jpeg().toBuffer(),
      Buffer.from(cmykJpeg, "base64"),
      await picture().webp().toBuffer(),
    ];
    for (const file of files) expect((await decodeImage(file)).lumaSteps).toBeUndefined();
    expect((await decodeImage(await decodeImage(await jpeg()))).lumaSteps).toBeUndefined(); // as pixels, perhaps painted on
  });
});

const code = (letter: string) => letter.charCodeAt(0);

/** From low to high frequencies along diagonals, as files have them. */
function quality50Zigzag(): number[] {
  const out: number[] = [];
  for (let diagonal = 0; diagonal < 15; diagonal++) {
    const along = Array.from({ length: diagonal + 1 }, (_, i) => [i, diagonal - i] as const).filter(
      ([a, b]) => a < 8 && b < 8,
    );
    if (diagonal % 2 === 0) along.reverse(); // even ones go up
    for (const [row, column] of along) out.push(quality50[row * 8 + column]!);
  }
  return out;
}

/** Boxes and points drawn on their image, for people to look at. */
import { type DecodeOptions, decodeAndDigest, type ImageInput, LoadedImage } from "../loaded/index.js";
import { loadSharp } from "./sharp.js";

interface DrawnPlace {
  readonly label?: string;
  readonly box?: readonly [number, number, number, number];
  readonly point?: readonly [number, number];
}

/** Told apart on most photos, and by most eyes. [Okabe and Ito 2008] */
const colours = ["#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7"];

/** As PNG, of the image's own size. @throws as `decodeImage`. */
export async function drawPlaces(
  input: ImageInput,
  places: readonly DrawnPlace[],
  options: DecodeOptions = {},
): Promise<Uint8Array> {
  const { image } = await decodeAndDigest(await LoadedImage.of(input).take(options), options);
  const { width, height, data } = image;
  const line = Math.max(1, Math.round(Math.max(width, height) / 300));
  const shapes = places.map((place, i) => shape(place, colours[i % colours.length]!, line));
  const overlay = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${shapes.join("")}</svg>`;
  const sharp = await loadSharp();
  return sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: false })
    .composite([{ input: Buffer.from(overlay), top: 0, left: 0 }])
    .png()
    .toBuffer();
}

function shape({ label, box, point }: DrawnPlace, colour: string, line: number): string {
  const stroke = `fill="none" stroke="${colour}" stroke-width="${line}"`;
  const [x, y] = box ?? point ?? [0, 0];
  const name = label === undefined ? "" : text(label, x + line, Math.max(y - 2 * line, 8 * line), colour, line);
  if (!box) return `<circle cx="${x}" cy="${y}" r="${4 * line}" ${stroke}/>${name}`;
  return `<rect x="${x}" y="${y}" width="${box[2] - x}" height="${box[3] - y}" ${stroke}/>${name}`;
}

function text(words: string, x: number, y: number, colour: string, line: number): string {
  const escaped = words.replace(/[\p{Cc}\p{Cs}]/gu, " ").replace(/[<>&"']/g, (char) => `&#${char.charCodeAt(0)};`);
  const font = `font-family="sans-serif" font-size="${8 * line}"`;
  return `<text x="${x}" y="${y}" ${font} fill="${colour}" stroke="#000" stroke-width="${line / 2}" paint-order="stroke">${escaped}</text>`;
}

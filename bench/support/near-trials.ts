/**
 * What near reuse is tried on: a picture's harmless variants against it, and pictures with one thing changed, encoded again in several
 * ways, against the picture, against variants of it, and the other way round.
 */
import sharp, { type Sharp } from "sharp";
import { decodeImage } from "../../src/core/image/node/index.js";
import { changes, drawScene, type Kind, randomNumbers } from "./near-scenes.js";

export interface Raw {
  readonly raw: Buffer;
  readonly width: number;
  readonly height: number;
}

/** Files by what was done to the picture. */
type Files = readonly (readonly [name: string, file: Buffer])[];

export interface Trials {
  readonly original: Buffer;
  readonly harmless: Files;
  readonly hard: readonly HardTrial[];
}

export interface HardTrial {
  readonly change: string;
  /** Which of the two is kept, and as what. */
  readonly how: string;
  readonly kept: Buffer;
  readonly asked: Buffer;
}

/** One seed's scene of a kind. */
export async function drawnTrials(kind: Kind, seed: number): Promise<Trials> {
  const scene = await drawScene(kind, seed);
  const others: [string, Raw][] = [];
  for (const change of changes) {
    const other = await drawScene(kind, seed, change);
    if (!other.rgb.equals(scene.rgb)) others.push([change, { ...other, raw: other.rgb }]); // else: no badge to move
  }
  return trialsOf({ ...scene, raw: scene.rgb }, others, seed);
}

/** @param others the same scene with one thing changed, by what. */
export async function trialsOf(base: Raw, others: readonly (readonly [string, Raw])[], seed: number): Promise<Trials> {
  const original = await encode(base).png().toBuffer();
  const harmless = await variants(base, seed);
  const hard: HardTrial[] = [];
  for (const [change, other] of others) {
    const isShown = survives(base, other, seed);
    const disguised = (await disguises(other, seed)).filter(([name]) => isShown || !name.startsWith("crop"));
    for (const [, asked] of disguised) hard.push({ change, how: "picture kept", kept: original, asked });
    // two of each, in turn: all pairs come up over the seeds
    for (const turn of [seed, seed + 7]) {
      const variant = harmless[turn % harmless.length]![1];
      const disguise = disguised[turn % disguised.length]![1];
      hard.push({ change, how: "variant kept", kept: variant, asked: disguise });
      hard.push({ change, how: "other way round", kept: disguise, asked: variant });
    }
  }
  return { original, harmless, hard };
}

export async function rawOf(url: string): Promise<Raw> {
  const { width, height, data } = await decodeImage(
    new Uint8Array(Buffer.from(url.slice(url.indexOf(",") + 1), "base64")),
  );
  return { raw: Buffer.from(data), width, height };
}

function encode({ raw, width, height }: Raw): Sharp {
  return sharp(raw, { raw: { width, height, channels: 3 } });
}

async function variants(base: Raw, seed: number): Promise<Files> {
  return files({
    ...Object.fromEntries([40, 55, 75, 95].map((quality) => [`JPEG ${quality}`, encode(base).jpeg({ quality })])),
    ...Object.fromEntries([50, 80].map((quality) => [`WebP ${quality}`, encode(base).webp({ quality })])),
    ...Object.fromEntries([0.5, 0.75, 1.5, 2].map((by) => [`resize ${by}`, resized(base, by).png()])),
    ...Object.fromEntries([0.01, 0.02].map((by) => [`crop ${100 * by} %`, cropped(base, by, seed).png()])),
    ...Object.fromEntries([0.9, 1.1].map((by) => [`light × ${by}`, encode(base).linear(by, 0).png()])),
    "crop, JPEG 75": cropped(base, 0.02, seed + 1).jpeg({ quality: 75 }),
  });
}

/** What a changed picture comes as: nothing of that makes it the unchanged one. */
async function disguises(changed: Raw, seed: number): Promise<Files> {
  const smaller = await asRaw(resized(changed, 0.75));
  return files({
    "as it is": encode(changed).png(),
    "JPEG 75": encode(changed).jpeg({ quality: 75 }),
    "JPEG 40": encode(changed).jpeg({ quality: 40 }),
    "crop, WebP 80": cropped(changed, 0.02, seed).webp({ quality: 80 }),
    "smaller, darker, JPEG 85": encode(smaller).linear(0.95, 0).jpeg({ quality: 85 }),
    "resize 0.5": resized(changed, 0.5).png(),
  });
}

async function files(made: Readonly<Record<string, Sharp>>): Promise<Files> {
  return Promise.all(Object.entries(made).map(async ([name, image]) => [name, await image.toBuffer()] as const));
}

async function asRaw(image: Sharp): Promise<Raw> {
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  return { raw: data, width: info.width, height: info.height };
}

function resized(base: Raw, by: number): Sharp {
  return encode(base).resize({ width: Math.round(base.width * by) });
}

/** Whether the crop of a changed picture still shows a fifth of what was changed: otherwise it is the unchanged one's crop. */
function survives(base: Raw, changed: Raw, seed: number): boolean {
  const { left, top, width, height } = cropOf(base, 0.02, seed);
  let [all, inside] = [0, 0];
  for (let i = 0; i < base.width * base.height; i++) {
    if (base.raw.compare(changed.raw, 3 * i, 3 * i + 3, 3 * i, 3 * i + 3) === 0) continue;
    const [x, y] = [(i % base.width) - left, Math.floor(i / base.width) - top];
    all++;
    if (x >= 0 && x < width && y >= 0 && y < height) inside++;
  }
  return inside >= all / 5;
}

function cropped(base: Raw, by: number, seed: number): Sharp {
  return encode(base).extract(cropOf(base, by, seed));
}

/** So much of each side is lost, shared at random between its two edges. */
function cropOf(base: Raw, by: number, seed: number) {
  const random = randomNumbers(seed);
  const [lostX, lostY] = [Math.round(base.width * by), Math.round(base.height * by)];
  const [left, top] = [Math.floor(random() * (lostX + 1)), Math.floor(random() * (lostY + 1))];
  return { left, top, width: base.width - lostX, height: base.height - lostY };
}

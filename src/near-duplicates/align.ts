/**
 * How one picture is in another and how its light differs: for each axis a scale and a start, for all of it a gain and an offset,
 * found on ever finer levels by least squares on the differences [Lucas, Kanade, IJCAI 1981; coarse to fine: Bouguet 2000;
 * robust weights: Black, Anandan, CVIU 63(1), 1996, so that what changed in the picture does not pull at what did not].
 */
import { LeastSquares } from "./least-squares.js";
import { bicubic, type FrameMap, halved, type Kernel, lanczos, type Plane, resample, whole } from "./plane.js";

export interface Alignment {
  /** Where the picture's frame lies on the kept one's. */
  readonly map: FrameMap;
  /** The frame is by half a pixel not where it may have been laid on purpose: see `exactMaps`. */
  readonly isBetween: boolean;
  /** What it was resampled with, as far as that shows. */
  readonly kernel: Kernel;
  /** The picture's luma is gain · kept + offset, cut to 0…255. */
  readonly gain: number;
  readonly offset: number;
}

/** A shift of 2 % is less than a pixel here: steps of least squares find their way from nothing. */
const coarsestSide = 40;
const numSteps = 4;
/** Six numbers for all of a picture are known from these as well as from all pixels. */
const mostSamples = 20_000;
const numUnknowns = 6;

/** @param picture luma of the picture. @param kept luma of the kept one, of any size. */
export function align(image: Plane, kept: Plane): Alignment {
  const levels = levelsOf(image);
  const begin = beginning(image, kept);
  let found: Alignment = {
    map: begin ?? likeliestCrop(levels[0]!, near(kept, levels[0]!)),
    isBetween: true,
    kernel: bicubic,
    ...asItWas,
  };
  for (const level of begin ? levels.slice(-1) : levels) {
    const source = near(kept, level);
    for (let step = 0; step < numSteps; step++) {
      const next = improved(level, source, found);
      const moved = distance(next.map, found.map);
      found = next;
      if (moved * Math.max(level.width, level.height) < 0.02) break;
    }
  }
  const exact = exactMaps(image, kept, found.map);
  const likely = likeliest(
    [...exact, found.map].map((map) => ({ ...found, map })),
    image,
    kept,
  );
  return { ...likeliest([likely, { ...likely, kernel: lanczos }], image, kept), isBetween: exact.length === 0 };
}

/** Light. */
const asItWas = { gain: 1, offset: 0 };

/** Correlation from which a place needs no search from coarse to fine, which lines of print could lead to their neighbours. */
const isPlain = 0.8;
/** A crop of 2 %, rounded. */
const leastOfKept = 0.975;

/** All of the kept picture, or a crop of its own pixels, where the picture is plainly that. */
function beginning(image: Plane, kept: Plane): FrameMap | undefined {
  const isPart = (side: number, of: number) => side <= of && side >= leastOfKept * of - 1;
  if (isPart(image.width, kept.width) && isPart(image.height, kept.height)) return pixelCrop(image, kept);
  const { data } = resample(kept, image.width, image.height, whole);
  return correlation(image.data, (i) => data[i]!) > isPlain ? whole : undefined;
}

function pixelCrop(image: Plane, kept: Plane): FrameMap | undefined {
  let [likeliest, map]: [number, FrameMap | undefined] = [isPlain, undefined];
  for (let top = 0; top <= kept.height - image.height; top++)
    for (let left = 0; left <= kept.width - image.width; left++) {
      const first = top * kept.width + left;
      const beyond = kept.width - image.width;
      const at = (i: number) => kept.data[first + i + Math.floor(i / image.width) * beyond]!;
      const likeness = correlation(image.data, at);
      if (likeness <= likeliest) continue;
      likeliest = likeness;
      map = {
        x: { start: left / kept.width, scale: image.width / kept.width },
        y: { start: top / kept.height, scale: image.height / kept.height },
      };
    }
  return map;
}

/** Where least squares begin otherwise: of crops up to 2 % the one most like the picture. */
function likeliestCrop(image: Plane, kept: Plane): FrameMap {
  const maps = crops.flatMap((x) => crops.map((y) => ({ x, y })));
  const likeness = maps.map((map) => {
    const { data } = resample(kept, image.width, image.height, map);
    return correlation(image.data, (i) => data[i]!);
  });
  return maps[likeness.indexOf(Math.max(...likeness))]!;
}

const crops: readonly FrameMap["x"][] = [0, 0.01, 0.02].flatMap((lost) =>
  lost === 0 ? [whole.x] : [0, lost / 2, lost].map((start) => ({ start, scale: 1 - lost })),
);

/** Two pictures of all but the same content correlate alike in these as in all pixels. */
const mostCompared = 4000;

function correlation(a: Float32Array, b: (i: number) => number): number {
  let [n, sumA, sumB, squaresA, squaresB, products] = [0, 0, 0, 0, 0, 0];
  const stride = Math.ceil(a.length / mostCompared) | 1;
  for (let i = 0; i < a.length; i += stride, n++) {
    const [x, y] = [a[i]!, b(i)];
    sumA += x;
    sumB += y;
    squaresA += x * x;
    squaresB += y * y;
    products += x * y;
  }
  const covariance = products - (sumA * sumB) / n;
  return covariance / Math.sqrt(1e-9 + (squaresA - sumA ** 2 / n) * (squaresB - sumB ** 2 / n));
}

/**
 * What the frame that was found to a hundredth of a pixel may be exactly: a crop of the kept picture's own pixels, or all of it,
 * perhaps with sides in its own ratio whatever rounding to pixels made of them.
 */
function exactMaps(image: Plane, kept: Plane, found: FrameMap): FrameMap[] {
  const onPixels = ({ start }: FrameMap["x"], side: number, from: number) => ({
    start: Math.round(start * from) / from,
    scale: side / from,
  });
  const crop = { x: onPixels(found.x, image.width, kept.width), y: onPixels(found.y, image.height, kept.height) };
  const ratio = (image.height * kept.width) / (image.width * kept.height);
  const inRatio = [
    { x: whole.x, y: centered(ratio) },
    { x: centered(1 / ratio), y: whole.y },
  ];
  return [crop, whole, ...inRatio].filter((map) => distanceIn(map, found, image) < 0.5);
}

function centered(scale: number): FrameMap["x"] {
  return { scale, start: (1 - scale) / 2 };
}

/** The one that leaves least, perhaps with the light left as it was. */
function likeliest(alignments: readonly Alignment[], image: Plane, kept: Plane): Alignment {
  let [least, likeliest] = [Number.POSITIVE_INFINITY, alignments[0]!];
  for (const alignment of alignments) {
    const { data } = resample(kept, image.width, image.height, alignment.map, alignment.kernel);
    for (const { gain, offset } of [alignment, asItWas]) {
      let sum = 0;
      for (let i = 0; i < data.length; i++)
        sum += Math.abs(image.data[i]! - Math.min(255, Math.max(0, gain * data[i]! + offset)));
      if (sum < least) [least, likeliest] = [sum, { ...alignment, gain, offset }];
    }
  }
  return likeliest;
}

/** Coarsest first. */
function levelsOf(image: Plane): Plane[] {
  const levels = [image];
  for (let last = image; Math.max(last.width, last.height) > coarsestSide; levels.unshift(last)) last = halved(last);
  return levels.filter(({ width, height }) => Math.min(width, height) >= 8);
}

/** Halved while it is more than twice as large as the level. */
function near(kept: Plane, level: Plane): Plane {
  let plane = kept;
  while (plane.width > 1.9 * level.width && plane.height > 1.9 * level.height) plane = halved(plane);
  return plane;
}

/** In pixels. */
function distanceIn(a: FrameMap, b: FrameMap, { width, height }: Plane): number {
  return distance(a, b) * Math.max(width, height);
}

function distance(a: FrameMap, b: FrameMap): number {
  const axis = (p: FrameMap["x"], q: FrameMap["x"]) =>
    Math.max(Math.abs(p.start - q.start), Math.abs(p.start + p.scale - q.start - q.scale));
  return Math.max(axis(a.x, b.x), axis(a.y, b.y));
}

/** One step of least squares. */
function improved(image: Plane, kept: Plane, { map, gain, offset, ...rest }: Alignment): Alignment {
  const { width, height } = image;
  const shown = resample(kept, width, height, map).data;
  const system = new LeastSquares(numUnknowns);
  const row = new Float64Array(numUnknowns);
  const scale = spread(image.data, shown, gain, offset);
  const stride = Math.ceil((width * height) / mostSamples) | 1; // odd: a picture's rows are of even length
  for (let i = width + 1; i < width * (height - 1); i += stride) {
    const [x, y] = [i % width, Math.floor(i / width)];
    const predicted = gain * shown[i]! + offset;
    if (x === 0 || x === width - 1 || predicted <= 2 || predicted >= 253) continue; // cut off: says nothing of light, and its edges lie
    const residual = image.data[i]! - predicted;
    const dx = (gain * (shown[i + 1]! - shown[i - 1]!) * width) / 2 / map.x.scale;
    const dy = (gain * (shown[i + width]! - shown[i - width]!) * height) / 2 / map.y.scale;
    row[0] = (dx * (x + 0.5)) / width;
    row[1] = dx;
    row[2] = (dy * (y + 0.5)) / height;
    row[3] = dy;
    row[4] = shown[i]!;
    row[5] = 1;
    system.add(row, residual, 1 / (1 + (residual / scale) ** 2));
  }
  const [sx, bx, sy, by, dGain, dOffset] = system.solution();
  return {
    ...rest,
    map: {
      x: { scale: map.x.scale + sx!, start: map.x.start + bx! },
      y: { scale: map.y.scale + sy!, start: map.y.start + by! },
    },
    gain: gain + dGain!,
    offset: offset + dOffset!,
  };
}

/** What differences are usual: beyond a few of these a pixel hardly counts. */
function spread(image: Float32Array, shown: Float32Array, gain: number, offset: number): number {
  let sum = 0;
  let count = 0;
  const stride = Math.max(1, Math.floor(image.length / 10_000));
  for (let i = 0; i < image.length; i += stride, count++)
    sum += Math.abs(image[i]! - Math.min(255, Math.max(0, gain * shown[i]! + offset)));
  return 1 + (2 * sum) / count;
}

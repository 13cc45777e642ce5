/**
 * Coordinates that a model wrote → pixels of the image that was sent. What the model saw was scaled to a frame, perhaps cut into
 * tiles of it; families count in thousandths of the whole image, or in pixels of the frame. Pixels are those of the upright image, as
 * viewers and browsers show it; `storedPoint` has those of the file's own rows, where EXIF says that these are to be turned.
 */
export interface PixelSize {
  readonly width: number;
  readonly height: number;
}

/** How a family counts: in thousandths of the image's sides, or in pixels of the image as it was scaled for the encoder. */
export type PlaceUnit = "thousandths" | "scaled_pixels";

/** [x, y] */
export type Point = readonly [number, number];
/** [left, top, right, bottom] */
export type Box = readonly [number, number, number, number];

/** A point of the image, within it. */
export function imagePoint([x, y]: Point, unit: PlaceUnit, scaled: PixelSize, image: PixelSize): Point {
  const frame = unit === "thousandths" ? { width: 1000, height: 1000 } : scaled;
  return [within(x / frame.width) * image.width, within(y / frame.height) * image.height];
}

function within(share: number): number {
  return Math.min(1, Math.max(0, share));
}

/** The box around some points. */
export function boxAround(points: readonly Point[]): Box {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

/**
 * Where a point of the upright image is in the rows that the file stores. [Exif 2.3, tag 0x0112: 1 to 8]
 * @param upright the size as it is shown
 */
export function storedPoint([x, y]: Point, { width, height }: PixelSize, orientation: number): Point {
  const [right, below] = [width - x, height - y];
  const turned: readonly Point[] = [
    ...([
      [x, y],
      [right, y],
      [right, below],
      [x, below],
    ] satisfies Point[]),
    ...([
      [y, x],
      [y, right],
      [below, right],
      [below, x],
    ] satisfies Point[]),
  ];
  return turned[orientation - 1] ?? [x, y];
}

/** The size as it is shown of a file whose rows are to be turned so. */
export function uprightSize({ width, height }: PixelSize, orientation: number): PixelSize {
  return orientation >= 5 && orientation <= 8 ? { width: height, height: width } : { width, height };
}

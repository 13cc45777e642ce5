/**
 * Where an answer says that things are: its boxes and points in pixels of the image that was sent (docs/places.md). How a family counts
 * says its own contract; what it wrote is read by processor/written-places.ts. With `citeFields` each leaf of a JSON answer is asked
 * for with its box, and the answer is given without them.
 */
import { fileLimits, OcellusError, parseJson } from "../base/index.js";
import { citedSchema, type Fields, type ResponseFormat, uncitedPointer, withoutCitations } from "../grammar/index.js";
import {
  type Box,
  boxAround,
  imagePoint,
  type PixelSize,
  type PlaceUnit,
  type Point,
  storedPoint,
  uprightSize,
} from "../image/spec/index.js";
import type { AnyFamily } from "../models/index.js";
import { type ImageSpec, type Prompt, writtenPlaces } from "../processor/portable.js";

/** One of `box` and `point`, in pixels of the upright image, as viewers show it. */
export interface FoundPlace {
  readonly label?: string;
  /** JSON pointer of the value that stands there, with `citeFields`. */
  readonly field?: string;
  /** [left, top, right, bottom] */
  readonly box?: Box;
  /** [x, y] */
  readonly point?: Point;
  /** The same in the rows that the file stores, where EXIF says that they are to be turned. */
  readonly stored?: { readonly box?: Box; readonly point?: Point };
}

/** The image that the places of an answer are in. */
export class PlacesReader {
  readonly #unit: PlaceUnit;
  readonly #scaled: PixelSize;
  readonly #size: PixelSize;
  readonly #orientation: number;

  /** @throws `unsupported` for a family that writes no places, `invalid_request` where no image, or several, could be meant. */
  constructor(
    { modelType, about }: Pick<AnyFamily, "modelType" | "about">,
    { images }: Pick<Prompt, "images">,
    imageSpec: Pick<ImageSpec, "imageProcessor"> | undefined,
  ) {
    const { places: unit } = about;
    if (unit === undefined || !imageSpec)
      throw new OcellusError(
        "unsupported",
        `boxes: models of type ${modelType} have no published way to write boxes; docs/places.md lists those that have`,
        { details: { param: "boxes", modelType } },
      );
    const [image] = images;
    if (images.length !== 1 || !image?.size || image.pair)
      throw new OcellusError("invalid_request", `boxes: expected one image in the question, found ${images.length}`, {
        details: { param: "boxes", expected: 1, found: images.length },
      });
    const { rows, columns } = image.grid;
    const { patchSize } = imageSpec.imageProcessor;
    const { orientation = 1 } = image.size;
    this.#unit = unit;
    this.#orientation = orientation;
    this.#size = uprightSize(image.size, orientation);
    this.#scaled = { width: columns * patchSize, height: rows * patchSize };
  }

  /** The largest coordinate that the family writes of this image. */
  get most(): number {
    return this.#unit === "thousandths" ? 1000 : Math.max(this.#scaled.width, this.#scaled.height);
  }

  inText(text: string): FoundPlace[] {
    return writtenPlaces(text).map(({ kind, points, label }) => ({
      ...(label !== undefined && { label }),
      ...this.#placed(kind, points),
    }));
  }

  ofField(field: string, [left, top, right, bottom]: readonly number[]): FoundPlace {
    return {
      field,
      ...this.#placed("box", [
        [left!, top!],
        [right!, bottom!],
      ]),
    };
  }

  #placed(kind: "box" | "point", points: readonly Point[]): FoundPlace {
    const found = points.map((point) => imagePoint(point, this.#unit, this.#scaled, this.#size));
    if (this.#orientation === 1) return shapeOf(kind, found);
    const stored = found.map((point) => storedPoint(point, this.#size, this.#orientation));
    return { ...shapeOf(kind, found), stored: shapeOf(kind, stored) };
  }
}

function shapeOf(kind: "box" | "point", points: readonly Point[]): Pick<FoundPlace, "box" | "point"> {
  return kind === "box" ? { box: boxAround(points) } : { point: points[0]! };
}

interface CitedOptions {
  readonly responseFormat?: ResponseFormat;
  readonly sampling?: { readonly logprobs?: boolean };
}

/** The schema with a box for each leaf. @throws `invalid_request` without a JSON schema, and beside `logprobs`. */
export function citedFormat(
  { responseFormat: format, sampling }: CitedOptions,
  { most }: PlacesReader,
): ResponseFormat {
  if (sampling?.logprobs)
    throw new OcellusError(
      "invalid_request",
      "logprobs: expected none beside cite_fields, whose tokens spell the boxes too; leave one of them out, or ask for fields",
      { details: { param: "logprobs", beside: "cite_fields" } },
    );
  if (format?.type === "json_schema") return { ...format, schema: citedSchema(format.schema, most) };
  throw new OcellusError(
    "invalid_request",
    `cite_fields: expected a JSON answer by a schema, found the format ${format?.type ?? "text"}; give response_format a json_schema`,
    { details: { param: "cite_fields", expected: "json_schema", found: format?.type ?? "text" } },
  );
}

interface PlacedEnd {
  readonly boxes: readonly FoundPlace[];
  readonly fields?: Fields;
}

/** Of a cited answer: its text without the boxes. One that was cut short stays as it is, without places. */
export function citedAnswer(
  text: string,
  reader: PlacesReader,
  fields: Fields | undefined,
): PlacedEnd & { text: string } {
  try {
    const { text: plain, boxes } = withoutCitations(parseJson(text, fileLimits));
    const found = boxes.map(({ pointer, numbers }) => reader.ofField(pointer, numbers));
    return {
      text: plain,
      boxes: found,
      ...(fields && { fields: fieldsOfValues(fields, new Set(boxes.map(({ pointer }) => pointer))) }),
    };
  } catch {
    return { text, boxes: [], ...(fields && { fields: {} }) };
  }
}

/** By the pointers of the answer without boxes. */
function fieldsOfValues(fields: Fields, cited: ReadonlySet<string>): Fields {
  const placed = Object.entries(fields).map(([pointer, field]) => [uncitedPointer(pointer, cited), field] as const);
  return Object.fromEntries(placed.filter(([pointer]) => pointer !== undefined));
}

/** How images are scaled: sides to multiples of `block`, the area between two bounds. */
export interface ImageResize {
  readonly block: number;
  readonly minPixels: number;
  readonly maxPixels: number;
}

/** How images are scaled for a family that counts in scaled pixels, for clients that write places; nothing of others. */
export function resizeOf(
  { about }: Pick<AnyFamily, "about">,
  imageProcessor: ImageSpec["imageProcessor"] | undefined,
): { readonly resize?: ImageResize } {
  if (about.places !== "scaled_pixels" || imageProcessor?.kind !== "smart_resize") return {};
  const { patchSize, mergeSize, minPixels, maxPixels } = imageProcessor;
  return { resize: { block: patchSize * mergeSize, minPixels, maxPixels } };
}

/** What an answer is asked of zooming, and says of it (zoom.ts); apart, since the options and the end of every answer have it. */
import type { Box } from "../image/spec/index.js";

export interface ZoomOptions {
  /** Fields with a probability below it are asked again. Default 0.9. */
  readonly threshold?: number;
  /** Most further questions of one answer, each about one part of the image. Default 3. */
  readonly maxQuestions?: number;
}

/** A field that was asked again. */
export interface ZoomedField {
  /** JSON pointer. */
  readonly field: string;
  /** The part of the image that was shown, in pixels of the upright image. */
  readonly region: Box;
  /** Why that part: the field's own box, where the vision encoder looks, or the whole image, since neither is known. */
  readonly by: "box" | "attention" | "image";
  readonly before: ZoomedValue;
  /** Absent: the second answer has no such field, or was stopped. */
  readonly after?: ZoomedValue;
  readonly kept: "before" | "after";
}

interface ZoomedValue {
  readonly value: unknown;
  readonly probability: number;
}

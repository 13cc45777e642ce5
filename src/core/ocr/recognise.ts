/**
 * What one line says: sizes, thresholds and the order of symbols as PaddleOCR has them for PP-OCRv4 (tools/infer/predict_cls.py and
 * predict_rec.py; ppocr/postprocess/rec_postprocess.py). Each line is read by itself, so that it reads the same in any company.
 */
import type { PixelSize } from "../image/spec/index.js";

const height = 48;
/** What is narrower is padded. */
const minWidth = 320;
/** What is wider is squeezed: some 150 letters, and the time of a line is bounded. [PaddleOCR 3, MAX_IMG_W] */
const maxWidth = 3200;
const classifierWidth = 192;

export interface LineFrame {
  readonly size: PixelSize;
  readonly padded: number;
}

/** @param upright the line as it is read */
export function recogniserFrame(upright: PixelSize): LineFrame {
  const natural = (height * upright.width) / upright.height;
  const padded = Math.min(maxWidth, Math.max(minWidth, Math.trunc(natural)));
  return { size: { width: Math.min(padded, Math.ceil(natural)), height }, padded };
}

export function classifierFrame(upright: PixelSize): LineFrame {
  const natural = Math.ceil((height * upright.width) / upright.height);
  return { size: { width: Math.min(classifierWidth, natural), height }, padded: classifierWidth };
}

/** Below this certainty a line is left as it stands. */
const turnThreshold = 0.9;

/** @param probabilities of standing upright and upside down */
export function isUpsideDown([upright = 0, turned = 0]: Float32Array): boolean {
  return turned > upright && turned > turnThreshold;
}

export interface ReadLine {
  readonly text: string;
  /** From 0 to 1: the mean of its characters' probabilities; 0 for no text. */
  readonly score: number;
}

/**
 * Probability of a space anywhere between two characters from which on one is written. These networks are rarely sure of one: of 324
 * spaces a half finds 274, a tenth 306, and neither has any too many in 1992 gaps without one (test/golden/ocr/spaces.py).
 */
const spaceThreshold = 0.1;

/**
 * Connectionist temporal classification, the best symbol of each step: repeats are one, and nothing (symbol 0) parts them. [Graves 2006]
 * @param symbols the last is the space
 */
export function decodeSteps(probabilities: Float32Array, symbols: readonly string[]): ReadLine {
  const space = symbols.length - 1;
  let [text, sum, count, before, noSpace] = ["", 0, 0, 0, 1];
  for (let start = 0; start < probabilities.length; start += symbols.length) {
    const best = likeliest(probabilities, start, symbols.length);
    if (best === 0 || best === space) noSpace *= 1 - probabilities[start + space]!;
    else if (best !== before) {
      if (count > 0 && 1 - noSpace > spaceThreshold) text += " ";
      text += symbols[best];
      sum += probabilities[start + best]!;
      count++;
      noSpace = 1;
    }
    before = best;
  }
  return { text, score: count === 0 ? 0 : sum / count };
}

function likeliest(probabilities: Float32Array, start: number, count: number): number {
  let best = 0;
  for (let i = 1; i < count; i++) if (probabilities[start + i]! > probabilities[start + best]!) best = i;
  return best;
}

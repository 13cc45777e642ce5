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

/** Connectionist temporal classification, the best symbol of each step: repeats are one, and nothing (symbol 0) parts them. [Graves 2006] */
export function decodeSteps(probabilities: Float32Array, symbols: readonly string[]): ReadLine {
  const numSymbols = symbols.length;
  let [text, sum, count, before] = ["", 0, 0, 0];
  for (let start = 0; start < probabilities.length; start += numSymbols) {
    let best = 0;
    for (let i = 1; i < numSymbols; i++) if (probabilities[start + i]! > probabilities[start + best]!) best = i;
    if (best !== 0 && best !== before) {
      text += symbols[best];
      sum += probabilities[start + best]!;
      count++;
    }
    before = best;
  }
  return { text, score: count === 0 ? 0 : sum / count };
}

/**
 * The text of a PDF page as pieces of lines with their boxes: what stands on one baseline without a wide gap, in the order in
 * which the file draws it. Boxes are in points from the top left corner of the page as viewers show it, turned and cropped.
 */
import type { Box, Point } from "../image/spec/index.js";
import { type Pdfium, type PdfiumPage, type Pointer, withinPage, withMemory } from "./pdf-module.js";

export interface PdfLine {
  /** A hyphen that only divides a word at the line's end is U+00AD. */
  readonly text: string;
  readonly box: Box;
  /** Height of the type in points. */
  readonly size: number;
  readonly isBold: boolean;
  /** All letters have one width, as in code. */
  readonly isMono: boolean;
  /** Written in another direction than from left to right, such as along the margin. */
  readonly isTurned: boolean;
}

export interface PdfText {
  /** Points, as viewers show the page. */
  readonly width: number;
  readonly height: number;
  readonly lines: readonly PdfLine[];
  /** Share of the page that its images cover. */
  readonly imageShare: number;
  readonly numObjects: number;
  /** Share of the characters whose meaning the file does not tell. */
  readonly unknownShare: number;
  /** There is more text than is read of one page. */
  readonly isCut: boolean;
}

/** A page of a newspaper has 30,000; a page with more was made to take long. */
export const maxCharacters = 200_000;
const maxLines = 20_000;
const maxObjects = 20_000;
/** Shares of the size of the type: what separates two pieces of a line, and what is a step back. */
const [wideGap, stepBack] = [1, 0.5];
/** Of the length of a direction: text this far from level is turned. */
const slant = 0.2;
const imageType = 3;
const maxFontName = 128;
/** Flags of a font [ISO 32000-2, 9.8.2]. */
const [fixedPitch, forceBold] = [1, 1 << 18];

export function textOf(page: PdfiumPage): PdfText {
  const { module, pageIdx } = withinPage(page);
  const { originalWidth: width, originalHeight: height } = page.getOriginalSize();
  const view = viewOf(module, pageIdx, width, height);
  const textPage = module._FPDFText_LoadPage(pageIdx);
  try {
    const reader = new CharacterReader(module, textPage, view);
    const { lines, numUnknown, numSeen } = readLines(reader);
    const isCut = lines.length >= maxLines || module._FPDFText_CountChars(textPage) > maxCharacters;
    const { imageShare, numObjects } = objectsOf(module, pageIdx, view, width * height);
    const unknownShare = numUnknown / Math.max(1, numSeen);
    return { width, height, lines, imageShare, numObjects, unknownShare, isCut };
  } finally {
    module._FPDFText_ClosePage(textPage);
  }
}

/** From the page's own coordinates to those of its view. */
type View = (x: number, y: number) => Point;

/** PDFium gives whole numbers: of a large device, so that the rest is small. */
function viewOf(module: Pdfium, page: Pointer, width: number, height: number): View {
  const fine = 1000;
  const toView = (x: number, y: number): Point =>
    withMemory(module, 8, (at) => {
      const device = [0, 0, Math.round(width * fine), Math.round(height * fine), 0];
      module._FPDF_PageToDevice(page, ...device, x, y, at, at + 4);
      return [module.HEAP32[at / 4]! / fine, module.HEAP32[at / 4 + 1]! / fine];
    });
  const [x0, y0] = toView(0, 0);
  const [xx, yx] = toView(1000, 0).map((value, i) => (value - [x0, y0][i]!) / 1000) as [number, number];
  const [xy, yy] = toView(0, 1000).map((value, i) => (value - [x0, y0][i]!) / 1000) as [number, number];
  return (x, y) => [x0 + xx * x + xy * y, y0 + yx * x + yy * y];
}

function boxIn(view: View, left: number, top: number, right: number, bottom: number): Box {
  const [[x1, y1], [x2, y2]] = [view(left, top), view(right, bottom)];
  return [Math.min(x1, x2), Math.min(y1, y2), Math.max(x1, x2), Math.max(y1, y2)];
}

interface Character {
  readonly text: string;
  readonly box: Box;
  readonly style: Style;
  readonly isUnknown: boolean;
}

interface Style {
  readonly size: number;
  readonly isBold: boolean;
  readonly isMono: boolean;
  readonly isTurned: boolean;
}

/** The characters of a page in the file's order; a text object's style is read once. */
class CharacterReader {
  readonly #module: Pdfium;
  readonly #textPage: Pointer;
  readonly #view: View;
  #object: Pointer = -1;
  #style: Style = { size: 0, isBold: false, isMono: false, isTurned: false };

  constructor(module: Pdfium, textPage: Pointer, view: View) {
    this.#module = module;
    this.#textPage = textPage;
    this.#view = view;
  }

  /** Undefined where a line ends. White space has no style of its own. */
  *characters(): Generator<Character | " " | undefined> {
    const [module, textPage] = [this.#module, this.#textPage];
    const count = Math.min(maxCharacters, module._FPDFText_CountChars(textPage));
    for (let i = 0; i < count; i++) {
      const code = module._FPDFText_GetUnicode(textPage, i);
      const text = code === 0 ? "" : String.fromCodePoint(code);
      if (text === "\n" || text === "\r") yield undefined;
      else if (/^[\s\u00a0]$/.test(text)) yield " ";
      else if (text !== "") yield this.#character(i, text);
    }
  }

  #character(index: number, text: string): Character {
    const [module, textPage] = [this.#module, this.#textPage];
    const object = module._FPDFText_GetTextObject(textPage, index);
    if (object !== this.#object) this.#style = this.#styleOf(index);
    this.#object = object;
    const isHyphen = module._FPDFText_IsHyphen(textPage, index) === 1;
    const isUnknown = module._FPDFText_HasUnicodeMapError(textPage, index) === 1;
    return { text: isHyphen ? "\u00ad" : text, box: this.#box(index), style: this.#style, isUnknown };
  }

  #box(index: number): Box {
    const module = this.#module;
    return withMemory(module, 16, (at) => {
      module.HEAPF32.fill(0, at / 4, at / 4 + 4);
      module._FPDFText_GetLooseCharBox(this.#textPage, index, at);
      const [left, top, right, bottom] = module.HEAPF32.subarray(at / 4, at / 4 + 4) as unknown as Box;
      return boxIn(this.#view, left, top, right, bottom);
    });
  }

  #styleOf(index: number): Style {
    const [a, b, c, d] = this.#matrix(index);
    const [origin, along] = [this.#view(0, 0), this.#view(a, b)];
    const [dx, dy] = [along[0] - origin[0], along[1] - origin[1]];
    return {
      size: this.#module._FPDFText_GetFontSize(this.#textPage, index) * Math.hypot(c, d),
      ...this.#fontOf(index),
      isTurned: dx < 0 || Math.abs(dy) > slant * Math.hypot(dx, dy),
    };
  }

  #matrix(index: number): readonly [number, number, number, number] {
    const module = this.#module;
    return withMemory(module, 24, (at) => {
      if (module._FPDFText_GetMatrix(this.#textPage, index, at) !== 1) return [1, 0, 0, 1];
      return [...module.HEAPF32.subarray(at / 4, at / 4 + 4)] as [number, number, number, number];
    });
  }

  /** By the font's name or its flags: PDFium guesses the weight from the width of stems, and calls many a text face bold. */
  #fontOf(index: number): Pick<Style, "isBold" | "isMono"> {
    const module = this.#module;
    return withMemory(module, maxFontName + 4, (at) => {
      const numBytes = module._FPDFText_GetFontInfo(this.#textPage, index, at + 4, maxFontName, at);
      const end = at + 4 + Math.max(0, Math.min(maxFontName, numBytes) - 1);
      const name = Buffer.from(module.HEAPU8.slice(at + 4, end)).toString("latin1");
      const flags = numBytes > 0 ? module.HEAP32[at / 4]! : 0;
      return {
        isBold: /bold|black|heavy|^(?:[A-Z]{6}\+)?(?:cmb|sfb)/i.test(name) || (flags & forceBold) !== 0,
        isMono:
          /mono|courier|consol|typewriter|^(?:[A-Z]{6}\+)?(?:cmtt|cmsltt|sftt)/i.test(name) ||
          (flags & fixedPitch) !== 0,
      };
    });
  }
}

/** Pieces of lines that are being put together. */
class LineBuilder {
  #characters: Character[] = [];
  #text = "";
  #isSpaced = false;

  space(): void {
    this.#isSpaced = true;
  }

  /** Whether a character continues what is there. */
  takes({ box, style }: Character): boolean {
    const last = this.#characters.at(-1);
    if (!last) return true;
    if (last.style.isTurned || style.isTurned) return last.style.isTurned && style.isTurned;
    const size = Math.max(last.style.size, style.size, 1);
    const overlap = Math.min(last.box[3], box[3]) - Math.max(last.box[1], box[1]);
    const gap = box[0] - last.box[2];
    const lower = Math.min(last.box[3] - last.box[1], box[3] - box[1]);
    return overlap >= lower / 2 && gap <= wideGap * size && box[0] >= last.box[0] - stepBack * size;
  }

  add(character: Character): void {
    this.#text += (this.#isSpaced && this.#text !== "" ? " " : "") + character.text;
    this.#isSpaced = false;
    this.#characters.push(character);
  }

  /** The line, if there is one; the next one begins. */
  end(): PdfLine[] {
    const [characters, text] = [this.#characters, this.#text];
    [this.#characters, this.#text, this.#isSpaced] = [[], "", false];
    const [first] = characters;
    if (!first) return [];
    const box = characters.reduce<Box>((all, { box }) => around(all, box), first.box);
    const most = (has: (style: Style) => boolean) =>
      characters.filter(({ style }) => has(style)).length > 0.8 * characters.length;
    const { size, isTurned } = longest(characters);
    return [{ text, box, size, isTurned, isBold: most(({ isBold }) => isBold), isMono: most(({ isMono }) => isMono) }];
  }
}

function around(a: Box, b: Box): Box {
  return [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[2], b[2]), Math.max(a[3], b[3])];
}

/** The style of most characters. */
function longest(characters: readonly Character[]): Style {
  const counts = new Map<Style, number>();
  for (const { style } of characters) counts.set(style, (counts.get(style) ?? 0) + 1);
  return [...counts].reduce((a, b) => (b[1] > a[1] ? b : a))[0];
}

function readLines(reader: CharacterReader) {
  const [lines, builder]: [PdfLine[], LineBuilder] = [[], new LineBuilder()];
  let [numSeen, numUnknown] = [0, 0];
  for (const character of reader.characters()) {
    if (lines.length >= maxLines) break;
    if (character === undefined) lines.push(...builder.end());
    else if (character === " ") builder.space();
    else {
      numSeen++;
      if (character.isUnknown) numUnknown++;
      if (!builder.takes(character)) lines.push(...builder.end());
      builder.add(character);
    }
  }
  lines.push(...builder.end());
  return { lines, numSeen, numUnknown };
}

function objectsOf(module: Pdfium, page: Pointer, view: View, area: number) {
  const numObjects = module._FPDFPage_CountObjects(page);
  let covered = 0;
  for (let i = 0; i < Math.min(numObjects, maxObjects); i++) {
    const object = module._FPDFPage_GetObject(page, i);
    if (module._FPDFPageObj_GetType(object) !== imageType) continue;
    const [left, top, right, bottom] = withMemory(module, 16, (at) => {
      const places = [at, at + 4, at + 8, at + 12] as const;
      if (module._FPDFPageObj_GetBounds(object, ...places) !== 1) return [0, 0, 0, 0] as const;
      const [x1, y1, x2, y2] = module.HEAPF32.subarray(at / 4, at / 4 + 4) as unknown as Box;
      return boxIn(view, x1, y1, x2, y2);
    });
    covered += (right - left) * (bottom - top);
  }
  return { numObjects, imageShare: Math.min(1, covered / area) };
}

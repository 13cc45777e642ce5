/**
 * What a classifier learns from: images with a label each, of a folder per class or of a file of lines:
 *   CSV, TSV: path,label (a heading may name the columns, in any order) · JSONL: {"path": "a.jpg", "label": "cat"}
 * Only names are read here; whether a file is an image shows when it is encoded. In a folder, links that lead out of it are
 * no images of it: a folder from a stranger would choose which files of this machine are read.
 */
import { readdir, stat } from "node:fs/promises";
import { dirname, extname, join, relative, resolve } from "node:path";
import { z } from "zod";
import { ioError, OcellusError } from "../../core/base/index.js";
import { fileInside, readJsonLines, readLines, recordOf } from "../../core/fs/index.js";
import { isUrl } from "../../core/image/node/index.js";
import { cellsOf } from "./delimited.js";

export interface LabelledImage {
  readonly path: string;
  readonly label: string;
  /** Where that is written, as an error names it: the path, or `file:line`. */
  readonly origin: string;
}

/** A file that cannot be used, and why. */
export interface BadImage {
  readonly origin: string;
  readonly code: OcellusError["code"];
  readonly problem: string;
}

export interface LabelledImages {
  /** By label, then by path: whatever order a file or a disk has them in, the same data are the same. */
  readonly images: readonly LabelledImage[];
  /** Sorted; also those of folders without an image. */
  readonly labels: readonly string[];
  readonly bad: readonly BadImage[];
  /** Files that are no images, by kind. */
  readonly skipped: Readonly<Record<string, number>>;
}

const imageNames = new Set([".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".tif", ".tiff", ".bmp"]);
/** Vectors of so many images, 1024 numbers each, are 0.8 GB, which are in memory while a head is fitted. */
const maxImages = 200_000;
/** A path and a label; longer lines are no list of images. */
const maxLineBytes = 64 * 1024;
const maxLabelLength = 200;

/** @throws `not_found`, `io`; `invalid_file` for a line that is not as expected; `too_large`. */
export async function readLabelledImages(data: string): Promise<LabelledImages> {
  const path = resolve(data);
  const status = await stat(path).catch((cause: unknown) => Promise.reject(ioError("read", data, cause)));
  const list = new ImageList();
  await (status.isDirectory() ? readClasses(path, list) : readListed(path, list));
  return list.finish();
}

class ImageList {
  readonly #byPath = new Map<string, LabelledImage>();
  readonly #labels = new Set<string>();
  readonly #bad: BadImage[] = [];
  readonly #skipped: Record<string, number> = {};

  label(label: string): void {
    this.#labels.add(label);
  }

  add(image: LabelledImage): void {
    const before = this.#byPath.get(image.path);
    if (before && before.label !== image.label) throw contradiction(before, image);
    if (before) this.skip("listed twice");
    this.#byPath.set(image.path, image);
    this.#labels.add(image.label);
    if (this.#byPath.size > maxImages)
      throw new OcellusError("too_large", `${image.origin}: expected at most ${maxImages} images`, {
        details: { limit: maxImages },
      });
  }

  fail(origin: string, error: unknown): void {
    if (!(error instanceof OcellusError)) throw error;
    this.#bad.push({ origin, code: error.code, problem: error.message });
  }

  skip(kind: string): void {
    this.#skipped[kind] = (this.#skipped[kind] ?? 0) + 1;
  }

  finish(): LabelledImages {
    const images = [...this.#byPath.values()].sort((a, b) => inOrder(a.label, b.label) || inOrder(a.path, b.path));
    return { images, labels: [...this.#labels].sort(inOrder), bad: this.#bad, skipped: this.#skipped };
  }
}

/** By code units: the same on every machine, whatever its language. */
function inOrder(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function contradiction(before: LabelledImage, found: LabelledImage): OcellusError {
  return new OcellusError(
    "invalid_file",
    `${found.origin}: ${found.path} is labelled ${JSON.stringify(found.label)} here and ${JSON.stringify(before.label)} at ${before.origin}; keep one`,
    { details: { path: found.path, labels: [before.label, found.label], origins: [before.origin, found.origin] } },
  );
}

/** Each folder in `top` is a class, with all that is below it. */
async function readClasses(top: string, list: ImageList): Promise<void> {
  for (const entry of await entriesOf(top)) {
    if (entry.isDirectory()) {
      checkLabel(entry.name, join(top, entry.name));
      list.label(entry.name);
      await readClass(top, entry.name, list);
    } else if (entry.isSymbolicLink()) list.fail(join(top, entry.name), linkedFolder(join(top, entry.name)));
    else list.skip(isImageName(entry.name) ? "images outside the folder of any class" : kindOf(entry.name));
  }
}

async function readClass(top: string, label: string, list: ImageList): Promise<void> {
  const folders = [join(top, label)];
  for (const folder of folders)
    for (const entry of await entriesOf(folder)) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) folders.push(path);
      else if (isImageName(entry.name)) await addInside(top, { path, label, origin: path }, list);
      else list.skip(kindOf(entry.name));
    }
}

async function addInside(top: string, image: LabelledImage, list: ImageList): Promise<void> {
  try {
    await fileInside(top, relative(top, image.path));
    list.add(image);
  } catch (error) {
    list.fail(image.origin, error);
  }
}

async function entriesOf(folder: string) {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw ioError("list", folder, cause);
  });
  return entries.filter(({ name }) => !name.startsWith("."));
}

function linkedFolder(path: string): OcellusError {
  return new OcellusError("invalid_file", `${path} is a link; put the folder of the class itself there`, {
    details: { path },
  });
}

const isImageName = (name: string) => imageNames.has(extname(name).toLowerCase());
const kindOf = (name: string) => extname(name).toLowerCase() || "files without an extension";

async function readListed(file: string, list: ImageList): Promise<void> {
  const kind = extname(file).toLowerCase();
  if (kind === ".jsonl") return readRecords(file, list);
  if (kind === ".csv" || kind === ".tsv") return readTable(file, kind === ".csv" ? "," : "\t", list);
  throw new OcellusError(
    "invalid_request",
    `${file}: expected a folder with a folder per class, or a .csv, .tsv or .jsonl file of paths and labels`,
    { details: { path: file, expected: ["folder", ".csv", ".tsv", ".jsonl"], found: kind } },
  );
}

async function readRecords(file: string, list: ImageList): Promise<void> {
  for await (const line of readJsonLines(file, lineSchema, maxLineBytes))
    addListed(list, file, line.origin, recordOf(line));
}

const lineSchema = z.strictObject({ path: z.string().min(1), label: z.string().min(1) });

const pathColumns = ["path", "image", "file", "filename", "file_name"];
const labelColumns = ["label", "class"];

async function readTable(file: string, separator: string, list: ImageList): Promise<void> {
  let [pathAt, labelAt] = [0, 1];
  for await (const { number, text } of readLines(file, maxLineBytes)) {
    const line = text.replace(/\r$/, "");
    if (line.trim() === "") continue;
    const origin = `${file}:${number}`;
    const cells = cellsOf(line, separator, origin);
    const heading = number === 1 ? headingOf(cells) : undefined;
    if (heading) [pathAt, labelAt] = heading;
    else addListed(list, file, origin, { path: cells[pathAt] ?? "", label: cells[labelAt] ?? "" });
  }
}

/** The columns of path and label, if the cells name both. */
function headingOf(cells: readonly string[]): [number, number] | undefined {
  const names = cells.map((cell) => cell.toLowerCase());
  const at = (known: readonly string[]) => names.findIndex((name) => known.includes(name));
  const found: [number, number] = [at(pathColumns), at(labelColumns)];
  return found.includes(-1) ? undefined : found;
}

function addListed(list: ImageList, file: string, origin: string, row: { path: string; label: string }): void {
  const label = row.label.trim();
  checkLabel(label, origin);
  if (row.path === "" || isUrl(row.path))
    throw new OcellusError("invalid_file", `${origin}: expected the path of an image file`, {
      details: { origin, found: row.path },
    });
  list.add({ path: resolve(dirname(file), row.path), label, origin });
}

function checkLabel(label: string, origin: string): void {
  if (label.length > 0 && label.length <= maxLabelLength) return;
  throw new OcellusError(
    "invalid_file",
    `${origin}: expected a label of 1 to ${maxLabelLength} characters, found ${label.length}`,
    { details: { origin, expected: maxLabelLength, found: label.length } },
  );
}

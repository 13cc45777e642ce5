/**
 * What a model reads while the inputs of its products are measured: the texts and images of a folder, or the neutral texts that
 * come with the package (calibration/neutral.txt, written for this purpose).
 */
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ioError, OcellusError } from "../base/index.js";
import { fileDigest, listFolder, textDigest } from "../fs/index.js";

export interface CalibrationSet {
  /** SHA-256 over the contents, in order. */
  readonly digest: string;
  readonly texts: readonly string[];
  /** Files. */
  readonly images: readonly string[];
}

/** The same three steps up lead to the root of the package from src/core/calibrate and from dist/core/calibrate. */
const bundledTexts = fileURLToPath(new URL("../../../calibration", import.meta.url));

const textKinds = [".txt", ".md"];
const imageKinds = [".png", ".jpg", ".jpeg", ".webp", ".gif", ".avif", ".tif", ".tiff"];

/** A megabyte of text has some 250,000 tokens, many times what is read of it. */
const maxTextBytes = 4 * 2 ** 20;
/** Each is hundreds to thousands of tokens. */
const maxImages = 256;

/** @throws `not_found`, `io`; `invalid_request` for a folder without texts and images, `too_large` */
export async function readCalibrationSet(folder = bundledTexts): Promise<CalibrationSet> {
  const files = (await listFolder(folder)).sort().map((name) => join(folder, name));
  const ofKind = (kinds: readonly string[]) => files.filter((file) => kinds.includes(extname(file).toLowerCase()));
  const [textFiles, images] = [ofKind(textKinds), ofKind(imageKinds)];
  if (textFiles.length + images.length === 0) throw nothingIn(folder);
  if (images.length > maxImages) throw tooLarge(folder, "images", images.length, maxImages);
  const texts: string[] = [];
  for (const file of textFiles) texts.push(await readText(file));
  const digests = [...texts.map(textDigest), ...(await Promise.all(images.map((file) => fileDigest(file))))];
  return { digest: textDigest(digests.join("\n")), texts, images };
}

async function readText(file: string): Promise<string> {
  try {
    const bytes = await readFile(file);
    if (bytes.length > maxTextBytes) throw tooLarge(file, "bytes", bytes.length, maxTextBytes);
    return bytes.toString("utf8");
  } catch (cause) {
    throw cause instanceof OcellusError ? cause : ioError("read", file, cause);
  }
}

function nothingIn(folder: string): OcellusError {
  const expected = [...textKinds, ...imageKinds];
  return new OcellusError(
    "invalid_request",
    `${folder} holds nothing to calibrate on: expected texts or images (${expected.join(", ")})`,
    { details: { path: folder, expected, found: 0 } },
  );
}

function tooLarge(path: string, what: string, found: number, limit: number): OcellusError {
  return new OcellusError("too_large", `${path} has ${found} ${what}, at most ${limit} are read; take some away`, {
    details: { path, found, limit },
  });
}

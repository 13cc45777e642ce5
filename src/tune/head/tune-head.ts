/**
 * `tuneHead`: labelled images and a frozen encoder → a classifier's checkpoint and a report of how good it is. Deterministic by its
 * seed. Every fault of the data is found before anything is written.
 */
import { resolve } from "node:path";
import { OcellusError, optionNames, refuseUnknownOptions } from "../../core/base/index.js";
import { cacheRoot, joinPath, pathExists, refuseAround, textDigest } from "../../core/fs/index.js";
import { type LoadFeatureEncoderOptions, loadFeatureEncoder } from "../../core/runtime/index.js";
import { checkClasses } from "../data/check-classes.js";
import { type BadImage, type LabelledImages, readLabelledImages } from "../data/labelled-images.js";
import { type EncodedImages, encodeImages } from "./encode-images.js";
import { checkChoice, type FittedHead, fitHead, type HeadChoice, headChoiceNames } from "./fit-head.js";
import type { HeadReport } from "./report.js";
import { lineageFile, lineageFormat, saveHead } from "./save-head.js";

export interface TuneHeadOptions extends HeadChoice, Pick<LoadFeatureEncoderOptions, "device" | "threads"> {
  /** Checkpoint folder whose image encoder stands below the head. */
  readonly encoder: string;
  /** Folder that is written. */
  readonly into: string;
  /** Replaces `into`, if it is there. Default false. */
  readonly force?: boolean;
  /** Leaves out files that cannot be read, and names them in the report. Default false: they are an error. */
  readonly skipBad?: boolean;
  /** Where features are kept, so that they are encoded once. Default: a folder in the cache; one process at a time. */
  readonly cacheFolder?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (stage: TuneStage, done: number, total: number) => void;
}

export type TuneStage = "encode" | "fit";

const names = optionNames<TuneHeadOptions>({
  ...headChoiceNames,
  ...{ encoder: true, into: true, force: true, skipBad: true, cacheFolder: true },
  ...{ device: true, threads: true, signal: true, onProgress: true },
});

/**
 * @param data a folder with a folder per class, or a .csv, .tsv or .jsonl file of paths and labels.
 * @throws `invalid_request` (few_classes, empty_class, single_image, bad_images, a folder that is there or holds what is read), `invalid_file`,
 * `not_found`, `too_large`, `unsupported`, `aborted`, `io`; nothing is written then.
 */
export async function tuneHead(data: string, options: TuneHeadOptions): Promise<HeadReport> {
  refuseUnknownOptions("tuneHead", options, names);
  checkChoice(options); // before hours of encoding
  const { into, force = false, signal } = options;
  for (const source of [data, options.encoder]) refuseAround(source, into);
  if (!force && (await pathExists(into))) throw alreadyThere(into);
  const listed = await readLabelledImages(data);
  checkClasses(listed.labels, listed.images);
  const { encoded, ...encoder } = await encode(listed, options);
  const bad = [...listed.bad, ...encoded.bad];
  if (bad.length > 0 && !options.skipBad) throw badImages(bad);
  const notes = checkClasses(listed.labels, encoded.images); // what cannot be read may have been all of a class
  const fitted = await fitHead(encoded, listed.labels, options);
  const report: HeadReport = {
    encoder,
    data: {
      path: resolve(data),
      digest: digestOf(encoded),
      ...{ images: encoded.images.length, cached: encoded.numCached, skipped: listed.skipped, bad },
    },
    ...fitted.report,
    notes: [...notes, ...fitted.report.notes],
  };
  const architecture = await saveHead(options.encoder, resolve(into), lineageOf(fitted, listed.labels, report), {
    force,
    signal,
  });
  return { ...report, saved: { path: resolve(into), architecture, report: lineageFile } };
}

async function encode(listed: LabelledImages, options: TuneHeadOptions) {
  const { device, threads, signal, onProgress } = options;
  const cacheFolder = options.cacheFolder ?? joinPath(cacheRoot(), "features");
  const encoder = await loadFeatureEncoder(options.encoder, {
    ...{ imageThreads: 2, cacheFolder },
    ...(device && { device }),
    ...(threads !== undefined && { threads }),
    ...(signal && { signal }),
  });
  try {
    const encoded = await encodeImages(encoder, listed.images, {
      signal,
      onProgress: (done, total) => onProgress?.("encode", done, total),
    });
    const { modelType, digest } = encoder;
    return { encoded, path: resolve(options.encoder), modelType, digest, features: encoded.features.columns };
  } finally {
    await encoder.close();
  }
}

/** What is beside the weights: no path of this machine and no name of an image, for a checkpoint is passed on. */
function lineageOf({ layers }: FittedHead, labels: readonly string[], report: HeadReport) {
  const { modelType, digest, features } = report.encoder;
  const { suspects, lookAlikes, notes, encoder, data, ...figures } = report;
  const lineage = {
    ...{ format: lineageFormat, kind: "head" },
    base: { modelType, digest, features },
    data: { digest: data.digest, images: data.images },
    ...figures,
  };
  return { layers, labels, lineage };
}

/** Of the images and their labels, wherever they lie and in whatever order. */
function digestOf({ images, digests }: EncodedImages): string {
  const lines = images.map(({ label }, i) => `${digests[i]} ${label}`);
  return textDigest(lines.sort().join("\n"));
}

function alreadyThere(into: string): OcellusError {
  return new OcellusError(
    "invalid_request",
    `${into} exists; name another folder, or set force (--force) to replace it`,
    {
      details: { reason: "exists", path: into },
    },
  );
}

function badImages(bad: readonly BadImage[]): OcellusError {
  const named = bad.slice(0, 10).map(({ problem }) => problem);
  const more = bad.length > named.length ? `; and ${bad.length - named.length} more` : "";
  return new OcellusError(
    "invalid_request",
    `${bad.length} files cannot be used: ${named.join("; ")}${more}; repair them, or leave them out (--skip-bad)`,
    { details: { reason: "bad_images", bad } },
  );
}

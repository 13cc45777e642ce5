/** A golden set of labelled images, as `ocellus tune head` takes them: the label is the answer, and no model is asked. */
import { constants } from "node:fs";
import { copyFile } from "node:fs/promises";
import { extname, join, resolve } from "node:path";
import { firstOf, ioError, OcellusError } from "../../../core/base/index.js";
import { makeFolder, pathExists, textDigest, writeFileAtomically } from "../../../core/fs/index.js";
import { readLabelledImages } from "../../../tune/index.js";

export interface Labelled {
  /** A folder with a folder per class, or a file of paths and labels. */
  readonly labels: string;
  readonly ask?: readonly string[] | undefined;
  readonly limit?: number | undefined;
}

/** @throws `invalid_request` for a set that is there, or no images; as `readLabelledImages`; notes on files that are left out. */
export async function setOfLabels(folder: string, path: string, { labels, ask, limit }: Labelled): Promise<string[]> {
  const [question, ...more] = ask ?? [];
  if (question === undefined || more.length > 0)
    throw new OcellusError("invalid_request", "golden init: --labels answer one question; give it with --ask", {
      details: { flag: "--ask", expected: 1, found: ask?.length ?? 0 },
    });
  if (await pathExists(path))
    throw new OcellusError("invalid_request", `${path} already exists; choose another folder`, { details: { path } });
  const { images, bad } = await readLabelledImages(labels);
  if (images.length === 0)
    throw new OcellusError("invalid_request", `${labels} has no labelled images: ${firstOf(bad.map(({ problem }) => problem)) || "expected a folder per class"}`, { details: { path: labels } }); // biome-ignore format: one thought
  await makeFolder(join(folder, "images"));
  const named = images.map(({ path: image, label }) => ({ image, label, name: nameOf(image) }));
  const lines: string[] = [];
  for (const { image, label, name } of named.sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, limit)) {
    await copyImage(image, join(folder, "images", name));
    lines.push(`${JSON.stringify({ image: `images/${name}`, questions: [{ question, answer: label }] })}\n`);
  }
  await writeFileAtomically(path, lines.join(""));
  return bad.map(({ problem }) => problem);
}

/** Files of two classes may have one name. In the order of these names, a part of the images is of all classes. */
function nameOf(image: string): string {
  return `${textDigest(image).slice(0, 12)}${extname(image).toLowerCase()}`;
}

/** What is there by that name, edited or from before, stays. */
export async function copyImage(from: string, to: string): Promise<void> {
  if (resolve(from) === resolve(to)) return;
  await copyFile(from, to, constants.COPYFILE_EXCL).catch((cause: unknown) => {
    if ((cause as { code?: string }).code !== "EEXIST") throw ioError("copy the image to", to, cause);
  });
}

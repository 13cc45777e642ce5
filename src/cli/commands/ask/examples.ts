/** The example pictures of the package with their labels: what `demo` asks and `doctor` tests itself on. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { ioError, OcellusError } from "../../../core/base/index.js";
import { exampleImages } from "../../package-files.js";

const exampleSchema = z.object({
  picture: z.string(),
  /** Those that a question shows after the first. */
  more: z.array(z.string()).default([]),
  title: z.string(),
  questions: z.array(
    z.object({
      language: z.string(),
      question: z.string(),
      answer: z.string(),
      accept: z.array(z.string()).default([]),
    }),
  ),
});

export interface Example extends Omit<z.infer<typeof exampleSchema>, "picture" | "more"> {
  /** Full paths. */
  readonly images: readonly string[];
}

/** @throws `not_found` or `invalid_file`: the package is not whole. */
export async function readExamples(): Promise<Example[]> {
  const path = join(exampleImages, "labels.json");
  const text = await readFile(path, "utf8").catch((cause: unknown) => Promise.reject(ioError("read", path, cause)));
  const labels = z.array(exampleSchema).min(1).safeParse(JSON.parse(text));
  if (!labels.success) {
    throw new OcellusError("invalid_file", `${path}: ${labels.error.issues[0]!.message}; install ocellus again`);
  }
  return labels.data.map(({ picture, more, ...example }) => {
    return { ...example, images: [picture, ...more].map((name) => join(exampleImages, name)) };
  });
}

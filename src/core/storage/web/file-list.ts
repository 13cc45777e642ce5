/**
 * What packed.json says of the files of a model for the web: their sizes, and the SHA-256 of each part. Pages fetch, check and
 * store a file part by part: browsers hash only what is whole in memory (crypto.subtle), and a closed tab loses one part.
 */
import { z } from "zod";
import { OcellusError } from "../../base/index.js";

/** A request costs little beside so many bytes, four of them are held at a time, and a closed tab loses no more. */
export const partBytes = 8 * 2 ** 20;

/** Half of the 1 GB that Safari on iOS allows a buffer: weights are held in the page and copied to where kernels read them. */
export const shardBytes = 512 * 2 ** 20;

/** One table of a large vocabulary stands alone in a longer shard; a buffer of more is refused on iOS. */
export const maxFileBytes = 2 ** 30;

/** At 8 MiB a part 256 GiB: packed.json has 8 MiB then, as much as is read of it. */
const maxParts = 2 ** 15;
/** A folder has some fifteen files and, at 512 MiB a shard, one more for each 512 MiB of weights. */
const maxFiles = 1024;

const plainName = /^(?!\.{1,2}$)[^/\\:\0]{1,255}$/;
const digest = z.string().regex(/^[0-9a-f]{64}$/);

const fileSchema = z.object({
  name: z.string().regex(plainName),
  bytes: z.int().min(0).max(maxFileBytes),
  parts: z.array(digest).max(maxParts),
});

export const fileListSchema = z
  .object({
    version: z.literal(1),
    /** Of every part but the last of a file. */
    part_bytes: z
      .int()
      .min(1024)
      .max(2 ** 26),
    list: z.array(fileSchema).min(1).max(maxFiles),
  })
  .refine(({ list }) => new Set(list.map(({ name }) => name)).size === list.length, "a file is listed twice")
  .refine(
    ({ list, part_bytes }) => list.every(({ bytes, parts }) => parts.length === Math.ceil(bytes / part_bytes)),
    "a file has another number of parts than its length asks for",
  );

export type FileList = z.infer<typeof fileListSchema>;
export type ListedFile = FileList["list"][number];

/** A part of a file: bytes [start, start + sizeBytes). */
export interface Part {
  readonly file: ListedFile;
  readonly digest: string;
  readonly start: number;
  readonly sizeBytes: number;
}

export function partsOf(file: ListedFile, { part_bytes }: FileList): Part[] {
  return file.parts.map((digest, i) => {
    const start = i * part_bytes;
    return { file, digest, start, sizeBytes: Math.min(part_bytes, file.bytes - start) };
  });
}

/** The name of a part in the browser's storage. */
export const partEntry = (digest: string) => `part-${digest}`;

/** Of a parsed packed.json. @throws `invalid_file`; `unsupported` for a model that was packed for Node alone. */
export function parseFileList(manifest: unknown, url: string): FileList {
  const files = (manifest as { files?: unknown } | null | undefined)?.files;
  if (typeof manifest === "object" && manifest !== null && files === undefined)
    throw new OcellusError(
      "unsupported",
      `${url} was packed without its file list, which pages need; run \`ocellus pack --for web\` on the checkpoint`,
      { details: { url, field: "files" } },
    );
  const result = fileListSchema.safeParse(files);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const place = ["files", ...(issue?.path ?? [])].map(String).join(".");
  throw new OcellusError("invalid_file", `${url}: ${place}: ${issue?.message ?? "not a file list"}`, {
    details: { url, field: place },
  });
}

const hexOf = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** Hexadecimal SHA-256. @throws `unsupported` in a page that came over plain HTTP, where browsers have no crypto. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const { subtle } = (globalThis.crypto ?? {}) as { subtle?: typeof globalThis.crypto.subtle };
  if (subtle) return hexOf(new Uint8Array(await subtle.digest("SHA-256", bytes)));
  throw new OcellusError(
    "unsupported",
    "models are checked and stored only in pages that come over https or from localhost; serve the page so",
    { details: { needs: "secure context" } },
  );
}

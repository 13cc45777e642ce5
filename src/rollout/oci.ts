/**
 * A version as an OCI image layout with ModelPack's media types, so that any registry's tools can carry it (`oras cp`,
 * `skopeo copy`): oci-layout, index.json, blobs/sha256/…; each file is a layer, raw.
 * [https://github.com/opencontainers/image-spec/blob/main/image-layout.md, https://github.com/modelpack/model-spec]
 */
import { createHash } from "node:crypto";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { fileLimits, ioError, OcellusError, parseJson as parseText } from "../core/base/index.js";
import { createFolderAtomically, makeFolder } from "../core/fs/index.js";
import { BlobStore, type CopyOptions } from "./blobs.js";
import { canonicalJson, digestSchema, type Manifest, parseManifest } from "./manifest.js";

const mediaTypes = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  index: "application/vnd.oci.image.index.v1+json",
  artifact: "application/vnd.cncf.model.manifest.v1+json",
  config: "application/vnd.cncf.model.config.v1+json",
  weights: "application/vnd.cncf.model.weight.v1.raw",
  weightConfig: "application/vnd.cncf.model.weight.config.v1.raw",
  doc: "application/vnd.cncf.model.doc.v1.raw",
} as const;

const pathAnnotation = "org.cncf.model.filepath";
/** Our own manifest, so that an import gives the same version: notes, parent, signature. */
const manifestAnnotation = "org.ocellus.manifest";
const tagAnnotation = "org.opencontainers.image.ref.name";

const descriptorSchema = z.object({
  mediaType: z.string(),
  digest: digestSchema,
  size: z.number().int().nonnegative(),
  annotations: z.record(z.string(), z.string()).optional(),
});
const indexSchema = z.object({ schemaVersion: z.literal(2), manifests: z.array(descriptorSchema).min(1).max(10_000) });
const imageSchema = z.object({
  schemaVersion: z.literal(2),
  artifactType: z.string().optional(),
  layers: z.array(descriptorSchema).min(1).max(10_000),
  annotations: z.record(z.string(), z.string()).optional(),
});

type Descriptor = z.infer<typeof descriptorSchema>;

/** @throws `io`; the target folder is there whole or not at all. */
export async function exportLayout(blobs: BlobStore, manifest: Manifest, target: string): Promise<void> {
  await createFolderAtomically(target, false, async (folder) => {
    const place = join(folder, "blobs", "sha256");
    await makeFolder(place);
    const writeBlob = async (mediaType: string, value: unknown): Promise<Descriptor> => {
      const text = canonicalJson(value);
      const hex = createHash("sha256").update(text).digest("hex");
      await writeFile(join(place, hex), text, { flush: true });
      return { mediaType, digest: `sha256:${hex}`, size: Buffer.byteLength(text) };
    };
    for (const { digest } of manifest.files) await copyFile(blobs.path(digest), join(place, digest.slice(7)));
    const image = await writeBlob(mediaTypes.manifest, {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      artifactType: mediaTypes.artifact,
      config: await writeBlob(mediaTypes.config, configOf(manifest)),
      layers: manifest.files.map((file) => layerOf(file)),
      annotations: { [manifestAnnotation]: canonicalJson(manifest) },
    });
    const annotations = { [tagAnnotation]: manifest.tag };
    const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [{ ...image, annotations }] };
    await writeFile(join(folder, "index.json"), canonicalJson(index));
    await writeFile(join(folder, "oci-layout"), canonicalJson({ imageLayoutVersion: "1.0.0" }));
  });
}

/** ModelPack's description of the model. */
function configOf({ tag, family, quantization, createdAt, createdBy, files }: Manifest) {
  return {
    descriptor: { name: tag, family, createdAt, authors: [createdBy] },
    config: { format: "safetensors", quantization },
    modelfs: { type: "layers", diffIds: files.map((file) => file.digest) },
  };
}

function layerOf({ path, digest, sizeBytes }: Manifest["files"][number]): Descriptor {
  const isWeights = /\.(safetensors|bin|onnx|data|pt|pth)$/.test(path);
  const isDoc = /\.(md|txt)$|^LICENSE/i.test(path) && path !== "merges.txt" && path !== "vocab.txt";
  const mediaType = isWeights ? mediaTypes.weights : isDoc ? mediaTypes.doc : mediaTypes.weightConfig;
  return { mediaType, digest, size: sizeBytes, annotations: { [pathAnnotation]: path } };
}

/**
 * Brings a layout's files into the store, each compared with its digest.
 * @param tag which image, where the layout holds several
 * @throws `invalid_file` for what is no model's layout or for bytes that are not what their digest says
 */
export async function importLayout(
  blobs: BlobStore,
  folder: string,
  tag?: string,
  copy: CopyOptions = {},
): Promise<Manifest> {
  const source = new BlobStore(folder);
  const index = await readJson(join(folder, "index.json"), indexSchema);
  const entries = index.manifests.filter((m) => tag === undefined || m.annotations?.[tagAnnotation] === tag);
  const [entry] = entries;
  if (!entry || entries.length > 1) {
    const names = index.manifests.map((m) => m.annotations?.[tagAnnotation] ?? m.digest).join(", ");
    throw new OcellusError(
      "invalid_request",
      `${folder}: expected one image to import, found ${names}; name one with --tag`,
    );
  }
  const image = await readBlobJson(source, entry, imageSchema);
  const manifest = manifestOf(image, folder);
  for (const { digest, path } of manifest.files) {
    const stored = await blobs.add(source.path(digest), copy);
    if (stored.digest !== digest)
      throw new OcellusError(
        "invalid_file",
        `${folder}: ${path} is damaged: expected ${digest}, found ${stored.digest}`,
        { details: { folder, path, expected: digest, found: stored.digest } },
      );
  }
  return manifest;
}

function manifestOf({ annotations, layers }: z.infer<typeof imageSchema>, folder: string): Manifest {
  const text = annotations?.[manifestAnnotation];
  if (text === undefined)
    throw new OcellusError(
      "unsupported",
      `${folder}: the image was not exported by \`ocellus rollout versions export\``,
    );
  const manifest = parseManifest(parseJson(text, folder), folder);
  const carried = new Set(layers.map((layer) => layer.digest));
  const missing = manifest.files.find((file) => !carried.has(file.digest));
  if (missing) throw new OcellusError("invalid_file", `${folder}: the image has no layer for ${missing.path}`);
  return manifest;
}

/** A manifest lists files; it is never large. */
const maxJsonBytes = 16 * 2 ** 20;

async function readBlobJson<T>(source: BlobStore, { digest, size }: Descriptor, schema: z.ZodType<T>): Promise<T> {
  const path = source.path(digest);
  if (size > maxJsonBytes) throw new OcellusError("too_large", `${path}: a manifest of ${size} bytes is too large`);
  const problem = await source.check(digest, size);
  if (problem !== undefined) throw new OcellusError("invalid_file", `${path}: ${problem}`);
  return readJson(path, schema);
}

async function readJson<T>(path: string, schema: z.ZodType<T>): Promise<T> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw ioError("read", path, cause);
  });
  const parsed = schema.safeParse(parseJson(text, path));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new OcellusError(
    "invalid_file",
    `${path}: expected an OCI image layout; ${issue?.path.join(".")}: ${issue?.message}`,
  );
}

function parseJson(text: string, source: string): unknown {
  try {
    return parseText(text, fileLimits);
  } catch (cause) {
    throw new OcellusError("invalid_file", `${source}: expected JSON: ${(cause as Error).message}`, { cause });
  }
}

/** A packed model whose files a browser has: told from packed.json and the headers of its weights; its ONNX files are not needed. */
import {
  type FileJsonLimits,
  invariant,
  JsonProblem,
  nearestHint,
  OcellusError,
  parseFileJson,
} from "../../base/index.js";
import { readSafetensorsHeader } from "../../checkpoint/portable.js";
import { asLanguageModel, type PackedFiles, type PackedModel, packedFiles, packedIn } from "../../pack/portable.js";
import type { PackedSource } from "../../storage/web/index.js";
import { elementBytes, elementCount, type TensorInfo } from "../../tensor/index.js";

/** As of side files on disk. */
const jsonLimits: FileJsonLimits = { maxDepth: 64, uniqueKeys: false };

/** A table of token embeddings up to this is held in memory: its rows are read one by one, and a stored file takes a millisecond each time. */
const heldBytes = 64 * 2 ** 20;

/** @throws `not_found`, `invalid_file`, `invalid_config`, `unsupported` for a model of another kind. */
export async function openPackedSource(source: PackedSource): Promise<PackedModel> {
  const files = await filesOf(source);
  return asLanguageModel(await packedIn(files, (name) => `${source.url}${packedFiles.graph(name)}`));
}

/** The names of the files that hold weights. */
export function weightNames({ files }: PackedSource): string[] {
  return files.map(({ name }) => name).filter((name) => name.endsWith(".safetensors"));
}

interface Located {
  readonly info: TensorInfo;
  readonly file: string;
  readonly offset: number;
}

async function filesOf(source: PackedSource): Promise<PackedFiles> {
  const tensors = new Map<string, Located>();
  for (const file of weightNames(source))
    for (const located of await tensorsIn(source, file)) tensors.set(located.info.name, located);
  const held = new Map<string, Promise<Uint8Array>>();
  const find = (name: string): Located => {
    const found = tensors.get(name);
    if (found) return found;
    throw new OcellusError("not_found", `${source.url} holds no tensor ${name}${nearestHint(name, tensors.keys())}`, {
      details: { tensor: name },
    });
  };
  const wholeOf = ({ info, file, offset }: Located) => {
    const known = held.get(info.name) ?? source.range(file, offset, offset + bytesOf(info));
    held.set(info.name, known);
    return known;
  };
  return {
    path: source.url,
    files: source.files.filter(({ name }) => name.endsWith(".safetensors")).map((file) => ({ ...file, mtimeMs: 0 })),
    names: () => tensors.keys(),
    info: (name) => tensors.get(name)?.info,
    locate: (name) => find(name),
    async readRange(name, start, end) {
      const located = find(name);
      const size = elementBytes(located.info.dtype);
      const [from, to] = [start * size, end * size];
      invariant(from >= 0 && from <= to && to <= bytesOf(located.info), "a range lies in its tensor", { tensor: name });
      if (bytesOf(located.info) <= heldBytes) return (await wholeOf(located)).slice(from, to);
      return source.range(located.file, located.offset + from, located.offset + to);
    },
    readText: (name) => source.text(name),
    readJson: async (name) => parsed(await source.text(name), `${source.url}${name}`),
    sideFiles: async () => source.files.map(({ name }) => name),
    close: async () => {
      held.clear();
      source.close();
    },
  };
}

function bytesOf({ dtype, shape }: TensorInfo): number {
  return elementCount(shape) * elementBytes(dtype);
}

async function tensorsIn(source: PackedSource, file: string): Promise<Located[]> {
  const { sizeBytes: size } = source.files.find(({ name }) => name === file)!;
  const read = (offset: number, length: number) => source.range(file, offset, offset + length);
  const stored = await readSafetensorsHeader({ path: `${source.url}${file}`, size, read });
  return stored.map(({ name, dtype, shape, offset }) => ({ info: { name, dtype, shape }, file, offset }));
}

function parsed(text: string | undefined, path: string): unknown {
  if (text === undefined) return undefined;
  try {
    return parseFileJson(text.replace(/^\uFEFF/, ""), jsonLimits);
  } catch (cause) {
    const details = { path, ...(cause instanceof JsonProblem && cause.details) };
    throw new OcellusError("invalid_config", `${path} is not JSON: ${(cause as Error).message}`, { details, cause });
  }
}

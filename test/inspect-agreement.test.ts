/**
 * Our reader against a public one: the safetensors parser of @huggingface/hub reads the same files, through a fetch that
 * serves them from the disk, and must find the same names, dtypes, shapes and counts.
 */
import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseSafetensorsMetadata } from "@huggingface/hub";
import { describe, expect, it } from "vitest";
import { familyOf } from "../src/core/models/index.js";
import { wantedTensors } from "../src/core/pack/index.js";
import { describeCheckpoint } from "../src/inspect/index.js";
import { config8B, writeSparseCheckpoint } from "../src/inspect/unknown-family.testkit.js";
import { repository, temporaryFolder } from "./support/folders.js";

/** The files of a folder, as the hub serves them: whole, by HEAD, or a range. */
function serving(folder: string): typeof fetch {
  return async (input, init) => {
    const name = decodeURIComponent(new URL(String(input)).pathname.split("/").at(-1)!);
    const path = join(folder, name);
    if (!existsSync(path)) return new Response(null, { status: 404 });
    const { size } = statSync(path);
    const range = /bytes=(\d+)-(\d+)?/.exec(new Headers(init?.headers).get("range") ?? "");
    const [start, end] = range ? [Number(range[1]), Math.min(size, Number(range[2] ?? size - 1) + 1)] : [0, size];
    const headers = {
      "content-range": `bytes ${start}-${end - 1}/${size}`,
      etag: '"x"',
      "content-length": `${end - start}`,
    };
    const body = init?.method === "HEAD" ? null : readPiece(path, start, end);
    return new Response(body, { status: range ? 206 : 200, headers });
  };
}

function readPiece(path: string, start: number, end: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(end - start);
  const file = openSync(path, "r");
  readSync(file, bytes, 0, bytes.length, start);
  closeSync(file);
  return bytes;
}

async function theirs(path: string) {
  const parsed = await parseSafetensorsMetadata({
    repo: "owner/name",
    computeParametersCount: true,
    fetch: serving(path.endsWith(".safetensors") ? dirname(path) : path),
  });
  const headers = parsed.sharded ? Object.values(parsed.headers) : [parsed.header];
  const tensors = headers.flatMap((header) =>
    Object.entries(header).flatMap(([name, { dtype, shape }]) =>
      name === "__metadata__" ? [] : [{ name, dtype, shape }],
    ),
  );
  return { tensors, counts: parsed.parameterCount };
}

const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((a, b) => a + b, 0);
const hubSpelling = (dtype: string) => dtype.toUpperCase();

async function ours(path: string) {
  const { tensors, dtypes } = await describeCheckpoint(path);
  return {
    tensors: tensors.map(({ name, dtype, shape }) => ({ name, dtype: hubSpelling(dtype), shape })),
    counts: Object.fromEntries(dtypes.map(({ dtype, numParameters }) => [hubSpelling(dtype), numParameters])),
  };
}

const byName = <T extends { name: string }>(tensors: readonly T[]) =>
  [...tensors].sort((a, b) => (a.name < b.name ? -1 : 1));

describe("names, dtypes, shapes and counts equal those of the hub's own parser", () => {
  it.each([
    "checkpoints/ocellus-tiny",
    "test/golden/qwen3_vl_resampler/short-names/model.safetensors",
    "test/golden/qwen3_vl/untied-two-pictures/model.safetensors",
    "test/golden/clip/gelu/model.safetensors",
    "test/golden/inspect/ours/model.safetensors", // by our writer
  ])("of %s", async (name) => {
    const path = join(repository, name);
    const [us, them] = await Promise.all([ours(path), theirs(path)]);
    expect(byName(us.tensors)).toEqual(byName(them.tensors));
    const numScalars = us.tensors.filter(({ shape }) => shape.length === 0).length; // theirs counts a scalar as nothing
    expect(sum(us.counts) - numScalars).toBe(sum(them.counts));
  });

  it("of the 8B shapes in four shards", async () => {
    const folder = temporaryFolder();
    const family = familyOf(config8B);
    writeSparseCheckpoint(folder, wantedTensors(family, family.parseConfig(config8B)), config8B);
    const [us, them] = await Promise.all([ours(folder), theirs(folder)]);
    expect(us.tensors).toHaveLength(673);
    expect(byName(us.tensors)).toEqual(byName(them.tensors));
    expect(us.counts).toEqual(them.counts);
  });
});

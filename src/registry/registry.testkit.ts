/** Model folders and databases for the registry's tests. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import type { Manifest } from "./manifest.js";
import { Registry, type RegistryOptions } from "./registry.js";

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "ocellus-registry-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export async function modelFolder(files: Record<string, string>): Promise<string> {
  const folder = await temporaryFolder();
  for (const [name, contents] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), contents);
  }
  return folder;
}

export async function openRegistry(options: Partial<RegistryOptions> = {}): Promise<Registry> {
  const registry = await Registry.open({ folder: options.folder ?? (await temporaryFolder()), ...options });
  onTestFinished(() => registry.close());
  return registry;
}

export const about = { family: "qwen3_vl", quantization: "int4", createdBy: "alice" };

/** A manifest of one small file; `contents` tells versions apart. */
export function manifestOf(tag: string, contents = tag): Manifest {
  const digest = `sha256:${Buffer.from(contents).toString("hex").padStart(64, "0").slice(-64)}`;
  const files = [{ path: "model.safetensors", sizeBytes: contents.length, digest }];
  return { schemaVersion: 1, tag, files, ...about, createdAt: "2026-01-01T00:00:00.000Z" };
}

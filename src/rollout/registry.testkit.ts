/** Model folders and databases for the registry's tests. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import { startCanary } from "./canary-commands.js";
import { deploy, publishVersion } from "./commands.js";
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

/** Half of those who ask for `prod`, which is v1, try v2, and an analysis looks at it. */
export async function registryWithCanary(options: Partial<RegistryOptions> = {}): Promise<Registry> {
  const registry = await openRegistry(options);
  for (const tag of ["v1", "v2"]) await registry.run("test", publishVersion(manifestOf(tag)));
  await registry.run("test", deploy("prod", "v1"));
  await registry.run("test", startCanary("prod", "v2", { steps: [0.5, 0.8], analysis: true }));
  return registry;
}

/**
 * What `serve --trusted-keys` lets in: versions whose manifest is signed by one of the keys, whose every file has the digest
 * that the manifest says, and of which the packed model is the one that this machine made from them. What is loaded is the
 * folder that was checked last.
 */
import type { Logger } from "pino";
import { OcellusError } from "../../../core/base/index.js";
import type { PackResult } from "../../../core/pack/index.js";
import {
  checkSignature,
  manifestBytes,
  type Registry,
  type VerifiedFolders,
  versionOf,
} from "../../../rollout/index.js";

export interface TrustOptions {
  readonly registry: Registry;
  /** Public keys in PEM. */
  readonly keys: readonly string[];
  readonly verified: VerifiedFolders;
  /** Packs a checkpoint, or finds it packed. @returns undefined for a folder that is a packed model itself */
  readonly pack: (folder: string, force: boolean) => Promise<PackResult | undefined>;
  /** For the time of a pass over a version's files: told of the bytes that were read. */
  readonly reading: <T>(
    label: string,
    totalBytes: number,
    body: (onBytes: (bytes: number) => void) => Promise<T>,
  ) => Promise<T>;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** @returns the folder to load @throws `unauthorized` for a signature, `invalid_file` for a file that is not as it was signed */
export async function prepareTrusted(tag: string, folder: string, options: TrustOptions): Promise<string> {
  const { registry, keys, verified, pack, signal, log } = options;
  const { manifest, digest } = versionOf(registry.state, tag);
  const problem = checkSignature(manifest, keys);
  if (problem !== undefined) throw new OcellusError("unauthorized", problem, { details: { version: tag } });
  await checkFiles(tag, folder, options);
  const packed = await pack(folder, false);
  if (!packed) return folder;
  if (!packed.written) {
    if (await verified.isAsMade(packed.path, digest, { signal })) return packed.path;
    log.warn(
      { version: tag, folder: packed.path },
      "the packed model is not verified to come from the signed version; packing again",
    );
    await pack(folder, true);
  }
  await verified.vouch(packed.path, digest, { signal });
  return packed.path;
}

async function checkFiles(
  tag: string,
  folder: string,
  { registry, verified, reading, signal, log }: TrustOptions,
): Promise<void> {
  const { manifest } = versionOf(registry.state, tag);
  const expected = new Map(manifest.files.map(({ path, digest }) => [path, digest]));
  const started = performance.now();
  let readBytes = 0;
  const problems = await reading(`checking ${tag}`, manifestBytes(manifest), (onRead) =>
    verified.compare(folder, expected, {
      signal,
      onBytes: (bytes) => {
        readBytes += bytes;
        onRead(bytes);
      },
    }),
  );
  if (problems.length > 0)
    throw new OcellusError(
      "invalid_file",
      `${tag} does not match its signed manifest: ${problems.join("; ")}; \`ocellus rollout versions verify ${tag}\` checks the store; --repair FOLDER restores damaged files from a good copy`,
      { details: { version: tag, folder, problems } },
    );
  log.info(
    { version: tag, readBytes, ms: Math.round(performance.now() - started) },
    "signature and all file digests verified",
  );
}

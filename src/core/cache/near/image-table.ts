/**
 * From a picture's file to what its pixels are, so that a known picture is not even decoded. Keyed by the digest of the
 * file's bytes and of the rules it was fitted by; holds digests only, bounded, least recently used out first.
 */

export interface KnownImage {
  /** SHA-256 of the decoded, oriented pixels and their size. */
  readonly digest: string;
  /** Patches that the picture becomes. */
  readonly grid: { readonly rows: number; readonly columns: number };
}

/** Some twenty megabytes; the pictures of a large shop. */
const defaultMaxEntries = 65_536;

export class ImageTable {
  readonly #maxEntries: number;
  /** Least recently used first. */
  readonly #entries = new Map<string, KnownImage>();

  constructor(maxEntries = defaultMaxEntries) {
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(fileDigest: string, preprocessing: string): KnownImage | undefined {
    const id = idOf(fileDigest, preprocessing);
    const entry = this.#entries.get(id);
    if (entry) this.#renew(id, entry);
    return entry;
  }

  set(fileDigest: string, preprocessing: string, picture: KnownImage): void {
    this.#renew(idOf(fileDigest, preprocessing), picture);
    if (this.#entries.size > this.#maxEntries) this.#entries.delete(this.#entries.keys().next().value!);
  }

  #renew(id: string, picture: KnownImage): void {
    this.#entries.delete(id);
    this.#entries.set(id, picture);
  }
}

/** Both are hexadecimal digests. */
function idOf(fileDigest: string, preprocessing: string): string {
  return `${fileDigest}/${preprocessing}`;
}

/**
 * From a picture's file to what its pixels are, so that a known picture is not even decoded. Keyed by the digest of the
 * file's bytes and of the rules it was fitted by; holds digests only, bounded, least recently used out first.
 */
import { LRUCache } from "lru-cache";

export interface KnownImage {
  /** SHA-256 of the decoded, oriented pixels and their size. */
  readonly digest: string;
  /** Patches that the picture becomes, those of the overview of one in slices, and the pixels it was scaled to. */
  readonly grid: Grid & {
    readonly slices?: Grid & { readonly overview: Grid };
    readonly quarters?: readonly Grid[];
    readonly fitted?: { readonly width: number; readonly height: number };
  };
}

interface Grid {
  readonly rows: number;
  readonly columns: number;
}

/** Some twenty megabytes; the pictures of a large shop. */
const defaultMaxEntries = 65_536;

export class ImageTable {
  readonly #entries: LRUCache<string, KnownImage>;

  constructor(maxEntries = defaultMaxEntries) {
    this.#entries = new LRUCache({ max: maxEntries });
  }

  get size(): number {
    return this.#entries.size;
  }

  get(fileDigest: string, preprocessing: string): KnownImage | undefined {
    return this.#entries.get(idOf(fileDigest, preprocessing));
  }

  set(fileDigest: string, preprocessing: string, image: KnownImage): void {
    this.#entries.set(idOf(fileDigest, preprocessing), image);
  }
}

/** Both are hexadecimal digests. */
function idOf(fileDigest: string, preprocessing: string): string {
  return `${fileDigest}/${preprocessing}`;
}

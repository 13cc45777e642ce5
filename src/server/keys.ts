/**
 * API keys. Only their SHA-256 is kept: a secret has 256 random bits, so a plain digest cannot be searched, and looking a
 * digest up in a table says nothing about the secret by its time.
 */
import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { z } from "zod";
import {
  fieldExpectation,
  fieldProblems,
  fileLimits,
  firstOf,
  ioError,
  lineOf,
  lineOfProblem,
  OcellusError,
  parseJson,
} from "../core/base/index.js";
import { type FileFingerprint, fingerprintFile } from "../core/fs/index.js";

const keySchema = z.strictObject({
  /** Who uses it; requests and files belong to the name. */
  name: z.string().regex(/^[\w.@-]{1,64}$/, "expected 1 to 64 letters, digits, _ . @ or -"),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  created: z.string(),
  /** In place of the server's own limits. */
  requestsPerMinute: z.number().int().min(1).optional(),
  requestsPerDay: z.number().int().min(1).optional(),
  maxConcurrent: z.number().int().min(1).optional(),
});
export type ApiKey = z.infer<typeof keySchema>;

const keyFileSchema = z.strictObject({ keys: z.array(keySchema).max(100_000) }); // more is a job for a database

/** A new secret and the record that knows it again. @throws `invalid_request` for a bad name. */
export function createKey(
  name: string,
  limits: Pick<ApiKey, "requestsPerMinute" | "requestsPerDay" | "maxConcurrent"> = {},
): { secret: string; key: ApiKey } {
  const secret = `sk-ocellus-${randomBytes(32).toString("base64url")}`;
  const record = { name, sha256: digest(secret), created: new Date().toISOString(), ...limits };
  const key = keySchema.safeParse(record);
  if (key.success) return { secret, key: key.data };
  throw new OcellusError(
    "invalid_request",
    `the key's ${key.error.issues[0]!.path.join(".")}: ${key.error.issues[0]!.message}`,
  );
}

/** @throws `not_found`, `io`, `invalid_file`. */
export async function readKeys(path: string): Promise<readonly ApiKey[]> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw ioError("read the key file", path, cause);
  });
  const refusal = (line: number, problem: string, cause: unknown) =>
    new OcellusError(
      "invalid_file",
      `${path}:${line}: this is no key file: ${problem}; \`ocellus keys add NAME\` writes one`,
      { cause },
    );
  let json: unknown;
  try {
    json = parseJson(text, fileLimits);
  } catch (cause) {
    throw refusal(lineOfProblem(text, cause), `expected JSON: ${(cause as Error).message}`, cause);
  }
  const file = keyFileSchema.safeParse(json, { error: fieldExpectation });
  if (file.success) return file.data.keys;
  throw refusal(lineOf(text, file.error.issues[0]!.path), firstOf(fieldProblems(file.error)), file.error);
}

/** What `readKeys` reads. */
export function keyFileText(keys: readonly ApiKey[]): string {
  return `${JSON.stringify({ keys }, null, 2)}\n`;
}

/** Keys from a file that may change while the server runs: a removed key is refused within seconds. */
export class KeyRing {
  readonly #path: string | undefined;
  #keys!: ReadonlyMap<string, ApiKey>;
  #names!: ReadonlySet<string>;
  #look: FileFingerprint | undefined;
  #checkedAt = Number.NEGATIVE_INFINITY;
  #checking: Promise<void> | undefined;

  private constructor(path: string | undefined, keys: readonly ApiKey[] = []) {
    this.#path = path;
    this.#take(keys);
  }

  #take(keys: readonly ApiKey[]): void {
    this.#keys = new Map(keys.map((key) => [key.sha256, key]));
    this.#names = new Set(keys.map(({ name }) => name));
  }

  /** Keys that are in no file: they last as long as the process. */
  static of(keys: readonly ApiKey[]): KeyRing {
    return new KeyRing(undefined, keys);
  }

  /** @throws as `readKeys`. */
  static async open(path: string): Promise<KeyRing> {
    const ring = new KeyRing(path);
    await ring.#check(path);
    return ring;
  }

  /** @throws `unavailable` when the file was taken away or damaged: a list that cannot be read lets no one in. */
  async find(secret: string): Promise<ApiKey | undefined> {
    await this.#refresh();
    return this.#keys.get(digest(secret));
  }

  /** Whether a key of that name is there still. @throws as `find`. */
  async has(name: string): Promise<boolean> {
    await this.#refresh();
    return this.#names.has(name);
  }

  async #refresh(): Promise<void> {
    const path = this.#path;
    if (path !== undefined && performance.now() - this.#checkedAt > checkEveryMs) {
      this.#checking ??= this.#check(path).finally(() => (this.#checking = undefined));
      await this.#checking.catch((cause: unknown) => {
        throw new OcellusError("unavailable", "keys cannot be checked now; the server's log says why", { cause });
      });
    }
  }

  async #check(path: string): Promise<void> {
    const look = await fingerprintFile(path, this.#look);
    if (look.digest !== this.#look?.digest) this.#take(await readKeys(path));
    this.#look = look;
    this.#checkedAt = performance.now();
  }
}

const checkEveryMs = 2000;

function digest(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

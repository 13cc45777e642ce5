import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { temporaryFolder } from "../base/temporary-folder.testkit.js";
import { fileDigest, partDigests } from "./digest.js";

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

it.each([0, 1, 2 ** 20 - 1, 2 ** 20, 3 * 2 ** 20 + 5])(
  "parts of a file of %i bytes have their own digests",
  async (length) => {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 12)) % 251);
    const path = join(temporaryFolder(), "file");
    writeFileSync(path, bytes);
    for (const partBytes of [2 ** 19, 700_001, 2 ** 22]) {
      const parts = [];
      for (let at = 0; at < length; at += partBytes) parts.push(sha256(bytes.subarray(at, at + partBytes)));
      expect(await partDigests(path, partBytes)).toEqual({ bytes: length, parts });
    }
    expect(await fileDigest(path)).toBe(sha256(bytes));
  },
);

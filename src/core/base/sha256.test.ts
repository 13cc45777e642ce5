import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Sha256 } from "./sha256.js";

const ours = (data: Uint8Array | string) => new Sha256().update(data).digest();
const native = (data: Uint8Array | string) => createHash("sha256").update(data).digest("hex");

describe("SHA-256 in JavaScript", () => {
  it("is that of Node, of texts and of bytes of every length around a block", () => {
    for (let length = 0; length < 200; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 37) % 256);
      expect(ours(bytes)).toBe(native(bytes));
    }
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => ours(text) === native(text)));
  });

  it("does not depend on how bytes are cut into pieces", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 150 }), { maxLength: 6 }), (pieces) => {
        const hash = new Sha256();
        for (const piece of pieces) hash.update(piece);
        return hash.digest() === native(Buffer.concat(pieces));
      }),
    );
  });
});

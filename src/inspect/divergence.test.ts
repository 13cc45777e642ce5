import { expect, it } from "vitest";
import { ocellusError } from "../core/base/ocellus-error.testkit.js";
import { divergence } from "./divergence.js";

it("no divergence is made of NaN; an impossible token adds nothing", () => {
  const broken = Float32Array.of(1, Number.NaN, 2);
  const fine = Float32Array.of(1, 0, 2);
  for (const compare of [() => divergence(fine, broken), () => divergence(broken, fine)])
    expect(compare).toThrow(ocellusError("internal", { index: 1 }));
  const impossible = Float32Array.of(1, Number.NEGATIVE_INFINITY, 2);
  expect(divergence(impossible, impossible)).toEqual({ kl: 0, sameTop: true });
  expect(divergence(fine, impossible).kl).toBe(Number.POSITIVE_INFINITY);
});

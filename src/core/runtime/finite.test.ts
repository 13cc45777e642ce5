import { expect, it } from "vitest";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import { unit } from "./vision.js";

it("no direction is made of NaN", () => {
  expect(() => unit(Float32Array.of(1, Number.NaN, 2))).toThrow(ocellusError("internal", { index: 1 }));
});

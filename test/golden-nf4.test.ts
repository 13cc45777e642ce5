/** NF4 against bitsandbytes' own CPU code, bit by bit: test/golden/quantize/nf4.safetensors, by training/golden_quant.py. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { dequantizeNf4, nestScales, quantizeNf4, unnestScales } from "../src/core/quantize/index.js";
import { repository } from "./support/folders.js";
import { openFixture } from "./support/parity.js";

describe("NF4 is bit-equal to bitsandbytes", async () => {
  const fixture = await openFixture(join(repository, "test/golden/quantize"), "nf4");
  const blocks = quantizeNf4(await fixture.floats("values"), 128);

  it("in codes and scales, for usual, heavy-tailed, zero and denormal blocks and values halfway between codes", async () => {
    expect([...blocks.codes]).toEqual(await fixture.numbers("codes"));
    expect([...blocks.scales]).toEqual(await fixture.numbers("absmax"));
  });

  it("in doubly quantised scales and the numbers they restore", async () => {
    const [offset] = await fixture.floats("offset");
    const nested = nestScales(blocks.scales, offset);
    const codes = await fixture.numbers("nested_codes");
    expect([...nested.codes.subarray(0, codes.length)]).toEqual(codes);
    expect([...nested.scales]).toEqual(await fixture.numbers("nested_absmax"));
    expect([...nested.table]).toEqual(await fixture.numbers("nested_table"));
    const scales = unnestScales(nested, blocks.scales.length);
    expect([...dequantizeNf4({ ...blocks, scales })]).toEqual(await fixture.numbers("restored"));
  });

  it("in the mean of the scales, up to the order in which the machine sums", async () => {
    const [offset] = await fixture.floats("offset");
    expect(Math.abs(nestScales(blocks.scales).offset / offset! - 1)).toBeLessThan(2 ** -22); // two roundings of float32
  });
});

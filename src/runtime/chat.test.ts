import { describe, expect, it } from "vitest";
import { readDefaults, readEosTokenIds } from "./chat.js";

describe("generation_config.json", () => {
  it("gives the sampling that transformers would use, and greedy without do_sample", () => {
    const json = { do_sample: true, temperature: 0.7, top_p: 0.8, top_k: 20 };
    expect(readDefaults(json).sampling).toEqual({ temperature: 0.7, top_p: 0.8, top_k: 20, repetition_penalty: 1 });
    expect(readDefaults({ ...json, do_sample: false })).toEqual({});
    expect(readDefaults(undefined)).toEqual({});
  });

  it("names the tokens that end an answer, alone or as a list", () => {
    expect(readEosTokenIds({ eos_token_id: [151645, 151643] })).toEqual([151645, 151643]);
    expect(readEosTokenIds({ eos_token_id: 2 })).toEqual([2]);
    for (const json of [undefined, {}, { eos_token_id: [] }, { eos_token_id: "2" }, { eos_token_id: null }])
      expect(readEosTokenIds(json)).toBeUndefined();
  });
});

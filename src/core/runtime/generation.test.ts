import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { generationNotes, readEosTokenIds, readSampling } from "./generation.js";

describe("generation_config.json", () => {
  it("gives the sampling that transformers would use, and greedy without do_sample", () => {
    const json = { do_sample: true, temperature: 0.7, top_p: 0.8, top_k: 20 };
    expect(readSampling(json)).toEqual({ temperature: 0.7, top_p: 0.8, top_k: 20, repetition_penalty: 1 });
    expect(readSampling({ ...json, do_sample: false })).toBeUndefined();
    expect(readSampling(undefined)).toBeUndefined();
  });

  it("gives what else the reference applies: min_p to draws, and the penalty to greedy answers, too", () => {
    expect(readSampling({ do_sample: true, min_p: 0.1 })).toMatchObject({ min_p: 0.1 });
    expect(readSampling({ min_p: 0.1 })).toBeUndefined();
    expect(readSampling({ repetition_penalty: 1.05 })).toEqual({ repetition_penalty: 1.05 });
  });

  it("names the tokens that end an answer, alone or as a list", () => {
    expect(readEosTokenIds({ eos_token_id: [151645, 151643] })).toEqual([151645, 151643]);
    expect(readEosTokenIds({ eos_token_id: 2 })).toEqual([2]);
    for (const json of [undefined, {}, { eos_token_id: [] }, { eos_token_id: "2" }, { eos_token_id: null }])
      expect(readEosTokenIds(json)).toBeUndefined();
  });

  it("is reported where it asks for what is not applied, and only there", () => {
    const path = join(import.meta.dirname, "../../../test/golden/config-fields/fields.json");
    const { generation } = JSON.parse(readFileSync(path, "utf8"));
    for (const do_sample of [true, false]) expect(generationNotes({ ...generation, do_sample })).toEqual([]);
    const asked = { no_repeat_ngram_size: 3, num_beams: 4, typical_p: 0.9, length_penalty: 2, bad_words_ids: null };
    expect(generationNotes(asked)).toEqual([expect.stringMatching(/: no_repeat_ngram_size, num_beams$/)]);
    expect(generationNotes({ ...asked, do_sample: true })[0]).toMatch(/typical_p$/);
    expect(generationNotes(undefined)).toEqual([]);
  });
});

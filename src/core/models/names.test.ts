/** Spellings of tensor names, and the part that each belongs to, in every family. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { GraphBuilder, recordingCatalog } from "../graph/index.js";
import type { AnyFamily } from "./family.js";
import type { Part } from "./names.js";
import { families, familyOf } from "./registry.js";

const goldens = join(import.meta.dirname, "../../../test/golden");
const readConfig = (folder: string) => JSON.parse(readFileSync(join(goldens, folder, "config.json"), "utf8"));

/** Every name that the family's graphs read, and the token table. */
function canonicalNames(family: AnyFamily, config: unknown): string[] {
  const catalog = recordingCatalog(() => ({ kind: "f32" }));
  for (const fill of Object.values(family.graphs(config))) fill(new GraphBuilder("any", catalog));
  return [...new Set([...catalog.tensors.keys(), ...(family.kind === "language" ? [family.embedTokens] : [])])];
}

/** How a saver spells [the decoder, the vision encoder, the head] of a Qwen-VL family. */
const qwenVlSpellings = [
  ["model.language_model.", "model.visual.", "lm_head."],
  ["model.", "visual.", "lm_head."],
  ["language_model.", "visual.", "lm_head."],
  ["language_model.model.", "vision_tower.", "language_model.lm_head."],
  ["model.language_model.model.", "model.visual.", "model.language_model.lm_head."],
  ["base_model.model.model.language_model.", "base_model.model.model.visual.", "base_model.model.lm_head."],
  ["module.model.language_model.", "module.model.visual.", "module.lm_head."],
  ["_orig_mod.model.", "_orig_mod.visual.", "_orig_mod.lm_head."],
] as const;

describe.each([
  "qwen2_vl/tied-gqa",
  "qwen2_5_vl/flat-two-images",
  "qwen3_vl/wide-grid",
  "qwen3_vl/untied-two-pictures",
  "qwen3_5/tied-one-image",
  "qwen3_5/untied-two-images",
])("the names of %s", (folder) => {
  const json = readConfig(folder);
  const family = familyOf(json);
  const names = canonicalNames(family, family.parseConfig(json));

  it.each(qwenVlSpellings)("are known as %s…, %s… and %s…", (decoder, vision, head) => {
    const spelled = names.map((name) =>
      name
        .replace(/^model\.language_model\./, decoder)
        .replace(/^model\.visual\./, vision)
        .replace(/^lm_head\./, head),
    );
    expect(spelled.map(family.canonicalName)).toEqual(names);
  });
});

const decoderSpellings = ["", "model.", "language_model.", "language_model.model.", "base_model.model.model."];

describe.each([
  ["llama", "llama/untied-biased", "model."],
  ["qwen3", "qwen3/untied-mha", "model."],
  ["qwen3_5_text", "qwen3_5_text/wide-kernel", "model."],
  ["qwen3_vl_resampler", "qwen3_vl_resampler/mha-untied", "language_model."],
])("the decoder of %s", (_, folder, path) => {
  const json = readConfig(folder);
  const family = familyOf(json);
  const names = canonicalNames(family, family.parseConfig(json));

  it.each(decoderSpellings)("is known behind %j, its head too", (wrapper) => {
    const spelled = names.map((name) => (name.startsWith(path) ? wrapper + name.slice(path.length) : name));
    const heads = names.map((name) => name.replace(/^lm_head/, `${wrapper}lm_head`));
    expect(spelled.map(family.canonicalName)).toEqual(names);
    expect(heads.map(family.canonicalName)).toEqual(names);
  });
});

describe("names of other roots", () => {
  it.each(families.map((family) => [family.modelType, family] as const))("stay as they are in %s", (_, family) => {
    for (const name of ["model.mtp.layers.0.weight", "score.weight", "constructor", "", "model.", "model"])
      expect(family.canonicalName(name)).toBe(name);
  });
});

describe("the parts of a model", () => {
  const cases: readonly (readonly [folder: string, parts: Readonly<Partial<Record<Part, RegExp>>>])[] = [
    [
      "clip/gelu",
      {
        vision: /^vision_model/,
        text: /^text_model\.(enc|final)/,
        embedding: /^text_model\.emb/,
        connector: /^(visual|text)_projection|^logit_scale/,
      },
    ],
    ["vit/gelu", { vision: /^vit\./, head: /^classifier/ }],
    ["llama/untied-biased", { decoder: /^model\.(layers|norm)/, embedding: /^model\.embed_tokens/, head: /^lm_head/ }],
    ["qwen3/untied-mha", { decoder: /^model\.(layers|norm)/, embedding: /^model\.embed_tokens/, head: /^lm_head/ }],
    [
      "qwen3_5_text/wide-kernel",
      { decoder: /^model\.(layers|norm)/, embedding: /^model\.embed_tokens/, head: /^lm_head/ },
    ],
    [
      "qwen3_5/untied-two-images",
      {
        vision: /^model\.visual\.(blocks|patch_embed|pos_embed)/,
        connector: /^model\.visual\.merger/,
        embedding: /^model\.language_model\.embed_tokens/,
        decoder: /^model\.language_model\.(layers|norm)/,
        head: /^lm_head/,
      },
    ],
    [
      "idefics3/split",
      {
        vision: /^model\.vision_model\./,
        connector: /^model\.connector\./,
        embedding: /^model\.text_model\.embed_tokens/,
        decoder: /^model\.text_model\.(layers|norm)/,
        head: /^lm_head/,
      },
    ],
    [
      "internvl/qwen2-two-images",
      {
        vision: /^model\.vision_tower\./,
        connector: /^model\.multi_modal_projector\./,
        embedding: /^model\.language_model\.embed_tokens/,
        decoder: /^model\.language_model\.(layers|norm)/,
        head: /^lm_head/,
      },
    ],
    [
      "qwen2_5_vl/flat-two-images",
      {
        vision: /^model\.visual\.(blocks|patch_embed)/,
        connector: /^model\.visual\.merger/,
        embedding: /^model\.language_model\.embed_tokens/,
        decoder: /^model\.language_model\.(layers|norm)/,
        head: /^lm_head/,
      },
    ],
    [
      "qwen3_vl/untied-two-pictures",
      {
        vision: /^model\.visual\.(blocks|patch_embed|pos_embed)/,
        connector: /^model\.visual\.(merger|deepstack_merger_list)/,
        embedding: /^model\.language_model\.embed_tokens/,
        decoder: /^model\.language_model\.(layers|norm)/,
        head: /^lm_head/,
      },
    ],
    [
      "qwen3_vl_resampler/mha-untied",
      {
        vision: /^vision_tower/,
        connector: /^perceiver_resampler/,
        embedding: /^language_model\.embed_tokens/,
        decoder: /^language_model\.(layers|norm)/,
        head: /^lm_head/,
      },
    ],
  ];

  it("of keras_mobilenet_v2, which has no golden checkpoint, likewise", () => {
    const family = familyOf({ model_type: "keras_mobilenet_v2" });
    const names = canonicalNames(family, family.parseConfig({ model_type: "keras_mobilenet_v2", labels: ["a", "b"] }));
    const heads = names.filter((name) => family.parts(name) === "head");
    expect([...new Set(heads.map((name) => name.split(".")[0]))]).toEqual(["dense_1", "dense_2", "dense_3"]);
    expect(new Set(names.map((name) => family.parts(name)))).toEqual(new Set(["vision", "head"]));
  });

  it.each(cases)("of %s are told from the names", (folder, parts) => {
    const json = readConfig(folder);
    const family = familyOf(json);
    const names = canonicalNames(family, family.parseConfig(json));
    const found = new Set(names.map((name) => family.parts(name)));
    expect([...found].sort()).toEqual(Object.keys(parts).sort());
    for (const name of names) expect(name).toMatch(parts[family.parts(name)]!);
  });
});

describe("prefixes of names", () => {
  const namesIn = (folder: string) => {
    const json = readConfig(folder);
    return canonicalNames(familyOf(json), familyOf(json).parseConfig(json));
  };
  const folders = [
    "clip/gelu",
    "vit/gelu",
    "llama/untied-biased",
    "qwen3_5_text/wide-kernel",
    "qwen3_5/untied-two-images",
    "qwen3_vl/untied-two-pictures",
  ];
  /** The first modules of every family's names that are no common words: `vision_tower`, `lm_head`, `embed_tokens` … */
  const roots = [...folders, "qwen3_vl_resampler/mha-untied"]
    .flatMap(namesIn)
    .flatMap((name) => name.split(".").slice(0, -1).slice(0, 3))
    .filter((part) => part.includes("_"));
  /**
   * nn's blocks name what is inside a layer, place.ts has the words of strangers' checkpoints, unread.ts what no family reads;
   * help texts of the command line say `lm_head` to people.
   */
  const allowed =
    /(^|\/)(models\/|nn\/|inspect\/place\.ts$|pack\/unread\.ts$|options\.ts$|inspect\/inspect\.ts$|serve\/settings\.ts$)/;

  it("are known to the families alone", () => {
    const src = import.meta.dirname.replace(/([\\/]src)[\\/].*$/, "$1");
    const files = readdirSync(src, { recursive: true, encoding: "utf8" }).map((path) => path.replaceAll("\\", "/"));
    const code = files.filter(
      (path) => /\.ts$/.test(path) && !/\.(test|testkit)\.ts$/.test(path) && !allowed.test(path),
    );
    const pattern = new RegExp(`(?<![\\w/])(?:${[...new Set(roots)].join("|")})(?![\\w/])`);
    const found = code.flatMap((path) => {
      const text = readFileSync(join(src, path), "utf8").replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
      return pattern.test(text) ? [`${path}: ${pattern.exec(text)![0]}`] : [];
    });
    expect(code.length).toBeGreaterThan(200);
    expect(pattern.source).toMatch(/lm_head.*perceiver_resampler|perceiver_resampler.*lm_head/);
    expect(found).toEqual([]);
  });
});

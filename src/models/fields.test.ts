/** Every field of the reference's config classes is used, irrelevant or refused, and a missing one means what it means there. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { OcellusError } from "../base/index.js";
import { configNotes, irrelevant, objectIn } from "./fields.js";
import { families, familyOf } from "./index.js";

type Fields = Record<string, unknown>;
interface Section {
  readonly fields: Fields;
  readonly aliases: Record<string, string>;
  readonly default_theta?: number;
}
interface Golden {
  readonly generation: readonly string[];
  readonly families: Record<string, { readonly read: readonly string[]; readonly sections: Record<string, Section> }>;
}

const goldens = join(import.meta.dirname, "../../test/golden");
const readJson = (path: string) => JSON.parse(readFileSync(join(goldens, path), "utf8"));
const golden: Golden = readJson("config-fields/fields.json");

/** The fields of a section of a config, "" being the whole. */
function shapeOf(modelType: string, section: string): Fields {
  const { shape } = objectIn(familyOf({ model_type: modelType }).configSchema)!;
  return section === "" ? shape : objectIn(shape[section])!.shape;
}
const parse = (config: Fields) => familyOf(config).parseConfig(config) as Fields;
/** Sizes of the reference's default configs do not all agree with each other, so rules between fields are left out. */
const understand = (config: Fields) => familyOf(config).configSchema.parse(config) as Fields;
const withFields = (modelType: string, section: string, fields: Fields): Fields => ({
  model_type: modelType,
  ...(section === "" ? fields : { [section]: fields }),
});

function refusal(config: Fields): OcellusError {
  try {
    parse(config);
  } catch (error) {
    if (error instanceof OcellusError) return error;
    throw error;
  }
  throw new Error(`not refused: ${JSON.stringify(config)}`);
}

describe.each(Object.entries(golden.families))("the config of %s", (modelType, { read, sections }) => {
  it("classifies each field of the reference, and each other name that the class takes", () => {
    const unclassified = Object.entries(sections).flatMap(([section, { fields, aliases, default_theta }]) => {
      const rope = default_theta === undefined ? [] : ["rope_theta", "rope_scaling", "partial_rotary_factor"];
      const names = [...Object.keys(fields), ...Object.keys(aliases), ...rope, ...golden.generation];
      const known = shapeOf(modelType, section);
      return names.filter((name) => !(name in known)).map((name) => `${section}.${name}`);
    });
    expect(unclassified).toEqual([]);
  });

  it("classifies each name that the reference's modelling code reads", () => {
    const known = Object.keys(sections).flatMap((section) => Object.keys(shapeOf(modelType, section)));
    expect(read.filter((name) => !known.includes(name))).toEqual([]);
  });

  it("takes the reference's default for each field that is missing or written out", () => {
    const { "": whole, ...parts } = sections;
    const written = Object.entries(parts).map(([name, { fields }]) => [name, fields]);
    const config = { ...whole!.fields, ...Object.fromEntries(written), model_type: modelType };
    for (const understood of [understand({ model_type: modelType }), understand(config)]) {
      for (const [section, { fields }] of Object.entries(sections)) {
        const ours = (section === "" ? understood : understood[section]) as Fields;
        const used = Object.keys(fields).filter(
          (name) => ours[name] !== undefined && !/^rope_|^layer_types/.test(name),
        );
        expect(Object.fromEntries(used.map((name) => [name, ours[name]]))).toEqual(
          Object.fromEntries(used.map((name) => [name, fields[name]])),
        );
      }
    }
    expect(configNotes(familyOf(config), config)).toEqual([]);
  });
});

const passedOver = irrelevant("any").any;
const everyField = families.flatMap(({ modelType, configSchema }) =>
  ["", ...Object.keys(objectIn(configSchema)!.shape)].flatMap((section) => {
    const shape =
      section === "" ? objectIn(configSchema)!.shape : objectIn(objectIn(configSchema)!.shape[section])?.shape;
    return Object.entries(shape ?? {}).map(([name, schema]) => ({ modelType, section, name, schema }));
  }),
);

describe("any field of any family", () => {
  it("with a value that nobody knows is refused by name or reported, unless it is irrelevant", () => {
    const silent = everyField.filter(({ modelType, section, name, schema }) => {
      if (schema === passedOver) return false;
      const config = withFields(modelType, section, { [name]: { stranger: 1 } });
      const { configSchema } = familyOf({ model_type: modelType });
      const issues = configSchema.safeParse(config).error?.issues ?? [];
      const path = [...(section === "" ? [] : [section]), name];
      const isRefused = issues.some((issue) => path.every((key, i) => issue.path[i] === key));
      return !isRefused && configNotes({ configSchema }, config).length === 0;
    });
    expect(everyField.length).toBeGreaterThan(900);
    expect(silent.map(({ modelType, section, name }) => `${modelType} ${section}.${name}`)).toEqual([]);
  });

  it("is reported when no list has it, with its path, unless it is null", () => {
    const config = withFields("qwen3_vl", "text_config", {
      logit_softcapping: 30,
      rope_scaling: { factor: 4, beta: null },
    });
    const [note] = configNotes(familyOf(config), config);
    expect(note).toContain("text_config.logit_softcapping, text_config.rope_scaling.factor");
    expect(note).not.toContain("beta");
  });
});

const resampler = readJson("qwen3_vl_resampler/gqa-tied/config.json");
const decoders: readonly (readonly [modelType: string, change: (text: Fields) => Fields])[] = [
  ["qwen3", (text) => ({ model_type: "qwen3", ...text })],
  ["qwen3_vl", (text) => ({ ...readJson("qwen3_vl/wide-grid/config.json"), text_config: text })],
  ["qwen3_vl_resampler", (text) => ({ ...resampler, text_config: { ...resampler.text_config, ...text } })],
];

describe.each(decoders)("the decoder of %s", (_, withText) => {
  const yarn = { factor: 4, original_max_position_embeddings: 32_768 };

  it.each([
    [{ rope_scaling: { type: "yarn", ...yarn } }, "rope_scaling.type"],
    [{ rope_scaling: { rope_type: "yarn", ...yarn } }, "rope_scaling.rope_type"],
    [{ rope_parameters: { type: "linear", factor: 2 } }, "rope_parameters.type"],
    [{ rope_parameters: { rope_type: "llama3", rope_theta: 1e6 } }, "rope_parameters.rope_type"],
    [{ rope_parameters: { full_attention: { rope_type: "yarn" } } }, "rope_parameters.full_attention"],
    [{ partial_rotary_factor: 0.5 }, "partial_rotary_factor"],
    [{ use_sliding_window: true }, "use_sliding_window"],
    [{ layer_types: ["full_attention", "sliding_attention"] }, "layer_types.1"],
    [{ hidden_act: "gelu" }, "hidden_act"],
    [{ per_layer_config: { 0: { head_dim: 64 } } }, "per_layer_config"],
  ])("refuses %j by name", (text, field) => {
    const { code, details } = refusal(withText(text));
    expect(code).toBe("unsupported");
    expect((details.fields as string[]).map((path) => path.replace("text_config.", ""))).toEqual([field]);
  });
});

describe("the base of the rotation", () => {
  const angles = (config: Fields) => {
    const family = familyOf(config);
    if (family.kind !== "language") throw new Error("not a decoder");
    const positions = family.positions({}, [1, 2, 3], []);
    return [...family.rotary(parse(config), { start: 2, count: 1, positions }).sin];
  };
  const cases = [
    ["qwen3", "", decoders[0]![1]],
    ["qwen3_vl", "text_config", decoders[1]![1]],
  ] as const;

  it.each(cases)("is that of %s's class where no field says it, and a field's where one does", (type, section, of) => {
    const theta = golden.families[type]!.sections[section]!.default_theta!;
    const unsaid = angles(of({ hidden_size: 48 }));
    expect(angles(of({ hidden_size: 48, rope_theta: theta }))).toEqual(unsaid);
    const other = angles(of({ hidden_size: 48, rope_theta: 77 }));
    expect(other).not.toEqual(unsaid);
    for (const spelled of [
      { rope_scaling: { rope_theta: 77 } },
      { rope_parameters: { rope_theta: 77, rope_type: "default" }, rope_theta: 5 },
      { rope_scaling: { rope_theta: 77 }, rope_parameters: { rope_theta: 5 } },
      { rope_scaling: {}, rope_parameters: { rope_theta: 77 } },
    ])
      expect(angles(of({ hidden_size: 48, ...spelled }))).toEqual(other);
  });
});

describe("clip's towers", () => {
  it("are read from …_config_dict where a file of 2022 has both, its defaults included", () => {
    const config = { model_type: "clip", text_config: { hidden_size: 64 }, text_config_dict: { vocab_size: 100 } };
    expect(parse(config).text_config).toMatchObject({ hidden_size: 512, vocab_size: 100 });
  });
});

describe("vit's labels", () => {
  it.each([
    [{ id2label: { 0: "a", 1: "b", 2: "c" }, num_labels: 5 }, ["a", "b", "c"]],
    [{ num_labels: 3 }, ["LABEL_0", "LABEL_1", "LABEL_2"]],
    [{}, ["LABEL_0", "LABEL_1"]],
  ])("of %j", (fields, labels) => {
    const config = withFields("vit", "", fields);
    const family = familyOf(config);
    expect(family.kind === "classifier" && family.labels(parse(config))).toEqual(labels);
  });

  it("that are not scored by a softmax are refused", () => {
    expect(refusal(withFields("vit", "", { problem_type: "multi_label_classification" })).code).toBe("unsupported");
    expect(refusal(withFields("vit", "", { num_labels: 1 })).code).toBe("invalid_config");
  });
});

import { describe, expect, it } from "vitest";
import { OcellusError } from "../base/index.js";
import { families, familyOf } from "./registry.js";

/** The details of the refusal of such a config.json. */
function detailsOf(config: unknown): Readonly<Record<string, unknown>> {
  try {
    familyOf(config);
  } catch (error) {
    if (error instanceof OcellusError && error.code === "unsupported") return error.details;
    throw error;
  }
  throw new Error("the type was taken");
}

const [vision, text] = [{ vision_config: {}, text_config: {} }, { architectures: ["XForCausalLM"] }];
const supported = families.map(({ modelType }) => modelType);

describe("a model_type that is not supported", () => {
  it.each([
    // by name alone
    [{ model_type: "llava" }, "vision_language", undefined],
    [{ model_type: "gpt2" }, "text", undefined],
    [{ model_type: "chinese_clip" }, "dual_encoder", undefined],
    [{ model_type: "swin" }, "classifier", undefined],
    // by what the config has
    [{ model_type: "new1", ...vision, architectures: ["NewForConditionalGeneration"] }, "vision_language", undefined],
    [{ model_type: "new1", ...vision }, "vision_language", undefined],
    [{ model_type: "new1", mm_vision_tower: "x", ...text }, "vision_language", undefined],
    [{ model_type: "new1", ...vision, logit_scale_init_value: 2.6 }, "dual_encoder", undefined],
    [{ model_type: "new1", architectures: ["NewForImageClassification"] }, "classifier", undefined],
    [{ model_type: "new1", ...text }, "text", undefined],
    // the same line
    [{ model_type: "qwen3_vl_moe", ...vision }, "vision_language", "qwen3_vl"],
    [{ model_type: "qwen3_moe", ...text }, "text", "qwen3"],
    [{ model_type: "qwen2_5_vl_moe" }, undefined, "qwen2_5_vl"],
    [{ model_type: "vit_hybrid", architectures: ["XForImageClassification"] }, "classifier", "vit"],
    // spelt otherwise
    [{ model_type: "Qwen3-VL", ...vision }, "vision_language", "qwen3_vl"],
    // alike in spelling, and of another kind
    [{ model_type: "qwen3_omni", ...vision }, "vision_language", undefined],
    [{ model_type: "llama_vision", ...vision }, "vision_language", undefined],
    // not a type
    [{}, undefined, undefined],
    [null, undefined, undefined],
    [{ model_type: 7, architectures: "x" }, undefined, undefined],
  ])("%j is of kind %s, and nearest is %s", (config, kind, nearest) => {
    const found = (config as { model_type?: unknown } | null)?.model_type;
    expect(detailsOf(config)).toEqual({ found, kind, nearest, supported });
  });

  it("may be as long as a hostile file makes it", () => {
    expect(detailsOf({ model_type: `qwen3_vl_${"x".repeat(1e6)}` })).toMatchObject({ nearest: "qwen3_vl" });
  });
});

/** minicpmv4_6 and minicpm_ocr: configs as transformers writes them, what is refused, the order of patches, and the text around views. */
import { describe, expect, it } from "vitest";
import { OcellusError } from "../base/index.js";
import { mergeOrder } from "./merged-patches.js";
import { minicpmOcr, minicpmv46 } from "./minicpmv4_6.js";

const text = { model_type: "qwen3_5_text", hidden_size: 1024, num_hidden_layers: 24, linear_num_value_heads: 16 };
const vision = {
  ...{ model_type: "minicpmv4_6_vision", hidden_size: 1152, intermediate_size: 4304, num_attention_heads: 16 },
  ...{ num_hidden_layers: 27, image_size: 980, patch_size: 14, window_kernel_size: [2, 2], insert_layer_id: 6 },
};
const config = {
  ...{ model_type: "minicpmv4_6", architectures: ["MiniCPMV4_6ForConditionalGeneration"], image_size: 448 },
  ...{ insert_layer_id: 6, drop_vision_last_layer: false, downsample_mode: "16x", merge_kernel_size: [2, 2] },
  ...{ merger_times: 1, patch_size: 14, image_token_id: 248_056, video_token_id: 248_057 },
  ...{ text_config: text, vision_config: vision },
};

it("is 16 patches a token in MiniCPM-V 4.6 and 4 in MiniCPM-OCR where a file leaves it out, as are tied tables", () => {
  const { downsample_mode: _, ...silent } = config;
  const [v, ocr] = [minicpmv46.parseConfig(silent), minicpmOcr.parseConfig({ ...silent, model_type: "minicpm_ocr" })];
  expect([v.downsample_mode, v.tie_word_embeddings]).toEqual(["16x", false]);
  expect([ocr.downsample_mode, ocr.tie_word_embeddings]).toEqual(["4x", true]);
});

it.each([
  [{ merge_kernel_size: [4, 4] }, "unsupported"],
  [{ merger_times: 2 }, "unsupported"],
  [{ downsample_mode: "2x" }, "unsupported"],
  [{ image_token_id: null }, "invalid_config"],
  [{ insert_layer_id: 27 }, "invalid_config"],
  [{ vision_config: { ...vision, window_kernel_size: [2, 4] } }, "unsupported"],
  [{ vision_config: { ...vision, hidden_act: "relu" } }, "unsupported"],
  [{ vision_config: { ...vision, num_attention_heads: 5 } }, "invalid_config"],
] as const)("refuses %j", (change, code) => {
  try {
    minicpmv46.parseConfig({ ...config, ...change });
  } catch (error) {
    expect((error as OcellusError).code).toBe(code);
    expect(error).toBeInstanceOf(OcellusError);
    return;
  }
  expect.unreachable();
});

describe("patches that are merged twice", () => {
  it("come in blocks of four by four, in each of which those that are merged first are neighbours", () => {
    const order = mergeOrder({ rows: 4, columns: 8 }, 2).map(({ row, column }) => 8 * row + column);
    expect(order.slice(0, 16)).toEqual([0, 1, 8, 9, 2, 3, 10, 11, 16, 17, 24, 25, 18, 19, 26, 27]);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 32 }, (_, i) => i));
  });

  it("are merged once in the order of the halved grid", () => {
    const grid = { rows: 12, columns: 8 };
    const once = mergeOrder(grid, 2).filter((_, i) => i % 4 === 0);
    const halved = mergeOrder({ rows: 6, columns: 4 });
    expect(once.map(({ row, column }) => [row / 2, column / 2])).toEqual(
      halved.map(({ row, column }) => [row, column]),
    );
  });
});

describe("an image in a prompt", () => {
  const words: string[] = [];
  const encode = (part: string) => [1000 + words.push(part) - 1];
  const written = (ids: readonly number[]) => ids.map((id) => (id >= 1000 ? words[id - 1000] : "·")).join("");

  it.each([
    ["minicpmv4_6", minicpmv46, { rows: 32, columns: 32 }, 2, `<image_id>2</image_id><image>${"·".repeat(64)}</image>`],
    ["minicpm_ocr", minicpmOcr, { rows: 4, columns: 8 }, 0, `<image_id>0</image_id><image>${"·".repeat(8)}</image>`],
    [
      "minicpmv4_6 in slices",
      minicpmv46,
      { rows: 16, columns: 8, slices: { rows: 2, columns: 2, overview: { rows: 8, columns: 4 } } },
      1,
      "<image_id>1</image_id><image>··</image><slice>··</slice><slice>··</slice>\n<slice>··</slice><slice>··</slice>",
    ],
  ] as const)("is %s as the reference writes it", (_, family, grid, index, expected) => {
    const parsed = family.parseConfig({ ...config, downsample_mode: undefined });
    const { ids, spans } = family.image!.layout(parsed, grid, 7, encode, index);
    expect(written(ids)).toBe(expected);
    expect(spans.reduce((sum, { numTokens }) => sum + numTokens, 0)).toBe(ids.filter((id) => id === 7).length);
  });
});

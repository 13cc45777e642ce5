/** Boxes of answers in pixels of the image that was sent: small random models that the grammar makes write boxes. */
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { satisfiesSchema } from "../src/core/grammar/index.js";
import { drawPlaces } from "../src/core/image/node/index.js";
import { smartSize } from "../src/core/image/spec/smart-size.js";
import { type ChatOptions, image, loadModel, type VisionLanguageModel } from "../src/core/runtime/index.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { startServer } from "./support/server.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());
const side = { type: "integer", minimum: 0, maximum: 60 };
const box = { type: "array", items: side, minItems: 4, maxItems: 4 };
const schema = {
  type: "array",
  items: {
    type: "object",
    properties: { bbox_2d: box, label: { enum: ["a", "b"] } },
    required: ["bbox_2d", "label"],
    additionalProperties: false,
  },
  minItems: 2,
  maxItems: 2,
};
const record = {
  type: "object",
  properties: {
    colour: { enum: ["red", "blue"] },
    sizes: { type: "array", items: { enum: ["S", "M"] }, minItems: 2, maxItems: 2 },
  },
  required: ["colour", "sizes"],
  additionalProperties: false,
};

const width = 80;
const height = 60;
const photo = (orientation = 1) =>
  sharp({ create: { width, height, channels: 3, background: "#3366cc" } })
    .jpeg()
    .withMetadata({ orientation })
    .toBuffer();

describe.each(["qwen3_vl", "qwen2_5_vl"])("%s", (family) => {
  let model: VisionLanguageModel;
  beforeAll(async () => {
    model = await loadModel(join(repository, "test/golden/whole", family), {
      weights: "fp32",
      device: "cpu",
      threads: 1,
    });
  });
  afterAll(() => model.close());
  const ask = async (options: ChatOptions, orientation = 1, count = 1) => {
    const images = await Promise.all(Array.from({ length: count }, () => photo(orientation)));
    return model.answer([{ role: "user", content: [...images.map((each) => image(each)), "What is in this image?"] }], {
      maxTokens: 300,
      sampling: { temperature: 0 },
      ...options,
    });
  };
  const responseFormat = { type: "json_schema", schema } as const;

  it("gives what the answer says in pixels of the image", async () => {
    const { text, boxes } = await ask({ responseFormat, boxes: true });
    const written = JSON.parse(text) as { bbox_2d: number[]; label: string }[];
    expect(boxes).toHaveLength(2);
    const thousandths = { width: 1000, height: 1000 };
    const sent = { width, height, data: new Uint8Array(width * height * 3) };
    const frame = family === "qwen3_vl" ? thousandths : model.modelView(sent); // as it is scaled
    for (const [i, { bbox_2d, label }] of written.entries()) {
      const [x1, y1, x2, y2] = bbox_2d as [number, number, number, number];
      const xs = [x1, x2].map((x) => Math.min(1, x / frame.width) * width).sort((a, b) => a - b);
      const ys = [y1, y2].map((y) => Math.min(1, y / frame.height) * height).sort((a, b) => a - b);
      expect(boxes![i]!.label).toBe(label);
      for (const [n, expected] of [xs[0]!, ys[0]!, xs[1]!, ys[1]!].entries())
        expect(boxes![i]!.box![n]).toBeCloseTo(expected, 9);
      expect(boxes![i]!.stored).toBeUndefined();
    }
  });

  it("says how images are scaled where boxes are counted so: a client comes to the same numbers", () => {
    const { places, resize } = model.info;
    expect(places === "scaled_pixels").toBe(resize !== undefined);
    for (const size of [
      { width: 80, height: 60 },
      { width: 301, height: 97 },
      { width: 2000, height: 1500 },
    ]) {
      if (!resize) continue;
      const { width, height } = model.modelView({ ...size, data: new Uint8Array(size.width * size.height * 3) });
      expect(smartSize(size, { patchSize: resize.block, mergeSize: 1, ...resize })).toEqual({ width, height });
    }
  });

  it("counts in the image as it is shown where the file is to be turned, and says where that is in the file", async () => {
    const { boxes } = await ask({ responseFormat, boxes: true }, 6);
    for (const { box: shown, stored } of boxes!) {
      const [x1, y1, x2, y2] = shown!;
      expect(Math.max(x2, 0)).toBeLessThanOrEqual(height); // turned by a quarter
      expect(Math.max(y2, 0)).toBeLessThanOrEqual(width);
      expect(stored!.box).toEqual([y1, height - x2, y2, height - x1]);
    }
  });

  it("asks for the box of each field, and gives the answer without them", async () => {
    const { text, boxes, fields } = await ask({
      responseFormat: { type: "json_schema", schema: record },
      citeFields: true,
      fields: true,
    });
    expect(satisfiesSchema(text, record)).toBe(true);
    expect(boxes!.map(({ field }) => field)).toEqual(["/colour", "/sizes/0", "/sizes/1"]);
    expect(Object.keys(fields!)).toEqual(["/colour", "/sizes/0", "/sizes/1"]);
    for (const { box: found } of boxes!) {
      expect(found![2]).toBeLessThanOrEqual(width);
      expect(found![3]).toBeLessThanOrEqual(height);
    }
  });

  it("is refused without one image, and without a schema to cite", async () => {
    await expect(ask({ boxes: true }, 1, 2)).rejects.toMatchObject({
      code: "invalid_request",
      details: { param: "boxes", found: 2 },
    });
    await expect(ask({ boxes: true }, 1, 0)).rejects.toMatchObject({ details: { param: "boxes", found: 0 } });
    await expect(ask({ citeFields: true })).rejects.toMatchObject({ details: { param: "cite_fields", found: "text" } });
    const asked = ask({
      citeFields: true,
      responseFormat: { type: "json_schema", schema: record },
      sampling: { logprobs: true },
    });
    await expect(asked).rejects.toMatchObject({
      code: "invalid_request",
      details: { param: "logprobs", beside: "cite_fields" },
    });
  });

  it("is in the server's answer", async () => {
    const server = await startServer({ model });
    const url = `data:image/jpeg;base64,${(await photo(6)).toString("base64")}`;
    const content = [
      { type: "image_url", image_url: { url } },
      { type: "text", text: "What is in this image?" },
    ];
    const json_schema = { name: "x", schema };
    const body = {
      messages: [{ role: "user", content }],
      response_format: { type: "json_schema", json_schema },
      max_tokens: 300,
    };
    const response = await server.post("/v1/chat/completions", { ...body, ocellus: { boxes: true } });
    const { ocellus } = (await response.json()) as { ocellus: { boxes: { box: number[]; stored_box: number[] }[] } };
    expect(ocellus.boxes).toHaveLength(2);
    expect(ocellus.boxes[0]!.stored_box).toHaveLength(4);
    await server.close();
  });
});

it("a family that writes no boxes is not asked for any", async () => {
  const model = await loadModel(join(repository, "test/golden/whole/idefics3"), {
    weights: "fp32",
    device: "cpu",
    threads: 1,
  });
  const asked = model.answer([{ role: "user", content: [image(await photo()), "What is in this image?"] }], {
    boxes: true,
  });
  await expect(asked).rejects.toMatchObject({
    code: "unsupported",
    details: { param: "boxes", modelType: "idefics3" },
  });
  await model.close();
});

it("boxes are drawn where they are, and names cannot break the drawing", async () => {
  const png = await drawPlaces(await photo(), [{ label: '<b>"&\u0000', box: [10, 10, 40, 50] }, { point: [60, 30] }]);
  const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  expect([info.width, info.height]).toEqual([width, height]);
  const at = (x: number, y: number) => [...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)];
  expect(at(10, 30)[0]).toBeGreaterThan(120); // the orange frame on blue
  expect(at(25, 30)[0]).toBeLessThan(100); // nothing inside
});

/** Zoom on doubt through the bundled demo model: over HTTP, and past guardrails that see each question's image. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { decodeImage, pixelDigest } from "../src/core/image/node/index.js";
import { attendedTile, cropped } from "../src/core/image/spec/index.js";
import type { VisionLanguageModel } from "../src/core/runtime/index.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { openGuards, strictPolicy } from "./support/guards.js";
import { loadTiny, startServer } from "./support/server.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());

const bytes = readFileSync(join(repository, "examples/pictures/dress.jpg"));
const url = `data:image/jpeg;base64,${bytes.toString("base64")}`;
const schema = {
  type: "object",
  properties: { colour: { enum: ["red", "green", "blue"] }, count: { type: "integer", minimum: 0, maximum: 9 } },
  required: ["colour", "count"],
  additionalProperties: false,
};
const question = (zoom: unknown) => ({
  messages: [
    {
      role: "user",
      content: [
        { type: "image_url", image_url: { url } },
        { type: "text", text: "Which?" },
      ],
    },
  ],
  response_format: { type: "json_schema", json_schema: { name: "item", schema } },
  ...{ max_tokens: 64, temperature: 0, ocellus: { zoom, fields: true } },
});

let model: VisionLanguageModel;
let region: readonly number[];
let cropDigest: string;
beforeAll(async () => {
  model = await loadTiny();
  const picture = await decodeImage(bytes);
  region = attendedTile((await model.attentionMap(bytes))!, picture);
  cropDigest = pixelDigest(cropped(picture, region));
});
afterAll(() => model?.close());

async function answered(zoom: unknown, forbidden: Readonly<Record<string, string>> = {}) {
  const guards = await openGuards(temporaryFolder(), await strictPolicy(forbidden));
  const server = await startServer({ tiny: model }, {}, { guards });
  try {
    const response = await server.post("/v1/chat/completions", question(zoom));
    return { status: response.status, body: (await response.json()) as any };
  } finally {
    await server.close();
  }
}

it("asks again of the tile that is looked at most, and says so", async () => {
  const plain = (await answered(false)).body;
  const { status, body } = await answered({ threshold: 1, max_questions: 1 });
  expect(status).toBe(200);
  const value = JSON.parse(body.choices[0].message.content);
  expect(schema.properties.colour.enum).toContain(value.colour);
  const { zoomed, fields } = body.ocellus;
  expect(zoomed.map((each: any) => each.field).sort()).toEqual(["/colour", "/count"]);
  for (const each of zoomed) {
    expect(each).toMatchObject({ by: "attention", region });
    const kept = each.after.probability > each.before.probability ? "after" : "before";
    expect(each.kept).toBe(kept);
    expect(value[each.field.slice(1)]).toBe(each[kept].value);
    expect(fields[each.field].probability).toBe(each[kept].probability);
  }
  expect(body.usage.prompt_tokens).toBe(2 * plain.usage.prompt_tokens);
  expect(plain.ocellus.zoomed).toBeUndefined();
});

it("shows guardrails the part of the image, too", async () => {
  const { status, body } = await answered({ threshold: 1 }, { [cropDigest]: "violence" });
  expect([status, body.error.code]).toEqual([400, "content_filter"]);
  expect((await answered(false, { [cropDigest]: "violence" })).status).toBe(200);
});

it("is refused by its name without a schema", async () => {
  const guards = await openGuards(temporaryFolder(), await strictPolicy());
  const server = await startServer({ tiny: model }, {}, { guards });
  const { response_format: _, ...rest } = question(true);
  const response = await server.post("/v1/chat/completions", { ...rest, ocellus: { zoom: true } });
  const { error } = (await response.json()) as any;
  expect([response.status, error.param]).toEqual([400, "ocellus.zoom"]);
  await server.close();
});

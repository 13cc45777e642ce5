/** The bundled demo model, which never learnt JSON, answers in it: every time, by every way of asking. */
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type ChatOptions,
  image,
  loadModel,
  OcellusError,
  type VisionLanguageModel,
} from "../src/core/runtime/index.js";
import { eagerToEnd } from "./support/eager-to-end.js";
import { repository } from "./support/folders.js";

const schema = {
  type: "object",
  properties: {
    class: { enum: ["dress", "shirt", "bag", "boots"] },
    colour: { enum: ["red", "green", "blue", "红色"] },
  },
  required: ["class", "colour"],
  additionalProperties: false,
};
const responseFormat = { type: "json_schema", schema, name: "item" } as const;
const tools = [{ name: "search", parameters: schema }];

describe("the bundled demo model", () => {
  const validate = new Ajv2020().compile(schema);
  let model: VisionLanguageModel;
  const answer = (picture: string, options: ChatOptions) => {
    const content = [image(join(repository, "examples/pictures", picture)), "What is this, and what colour is it?"];
    return model.answer([{ role: "user", content }], options);
  };
  beforeAll(async () => {
    model = await loadModel(join(repository, "checkpoints/ocellus-tiny"), { weights: "fp32" });
  });
  afterAll(() => model.close());

  it("satisfies the schema, greedily and drawn, for any picture", async () => {
    const asked = ["dress.jpg", "boots.jpg", "shirt.png", "screen-error.jpg"].flatMap((picture) => [
      answer(picture, { responseFormat }),
      ...[1, 2, 3].map((seed) =>
        answer(picture, { responseFormat, sampling: { temperature: 2, seed, logprobs: true } }),
      ),
    ]);
    for (const { text, finishReason, tokens } of await Promise.all(asked)) {
      expect(validate(JSON.parse(text)) || text).toBe(true);
      expect(finishReason).toBe("stop");
      expect(tokens.length).toBeGreaterThan(5);
    }
  });

  it("answers freely beside constrained answers as it does alone", async () => {
    const alone = await answer("dress.jpg", {});
    const [free, bound] = await Promise.all([answer("dress.jpg", {}), answer("dress.jpg", { responseFormat })]);
    expect(free.text).toBe(alone.text);
    expect(validate(JSON.parse(bound.text))).toBe(true);
  });

  it("gives objects for json_object, and says length when its tokens run out", async () => {
    const drawn = await Promise.all(
      [1, 2, 3, 4].map((seed) =>
        answer("dress.jpg", {
          responseFormat: { type: "json_object" },
          sampling: { temperature: 1, seed, logit_bias: eagerToEnd() },
          maxTokens: 400,
        }),
      ),
    );
    const finished = drawn.filter(({ finishReason }) => finishReason === "stop");
    expect(finished).not.toHaveLength(0);
    for (const { text } of finished) expect(JSON.parse(text)).toBeTypeOf("object");
    const cut = await answer("dress.jpg", { responseFormat, maxTokens: 4 });
    expect([cut.finishReason, cut.usage.completionTokens]).toEqual(["length", 4]);
    expect(cut.text).toMatch(/^\{/);
  });

  it("says how sure it is of each field, as scoring the other values says", async () => {
    const { text, fields } = await answer("dress.jpg", { responseFormat, fields: true });
    expect(Object.keys(fields!)).toEqual(["/class", "/colour"]);
    const colour = fields!["/colour"]!;
    const values = [JSON.parse(text).colour, ...colour.alternatives!.map(({ value }) => value)];
    expect([...values].sort()).toEqual([...schema.properties.colour.enum].sort());
    const total = colour.alternatives!.reduce((sum, { probability }) => sum + probability, colour.probability);
    expect(total).toBeGreaterThan(0.95); // all but spellings of the same values in other tokens
    expect(total).toBeLessThan(1 + 1e-6);
    const drawn = await Promise.all(
      Array.from({ length: 200 }, (_, seed) =>
        answer("dress.jpg", { responseFormat, sampling: { temperature: 1, top_k: 0, top_p: 1, min_p: 0, seed } }),
      ),
    );
    const share = drawn.filter((each) => JSON.parse(each.text).class === JSON.parse(text).class).length / drawn.length;
    const { probability } = fields!["/class"]!;
    const deviation = Math.sqrt((probability * (1 - probability)) / drawn.length);
    expect(Math.abs(share - probability)).toBeLessThan(4 * deviation + 0.02);
  });

  it("has fields of JSON only, and says so before it answers", async () => {
    await expect(answer("dress.jpg", { fields: true })).rejects.toMatchObject({
      code: "invalid_request",
      details: { param: "fields", found: "text" },
    });
    const { fields } = await answer("dress.jpg", { responseFormat, fields: true, maxTokens: 6 });
    expect(Object.keys(fields!).length).toBeLessThan(2);
  });

  it("calls a tool when it must", async () => {
    const { text } = await answer("dress.jpg", { toolConstraint: { tools, choice: { name: "search" } } });
    const [, call] = /^<tool_call>\n(.*)\n<\/tool_call>$/s.exec(text)!;
    const { name, arguments: given } = JSON.parse(call!);
    expect(name).toBe("search");
    expect(validate(given) || given).toBe(true);
  });

  it("refuses a schema it cannot keep before any work, and frees an aborted answer", async () => {
    const bad = { type: "json_schema", schema: { type: "array", uniqueItems: true } } as const;
    await expect(answer("dress.jpg", { responseFormat: bad })).rejects.toThrow(OcellusError);
    const controller = new AbortController();
    const aborted = answer("dress.jpg", {
      responseFormat: { type: "json_schema", schema: { type: "string", minLength: 500 } },
      signal: controller.signal,
    });
    setTimeout(() => controller.abort(), 50);
    await expect(aborted).rejects.toMatchObject({ code: "aborted" });
    expect(validate(JSON.parse((await answer("boots.jpg", { responseFormat })).text))).toBe(true);
    expect(model.stats.running).toBe(0);
  });
});

import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { backendsFileSchema, parseBackends } from "./backends-file.js";

const backend = { name: "gpu-0", url: "http://10.0.0.5:8000", model: "qwen" };
const file = (about: object = {}, of: object = {}) =>
  JSON.stringify({ models: { qwen: { backends: [{ ...backend, ...of }] } }, ...about }, null, 2);

describe("a backends file", () => {
  it("needs a name, an address and a model of each backend, and has defaults for all else", () => {
    const parsed = parseBackends(file(), "b.json");
    expect(parsed.models.qwen!.backends).toEqual([{ ...backend, kind: "openai", weight: 1, maxConcurrent: 64 }]);
    expect(parsed).toMatchObject({
      routing: { by: "images" },
      retries: { attempts: 3 },
      outliers: { maxEjectedShare: 0.5 },
    });
    expect(parsed.hedgeAfterMs).toBeUndefined();
  });

  it.each([
    [file({ hedgeAfterMs: 0 }), 13, "hedgeAfterMs"],
    [file({ retires: {} }), 13, "retires"],
    [file({}, { url: "http://user:secret@host" }), 7, "models.qwen.backends.0.url"],
    [file({}, { url: "ftp://host" }), 7, "models.qwen.backends.0.url"],
    [file({}, { wieght: 2 }), 9, "models.qwen.backends.0.wieght"],
    [file({}, { apiKeyEnv: "sk-secret" }), 9, "models.qwen.backends.0.apiKeyEnv"],
    [JSON.stringify({ models: { qwen: { backends: [backend, backend] } } }), 1, "models.qwen.backends.1.name"],
    [JSON.stringify({ models: { qwen: { backends: [] } } }), 1, "models.qwen.backends"],
    ["[]", 1, ""],
  ])("with a mistake is refused with its line and field: %#", (text, line, field) => {
    expect(() => parseBackends(text, "b.json")).toThrow(
      expect.objectContaining({ code: "invalid_config", details: { path: "b.json", line, field } }),
    );
  });

  it("that is no JSON is refused with its line", () => {
    expect(() => parseBackends('{\n"models": {', "b.json")).toThrow(
      expect.objectContaining({ code: "invalid_config", details: { path: "b.json", line: 2, expected: "JSON" } }),
    );
  });

  it("has a published schema, which is this one (OCELLUS_WRITE=1 writes it)", () => {
    const path = join(resolve(import.meta.dirname, "../.."), "docs/backends.schema.json");
    const text = `${JSON.stringify(z.toJSONSchema(backendsFileSchema, { io: "input" }), null, 2)}\n`;
    if (process.env.OCELLUS_WRITE) writeFileSync(path, text);
    const published = JSON.parse(readFileSync(path, "utf8"));
    expect(published).toEqual(JSON.parse(text));
    const check = new Ajv2020({ strict: false }).compile(published);
    expect([check(JSON.parse(file())), check(JSON.parse(file({ retires: {} })))]).toEqual([true, false]);
  });
});

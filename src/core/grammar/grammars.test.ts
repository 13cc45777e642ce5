import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import type { Constraint } from "../engine/index.js";
import type { Tokenizer } from "../tokenizer/index.js";
import { Grammars, type ResponseFormat } from "./grammars.js";
import type { ToolConstraint } from "./tool-calls.js";
import { seededRandom, toyTokenizer } from "./toy.testkit.js";

const call = toyTokenizer.addedTokens.get("<tool_call>")!;
const callEnd = toyTokenizer.addedTokens.get("</tool_call>")!;
const encoder = new TextEncoder();
const tools = [
  {
    name: "weather",
    parameters: {
      type: "object",
      properties: { city: { type: "string" }, unit: { enum: ["C", "F"] } },
      required: ["city", "unit"],
      additionalProperties: false,
    },
  },
  { name: "now" },
  {
    name: "add",
    parameters: {
      $defs: { n: { type: "integer" } },
      properties: { a: { $ref: "#/$defs/n" }, b: { $ref: "#/$defs/n" } },
      required: ["a", "b"],
    },
  },
];

/** Byte tokens of a text; tool tags as their own tokens. */
function idsOf(text: string): number[] {
  return text
    .split(/(<\/?tool_call>)/)
    .flatMap((part) => toyTokenizer.addedTokens.get(part) ?? [...encoder.encode(part)]);
}

const vocabSize = toyTokenizer.vocabSize + 5; // an embedding table is often padded

function openTokens(constraint: Constraint): number[] {
  const logits = new Float32Array(vocabSize);
  constraint.allow(logits);
  return [...logits.keys()].filter((id) => logits[id] === 0);
}

/** Whether the constraint lets the text be written, and end there. */
function allows(constraint: Constraint | undefined, text: string): boolean {
  for (const id of idsOf(text)) {
    if (!openTokens(constraint!).includes(id)) return false;
    constraint!.accept(id);
  }
  return constraint!.mayEnd;
}

describe("a response format", () => {
  const grammars = new Grammars(toyTokenizer);
  const format = (responseFormat: ResponseFormat) => grammars.constraint(responseFormat)?.();

  it("leaves text free", () => {
    expect(format({ type: "text" })).toBeUndefined();
    expect(grammars.constraint()).toBeUndefined();
  });

  it("json_object is any object and nothing else", () => {
    expect(allows(format({ type: "json_object" }), '{"a": [1, {"b": null}], "": "你好"}')).toBe(true);
    for (const text of ["[]", "1", '"a"', "null", '{"a"}', "{} "])
      expect(allows(format({ type: "json_object" }), text)).toBe(false);
  });

  it("json_schema is what the schema says", () => {
    const asked: ResponseFormat = { type: "json_schema", schema: { enum: ["a", 1] }, name: "letters" };
    expect([allows(format(asked), '"a"'), allows(format(asked), "1"), allows(format(asked), "2")]).toEqual([
      true,
      true,
      false,
    ]);
  });

  it("closes ids that name no token, and special ones", () => {
    const open = openTokens(format({ type: "json_object" })!);
    expect(open.every((id) => id < toyTokenizer.vocabSize)).toBe(true);
    for (const id of toyTokenizer.addedTokens.values()) expect(open).not.toContain(id);
  });

  it("gives each sequence a constraint of its own", () => {
    const [one, other] = [format({ type: "json_object" })!, format({ type: "json_object" })!];
    one.accept("{".charCodeAt(0));
    expect(openTokens(other)).toContain("{".charCodeAt(0));
    expect(openTokens(one)).not.toContain("{".charCodeAt(0));
  });

  it.each([
    [{ type: "xml" }, ocellusError("invalid_request", { field: "responseFormat.type", found: "xml" })],
    [{ type: "json_schema" }, ocellusError("invalid_request", { path: "#", expected: "object, true or false" })],
    [
      { type: "json_schema", schema: { enum: ["x".repeat(300_000)] } },
      ocellusError("too_large", { param: "response_format", limit: 262_144 }),
    ],
    [{ type: "json_schema", schema: 1n }, ocellusError("invalid_request", { expected: "JSON" })],
  ])("is refused when it is not one", (asked, error) => {
    expect(() => format(asked as unknown as ResponseFormat)).toThrow(error);
  });

  it("needs a vocabulary of bytes, with all of them", () => {
    const metaspace = { ...toyTokenizer, bytesOf: undefined } as Tokenizer;
    expect(() => new Grammars(metaspace).constraint({ type: "json_object" })).toThrow(
      ocellusError("unsupported", { missing: "byte-level vocabulary" }),
    );
    const poor = {
      ...toyTokenizer,
      bytesOf: (id: number) => (id === 0x61 ? new Uint8Array() : toyTokenizer.bytesOf!(id)),
    } as Tokenizer;
    expect(() => new Grammars(poor).constraint({ type: "json_object" })).toThrow(
      ocellusError("unsupported", { missing: "token", byte: 0x61 }),
    );
  });
});

describe("a tool constraint", () => {
  const grammars = new Grammars(toyTokenizer);
  const constraint = (choice: ToolConstraint["choice"], parallel?: boolean, format?: ResponseFormat) =>
    grammars.constraint(format, { tools, choice, ...(parallel !== undefined && { parallel }) })?.();
  const weather = '<tool_call>\n{"name": "weather", "arguments": {"city": "北京", "unit": "C"}}\n</tool_call>';
  const now = '<tool_call>\n{"name":"now","arguments":{}}\n</tool_call>';
  const add = '<tool_call>\n{"name": "add", "arguments": {"a": 1, "b": -2}}\n</tool_call>';

  it("required is one call after another, with the tags as tokens", () => {
    for (const text of [weather, now, add, `${add}\n${weather}`])
      expect([text, allows(constraint("required"), text)]).toEqual([text, true]);
    for (const text of ["", "I think", weather.slice(1), `${now}${now}`, `${now}\n`])
      expect([text, allows(constraint("required"), text)]).toEqual([text, false]);
    expect(openTokens(constraint("required")!)).toEqual([call]);
  });

  it("keeps each tool's own arguments", () => {
    const wrong = [
      now.replace("{}", '{"a":1}'),
      weather.replace('"C"', '"K"'),
      weather.replace("weather", "nothing"),
      add.replace("-2", "null"),
    ];
    for (const text of wrong) expect([text, allows(constraint("required"), text)]).toEqual([text, false]);
  });

  it("not parallel is one call, and a named one is of that tool", () => {
    expect([
      allows(constraint("required", false), now),
      allows(constraint("required", false), `${now}\n${now}`),
    ]).toEqual([true, false]);
    expect([allows(constraint({ name: "now" }), now), allows(constraint({ name: "now" }), weather)]).toEqual([
      true,
      false,
    ]);
    expect(() => constraint({ name: "nothing" })).toThrow(
      ocellusError("invalid_request", { field: "tools", wanted: "nothing" }),
    );
    expect(() => grammars.constraint(undefined, { tools: [], choice: "required" })).toThrow(
      ocellusError("invalid_request", { field: "tools", known: [] }),
    );
  });

  it("auto leaves text free until a call begins, and free again after it", () => {
    const auto = constraint("auto")!;
    expect(openTokens(auto)).toHaveLength(vocabSize);
    expect(allows(auto, `Let me see.\n${weather}\nAnd `)).toBe(true);
    auto.accept(call);
    expect(auto.mayEnd).toBe(false);
    expect(openTokens(auto).every((id) => toyTokenizer.bytesOf!(id)[0] === "\n".charCodeAt(0))).toBe(true);
    expect(openTokens(auto)).not.toContain(callEnd);
    expect(allows(constraint("auto"), weather.replace('"C"', '"K"'))).toBe(false);
  });

  it("auto and not parallel is one call at most", () => {
    const auto = constraint("auto", false)!;
    expect(allows(auto, `Well: ${now}\n`)).toBe(true);
    expect(openTokens(auto)).toEqual([...Array(vocabSize).keys()].filter((id) => id !== call));
  });

  it("auto beside a format is either of them", () => {
    const either = () => constraint("auto", true, { type: "json_object" });
    expect([allows(either(), '{"a":1}'), allows(either(), now), allows(either(), "text")]).toEqual([true, true, false]);
  });

  it("spells the tags where the vocabulary has no tokens for them, and then leaves auto free", () => {
    const plain = new Grammars({ ...toyTokenizer, addedTokens: new Map() } as Tokenizer);
    expect(plain.constraint(undefined, { tools, choice: "auto" })).toBeUndefined();
    const spelled = plain.constraint(undefined, { tools, choice: "required" })!();
    for (const byte of encoder.encode(now)) spelled.accept(byte);
    expect(spelled.mayEnd).toBe(true);
  });

  it("makes calls that parse and satisfy the tool's schema, whatever is drawn", () => {
    const ajv = new Ajv2020({ strict: false });
    const random = seededRandom(5);
    for (let i = 0; i < 40; i++) {
      const drawn = constraint("required", false)!;
      const ids: number[] = [];
      while (!drawn.mayEnd) {
        const open = openTokens(drawn);
        // Mostly what closes something, so that it ends.
        const closing = open.filter((id) => id >= 256 || '"}\n0'.includes(String.fromCharCode(id)));
        const among = closing.length > 0 && random() < 0.7 ? closing : open;
        ids.push(among[Math.floor(random() * among.length)]!);
        drawn.accept(ids.at(-1)!);
      }
      const inside = ids.slice(1, -1).flatMap((id) => [...toyTokenizer.bytesOf!(id)]);
      const { name, arguments: given } = JSON.parse(
        new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(inside)),
      );
      const { parameters = { const: {} } } = tools.find((tool) => tool.name === name)!;
      expect(ajv.validate(parameters, given)).toBe(true);
    }
  });
});

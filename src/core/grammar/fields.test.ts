/** Confidence of fields, of answers whose tokens and choices are written out by hand; the expected numbers are products of them. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FewValues, ValueList } from "./field-values.js";
import { type FieldConfidence, type FieldToken, fieldsOf } from "./fields.js";
import { leavesOf } from "./leaves.js";

const bytesOf = (text: string) => String.fromCharCode(...new TextEncoder().encode(text));

/** A token, and what else might have stood there: [text, probability]. The token's own comes first; none: it was forced. */
type Said = string | readonly [string, number, ...(readonly [string, number])[]];

function read(said: readonly Said[], schema?: unknown, isWhole = true) {
  const texts: string[] = [];
  const idOf = (text: string) => texts.push(text) - 1;
  const tokens = said.map((each): FieldToken => {
    if (typeof each === "string") return { tokenId: idOf(each), bytes: bytesOf(each) };
    const [text, probability, ...others] = each;
    const tokenId = idOf(text);
    const top = others.map(([other, share]) => ({ tokenId: idOf(other), logprob: Math.log(share) }));
    const logprob = Math.log(probability);
    return { tokenId, bytes: bytesOf(text), constrained: { logprob, top: [{ tokenId, logprob }, ...top] } };
  });
  return finished(fieldsOf(tokens, { bytesOf: (id) => bytesOf(texts[id]!), schema, isWhole })).result;
}

function finished<T>(work: Generator<undefined, T>): { result: T; turns: number } {
  for (let turns = 0; ; turns++) {
    const { done, value } = work.next();
    if (done) return { result: value, turns };
  }
}

const colours = (...values: string[]) => ({ properties: { colour: { enum: values } } });

function expectField(found: FieldConfidence | undefined, expected: Partial<FieldConfidence>): void {
  const rounded = JSON.parse(JSON.stringify(found), (_, value) =>
    typeof value === "number" ? Math.round(value * 1e9) / 1e9 : value,
  );
  expect(rounded).toMatchObject(expected);
}

describe("fields of enums", () => {
  const object = ['{"', "colour", '": "'] as const;

  it("have the probability of the token that tells the values apart, and the others theirs", () => {
    const fields = read(
      [...object, ["red", 0.7, ["blue", 0.2], ["green", 0.1]], '"}'],
      colours("red", "blue", "green"),
    );
    expectField(fields["/colour"], {
      kind: "enum",
      probability: 0.7,
      margin: 0.5,
      alternatives: [
        { value: "blue", probability: 0.2 },
        { value: "green", probability: 0.1 },
      ],
    });
  });

  it("count as one the tokens that leave the same value", () => {
    const fields = read(
      [...object, ["red", 0.5, ["r", 0.2], ["re", 0.1], ["blue", 0.2]], '"}'],
      colours("red", "blue"),
    );
    expectField(fields["/colour"], { probability: 0.8, alternatives: [{ value: "blue", probability: 0.2 }] });
  });

  it("multiply the choices where values begin alike, and give no one the share that leaves several open", () => {
    const values = colours("black", "blue", "grey", "green");
    const fields = read([...object, ["bl", 0.6, ["gr", 0.4]], ["ue", 0.9, ["ack", 0.1]], '"}'], values);
    expectField(fields["/colour"], {
      probability: 0.54,
      margin: 0.14, // against the 0.4 that begin with "gr"
      alternatives: [{ value: "black", probability: 0.06 }],
    });
  });

  it("do not depend on white space, nor on tokens that reach over the borders of the value", () => {
    const spaced = read(
      [
        '{"',
        "colour",
        ['":', 0.5, ['": ', 0.5]],
        [' "', 0.3, ['"', 0.2], ['"red', 0.2], [' "blue', 0.3]],
        ["red", 0.8, ["blue", 0.2]],
        '"',
        "\n}",
      ],
      colours("red", "blue"),
    );
    // at the second step 0.5 of 1 say nothing, 0.2 say red, 0.3 blue: the chosen token leaves both open
    expectField(spaced["/colour"], {
      kind: "enum",
      probability: 0.4,
      alternatives: [{ value: "blue", probability: 0.4 }],
    });
    const straddling = read(
      ['{"colour', ['": "red"', 0.6, ['":"red', 0.2], ['": "blue', 0.2]], "}"],
      colours("red", "blue"),
    );
    expectField(straddling["/colour"], { probability: 0.8, margin: 0.6 });
  });

  it("are certain where one value is left", () => {
    expectField(read([...object, "red", '"}'], colours("red"))["/colour"], {
      probability: 1,
      margin: 1,
      alternatives: [],
    });
  });

  it("are found behind references, branches and lists, also as booleans, null and small ranges", () => {
    const schema = {
      $defs: { row: { type: "object", properties: { ok: { anyOf: [{ type: "boolean" }, { type: "null" }] } } } },
      type: "object",
      properties: {
        rows: { type: "array", items: { $ref: "#/$defs/row" } },
        stars: { type: "integer", minimum: 1, maximum: 12 },
      },
    };
    const fields = read(
      [
        '{"rows":[{"ok":',
        ["true", 0.5, ["false", 0.3], ["null", 0.2]],
        '}],"stars":',
        ["1", 0.8, ["2", 0.2]],
        ["}", 0.9, ["2", 0.1]],
      ],
      schema,
    );
    expectField(fields["/rows/0/ok"], {
      kind: "boolean",
      alternatives: [
        { value: false, probability: 0.3 },
        { value: null, probability: 0.2 },
      ],
    });
    expectField(fields["/stars"], {
      kind: "number",
      probability: 0.72,
      alternatives: [
        { value: 2, probability: 0.2 },
        { value: 12, probability: 0.08 },
      ],
    });
  });
});

const listed = (list: ValueList | undefined) => list && Array.from({ length: list.all.to }, (_, i) => list.at(i));

describe("the few values of a schema", () => {
  it("are listed once for all leaves of one place, and not where they are many", () => {
    const many = Array.from({ length: 4097 }, (_, i) => `v${i}`);
    const properties = {
      rows: { items: { enum: ["红", 1, 1] } },
      many: { enum: many },
      wide: { type: "integer", minimum: 0, maximum: 256 },
    };
    const values = new FewValues({ properties });
    expect(listed(values.at(["rows", "0"]))).toEqual(["1", bytesOf('"红"')].sort());
    expect(values.at(["rows", "1"])).toBe(values.at(["rows", "2"]));
    expect([values.at(["many"]), values.at(["wide"]), values.at(["other"])]).toEqual([undefined, undefined, undefined]);
  });

  it("are found in schemas whose references spread, in as many steps as there are schemas", () => {
    const links = Array.from({ length: 60 }, (_, i) => [
      `d${i}`,
      { anyOf: [0, 1].map(() => ({ $ref: `#/$defs/d${i + 1}` })) },
    ]);
    const $defs = { ...Object.fromEntries(links), d60: { enum: ["x", "y"] } };
    expect(new FewValues({ $defs, $ref: "#/$defs/d0" }).at([])!.all).toEqual({ from: 0, to: 2 });
    expect(new FewValues({ $ref: "#" }).at([])).toBeUndefined();
  });
});

describe("a list of values", () => {
  it("is narrowed, part by part, to those that begin so or are so", () => {
    const texts = fc.array(fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 6 }), { minLength: 1 });
    fc.assert(
      fc.property(texts, fc.array(fc.nat(3)), fc.boolean(), fc.nat(), (given, cuts, ended, chosen) => {
        const list = new ValueList(given);
        const text = given[chosen % given.length]!;
        let range = list.all;
        let length = 0;
        for (const cut of cuts) {
          range = list.narrowed(range, length, text.slice(length, length + cut), false);
          length = Math.min(text.length, length + cut);
        }
        const last = text.slice(length, length + 1);
        const { from, to } = list.narrowed(range, length, last, ended);
        const written = text.slice(0, length) + last;
        const expected = [...new Set(given)].filter((each) => (ended ? each === written : each.startsWith(written)));
        expect(listed(list)!.slice(from, to)).toEqual(expected.sort());
        expect([list.has(text), list.has(`${text}d`)]).toEqual([true, false]);
      }),
      { seed: 14, numRuns: 500 },
    );
  });

  it("is looked at in as many steps as its length has bits", () => {
    let looked = 0;
    class Counted extends String {
      override slice(...range: [number, number]) {
        looked++;
        return super.slice(...range);
      }
    }
    const texts = Array.from({ length: 4096 }, (_, i) => new Counted(String(i).padStart(4, "0")) as unknown as string);
    const list = new ValueList(texts);
    expect(list.narrowed(list.all, 0, "123", false)).toEqual({ from: 1230, to: 1240 });
    expect(looked).toBeLessThanOrEqual(2 * 13);
  });
});

describe("fields of numbers", () => {
  it("count the token that ends them, and name other values, or their first digits", () => {
    const fields = read([
      "[",
      ["4", 0.9, ["7", 0.1]],
      ["2", 0.6, ["1", 0.3], ["]", 0.1]],
      ["]", 0.8, [",", 0.1], ["0", 0.1]],
    ]);
    expectField(fields["/0"], {
      kind: "number",
      probability: 0.486, // 0.9 · 0.6 · (0.8 + 0.1)
      alternatives: [
        { startsWith: "41", probability: 0.27 },
        { startsWith: "7", probability: 0.1 },
        { value: 4, probability: 0.09 },
        { startsWith: "420", probability: 0.054 },
      ],
    });
  });

  it("may be the whole answer, ended by a token without text", () => {
    expectField(
      read([
        ["4", 0.5, ["7", 0.5]],
        ["", 0.9, ["0", 0.1]],
      ])[""],
      { kind: "number", probability: 0.45 },
    );
  });
});

describe("fields of text", () => {
  it("multiply their tokens with the quotation mark that ends them, whatever it brings along", () => {
    const fields = read([
      '{"a":"',
      ["no", 0.8, ["ye", 0.2]],
      ["n", 0.5, ['"', 0.5]],
      ['"}', 0.4, ['",', 0.3], ['"', 0.1], ["e", 0.2]],
    ]);
    expectField(fields["/a"], { kind: "string", probability: 0.32, margin: -0.08 });
    expect(fields["/a"]!.alternatives).toBeUndefined();
  });

  it("know escapes and characters of several bytes", () => {
    const fields = read(['["', ["红", 0.5, ["\\", 0.5]], "\\", '"', ['"', 0.5, ['"]', 0.4], ['\\"', 0.1]], "]"]);
    expectField(fields["/0"], { probability: 0.45 });
  });
});

describe("long answers", () => {
  const rare = 0.5;
  const constrained = { logprob: Math.log(rare), top: [{ tokenId: 0, logprob: Math.log(rare) }] };
  const tokensOf = (texts: readonly string[]) => texts.map((bytes, i) => ({ tokenId: i + 1, bytes, constrained }));

  it("let others have their turn at each of their tokens, in a value and between values", () => {
    const text = ['"', ...Array<string>(3000).fill("\\".repeat(16)), '"'];
    const list = ["[", ...Array<string>(3000).fill("7,"), "7]"];
    const context = { bytesOf: () => "a", schema: undefined, isWhole: true };
    expect(finished(fieldsOf(tokensOf(text), context)).turns).toBe(3002);
    const { result, turns } = finished(fieldsOf(tokensOf(list), context));
    expect([Object.keys(result).length, turns]).toEqual([3001, 3001]);
  });

  it("read each place of the schema once, however many values stand there", () => {
    let reads = 0;
    const branches = Array.from({ length: 4000 }, (_, i) => ({ const: `v${i}` }));
    const items = {
      get anyOf() {
        reads++;
        return branches;
      },
    };
    const rows = Array.from({ length: 2000 }, () => ['"v', '7",']).flat();
    const context = { bytesOf: () => '"v1', schema: { type: "array", items }, isWhole: false };
    expect(Object.keys(finished(fieldsOf(tokensOf(["[", ...rows]), context)).result)).toHaveLength(2000);
    expect(reads).toBe(1);
  });

  it("leave out what has a pointer of more than 1,024 characters, and name no alternative of more than 256", () => {
    const deep = `${"[".repeat(513)}1${"]".repeat(513)}`;
    expect(read([`[2,${deep}]`])).toEqual({ "/0": expect.anything() });
    const [short, long] = ["b".repeat(254), "c".repeat(255)];
    const alternatives = (other: string) =>
      read(['["', ["a", 0.6, [other, 0.4]], '"]'], { items: { enum: ["a", short, long] } })["/0"]!.alternatives;
    expect(alternatives("b")).toMatchObject([{ value: short }]);
    expect(alternatives("c")).toEqual([]);
  });
});

describe("answers that are cut short", () => {
  it("have the fields that are complete", () => {
    const said = ['{"a":', ["1", 0.5, ["2", 0.5]], ',"b":"x'] as const;
    expect(Object.keys(read(said, undefined, false))).toEqual(["/a"]);
    expect(read(["<tool_call>\n{"])).toEqual({});
  });
});

/** The leaves of a value, in another way: by walking it. */
function leafPointers(value: unknown, pointer = ""): string[] {
  if (typeof value !== "object" || value === null) return [pointer];
  return Object.entries(value).flatMap(([key, inner]) =>
    leafPointers(inner, `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`),
  );
}

describe("any answer", () => {
  const layouts = [0, 1, "\t"];
  it("has a field for each leaf, in any layout, and is read from any part of it without an error", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(...layouts), fc.nat(), (value, layout, cut) => {
        const text = bytesOf(JSON.stringify(value, null, layout));
        const pointers = leavesOf(text, true).map(({ pointer }) => pointer);
        expect([...pointers].sort()).toEqual(leafPointers(JSON.parse(JSON.stringify(value))).sort());
        const part = leavesOf(text.slice(0, cut % (text.length + 1)), false).map(({ pointer }) => pointer);
        expect(pointers.slice(0, part.length)).toEqual(part);
      }),
      { seed: 11, numRuns: 300 },
    );
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => void leavesOf(text, true)),
      { seed: 12 },
    );
  });

  it("has probabilities that are shares, however its text is cut into tokens", () => {
    const share = fc.double({ min: 0.01, max: 1, noNaN: true });
    const anyOf = fc.record({
      cuts: fc.array(fc.nat(200), { maxLength: 20 }),
      shares: fc.array(share, { minLength: 1 }),
    });
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 2 }), anyOf, (value, { cuts, shares }) => {
        const text = JSON.stringify(value);
        const ends = [...new Set([...cuts.map((cut) => cut % text.length), text.length])].sort((a, b) => a - b);
        const said = ends.map((end, i): Said => {
          const probability = shares[i % shares.length]!;
          return [
            text.slice(ends[i - 1] ?? 0, end),
            probability,
            ['"', (1 - probability) / 2],
            ["1", (1 - probability) / 2],
          ];
        });
        for (const field of Object.values(read(said.filter(([piece]) => piece !== "")))) {
          const others = (field.alternatives ?? []).map((each) => each.probability);
          expect(field.probability).toBeGreaterThan(0);
          expect(others.reduce((sum, each) => sum + each, field.probability)).toBeLessThan(1 + 1e-9);
          expect(field.margin).toBeLessThanOrEqual(field.probability);
        }
      }),
      { seed: 13, numRuns: 300 },
    );
  });
});

import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OcellusError } from "../base/index.js";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import { StreamDecoder } from "./stream-decoder.js";
import { createTokenizer, type Tokenizer } from "./tokenizer.js";

interface Fixture {
  readonly tokenizer: any;
  readonly cases: {
    readonly texts: readonly { text: string; ids: number[]; decoded: string }[];
    readonly broken: readonly { ids: number[]; decoded: string }[];
  };
}

function load(name: string): { tokenizer: Tokenizer; file: Fixture["tokenizer"]; cases: Fixture["cases"] } {
  const fixture: Fixture = JSON.parse(readFileSync(join(import.meta.dirname, `fixtures/${name}.json`), "utf8"));
  return { tokenizer: createTokenizer(fixture.tokenizer, {}), file: fixture.tokenizer, cases: fixture.cases };
}

const byteLevel = load("byte-level");
const metaspace = load("metaspace");
const imStart = byteLevel.tokenizer.tokenId("<|im_start|>")!;

function streamed(tokenizer: Tokenizer, ids: readonly number[], skipSpecialTokens: boolean): string[] {
  const decoder = new StreamDecoder(tokenizer, { skipSpecialTokens });
  return [...ids.map((id) => decoder.push(id)), decoder.flush()];
}

describe.each([
  ["byte-level", byteLevel],
  ["metaspace", metaspace],
])("a %s tokenizer", (_, { tokenizer, cases }) => {
  it.each(cases.texts)("encodes and decodes $text as Python does", ({ text, ids, decoded }) => {
    expect(tokenizer.encode(text)).toEqual(ids);
    expect(tokenizer.decode(ids, { skipSpecialTokens: false })).toBe(decoded);
    expect(streamed(tokenizer, ids, false).join("")).toBe(decoded);
  });
});

/** Processor time of this process: others on the machine do not count. */
function cpuMs(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

describe("a byte-level tokenizer", () => {
  const { tokenizer, cases } = byteLevel;

  it.each(cases.broken)("decodes ids whose bytes make no characters as Python does", ({ ids, decoded }) => {
    expect(tokenizer.decode(ids)).toBe(decoded);
  });

  it("gives back any text, up to Unicode's composed form", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const ids = tokenizer.encode(text);
        expect(tokenizer.decode(ids, { skipSpecialTokens: false })).toBe(text.normalize("NFC"));
      }),
      { seed: 1 },
    );
  });

  it("hides special tokens unless asked, and always shows the other added ones", () => {
    const ids = tokenizer.encode("<|im_start|>a<think>b</think><|im_end|>");
    expect(ids).toHaveLength(6);
    expect(tokenizer.decode(ids)).toBe("a<think>b</think>");
    expect(tokenizer.decode(ids, { skipSpecialTokens: false })).toBe("<|im_start|>a<think>b</think><|im_end|>");
  });

  it("leaves spaces before punctuation alone, and knows no text for no ids or unknown ids", () => {
    expect(tokenizer.decode(tokenizer.encode("do n't , really ?"))).toBe("do n't , really ?");
    expect(tokenizer.decode([])).toBe("");
    expect(tokenizer.decode([tokenizer.vocabSize, 1_000_000])).toBe("");
  });

  it("lists its special tokens and its size", () => {
    expect(tokenizer.specialTokens.get("<|im_start|>")).toBe(imStart);
    expect(tokenizer.specialTokens.has("<think>")).toBe(false);
    expect(tokenizer.vocabSize).toBe(tokenizer.tokenId("</think>")! + 1);
    expect(tokenizer.tokenId("no such token")).toBeUndefined();
  });

  it.each([
    ["prose", "The shirt is red, isn't it? 这件衣服是红色的。"],
    ["one word", "abcdefghij"],
    ["spaces", " "],
    ["openings of special tokens", "<|im_"],
  ])("takes some ten times as long for 100 kB of %s as for 10 kB", (_, unit) => {
    const encode = (length: number) => tokenizer.encode(unit.repeat(Math.ceil(length / unit.length)));
    encode(10_000);
    const short = cpuMs(() => encode(10_000));
    const long = cpuMs(() => expect(encode(100_000).length).toBeGreaterThan(1000));
    expect(long).toBeLessThan(40 * Math.max(short, 10)); // quadratic: a hundred times
  });
});

describe("StreamDecoder", () => {
  const { tokenizer } = byteLevel;

  it("gives, in pieces, exactly what decode gives at once, whatever the ids", () => {
    const ids = fc.array(fc.nat(tokenizer.vocabSize + 3), { maxLength: 60 });
    fc.assert(
      fc.property(ids, fc.boolean(), (sequence, skipSpecialTokens) => {
        const whole = tokenizer.decode(sequence, { skipSpecialTokens });
        expect(streamed(tokenizer, sequence, skipSpecialTokens).join("")).toBe(whole);
      }),
      { seed: 2, numRuns: 300 },
    );
  });

  it("never gives half a character", () => {
    const unit = fc.constantFrom("的", "👩‍👩‍👧", "한", "é", "𠀀", "a", " ", "🇩🇪");
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 20 }), (units) => {
        const text = units.join("").normalize("NFC");
        for (const { tokenizer: each } of [byteLevel, metaspace]) {
          const pieces = streamed(each, each.encode(text), true);
          expect(pieces.join("")).toBe(each.decode(each.encode(text)));
          for (const piece of pieces) expect(Buffer.from(piece).toString()).toBe(piece);
          expect(pieces.join("")).not.toContain("\ufffd");
        }
      }),
      { seed: 3 },
    );
  });

  it("waits for the last byte of a character", () => {
    const bytes = tokenizer.encode("👩"); // no merge was learnt for all four bytes
    expect(bytes.length).toBeGreaterThan(1);
    expect(streamed(tokenizer, bytes, true)).toEqual([...bytes.slice(1).map(() => ""), "👩", ""]);
  });

  it("ends an unfinished character with U+FFFD, and starts afresh", () => {
    const decoder = new StreamDecoder(tokenizer);
    const [first] = tokenizer.encode("👩");
    expect([decoder.push(first!), decoder.flush()]).toEqual(["", "\ufffd"]);
    expect([decoder.push(tokenizer.tokenId("a")!), decoder.flush()]).toEqual(["a", ""]);
  });

  it("takes the same time for each token of a long text", () => {
    const decode = (count: number) => {
      const decoder = new StreamDecoder(tokenizer);
      return cpuMs(() => {
        for (let i = 0; i < count; i++) decoder.push(40 + (i % 300));
      });
    };
    decode(20_000);
    const short = decode(20_000);
    expect(decode(200_000)).toBeLessThan(40 * Math.max(short, 10)); // quadratic: a hundred times
  });
});

describe("createTokenizer", () => {
  const { file } = byteLevel;
  const changed = (change: (copy: any) => void) => {
    const copy = structuredClone(file);
    change(copy);
    return copy;
  };

  it("reads the template and the named tokens in both of their forms", () => {
    const plain = createTokenizer(file, { chat_template: "{{ x }}", bos_token: null, eos_token: "<|im_end|>" });
    expect([plain.chatTemplate, plain.namedTokens]).toEqual(["{{ x }}", { eos_token: "<|im_end|>" }]);
    const templates = [
      { name: "tool_use", template: "t" },
      { name: "default", template: "d" },
    ];
    const listed = createTokenizer(file, {
      chat_template: templates,
      eos_token: { content: "<|im_end|>", lstrip: false },
    });
    expect([listed.chatTemplate, listed.namedTokens]).toEqual(["d", { eos_token: "<|im_end|>" }]);
    expect(createTokenizer(file, undefined).chatTemplate).toBeUndefined();
  });

  it.each([
    ["nothing", null, "invalid_file", { problems: [expect.stringMatching(/^\(top level\): /)] }],
    ["a list", [], "invalid_file", { problems: [expect.stringMatching(/^\(top level\): /)] }],
    [
      "a config in its place",
      { model_type: "qwen" },
      "invalid_file",
      { problems: expect.arrayContaining([expect.stringMatching(/^model: /)]) },
    ],
    [
      "an unknown model",
      changed((f) => (f.model.type = "Magic")),
      "unsupported",
      { field: "model.type", found: "Magic" },
    ],
    [
      "a model called toString",
      changed((f) => (f.model.type = "toString")),
      "unsupported",
      { field: "model.type", found: "toString" },
    ],
    [
      "no merges",
      changed((f) => delete f.model.merges),
      "invalid_file",
      { problems: [expect.stringMatching(/^merges: /)] },
    ],
    [
      "an absurd id",
      changed((f) => (f.model.vocab["!"] = 2 ** 31)),
      "invalid_file",
      { problems: [expect.stringMatching(/^vocab\.!: /)] },
    ],
    [
      "a negative id",
      changed((f) => (f.added_tokens[0].id = -1)),
      "invalid_file",
      { problems: [expect.stringMatching(/^added_tokens\.0\.id: /)] },
    ],
    [
      "an unknown token that is none",
      changed((f) => (f.model.unk_token = "?!")),
      "invalid_file",
      { field: "model.unk_token", found: "?!" },
    ],
    [
      "an unknown component",
      changed((f) => (f.decoder.type = "Magic")),
      "unsupported",
      { reason: expect.stringContaining("Magic") },
    ],
  ] as const)("refuses %s", (_, json, code, details) => {
    expect(() => createTokenizer(json, {})).toThrow(ocellusError(code, { file: "tokenizer.json", ...details }));
  });
});

describe("a limit of tokens", () => {
  const { tokenizer } = byteLevel;

  it("refuses exactly the texts that have more, and says a lower bound", () => {
    const text = fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 80 }),
      fc.constantFrom("aaaa", " the", "这", "<|im_end|>").map((unit) => unit.repeat(30)),
    );
    fc.assert(
      fc.property(text, fc.nat(60), (words, maxTokens) => {
        const { length } = tokenizer.encode(words);
        const numAdded = tokenizer
          .encode(words)
          .filter((id) => [...tokenizer.addedTokens.values()].includes(id)).length;
        const encode = () => tokenizer.encode(words, { maxTokens });
        if (length - numAdded <= maxTokens) expect(encode()).toHaveLength(length);
        else {
          const error = thrownBy(encode);
          expect(error).toMatchObject({ code: "too_large", details: { maxTokens } });
          expect(error.details.promptTokens).toBeGreaterThan(maxTokens);
          expect(error.details.promptTokens).toBeLessThanOrEqual(length);
        }
      }),
      { seed: 1, numRuns: 300 },
    );
    expect(tokenizer.encode("a ".repeat(99))).toHaveLength(tokenizer.encode("a ".repeat(99)).length); // the limit is that of one call
  });
});

describe("special tokens that a text spells", () => {
  const thinking = { id: 290, content: "<think>", special: true, normalized: true };
  const variants = [
    byteLevel.tokenizer,
    metaspace.tokenizer,
    createTokenizer(
      {
        ...byteLevel.file,
        added_tokens: [
          ...byteLevel.file.added_tokens.filter((each: any) => each.content !== thinking.content),
          thinking,
        ],
        normalizer: { type: "Lowercase" },
      },
      {},
    ),
  ];

  it.each([0, 1, 2])("are found where encoding would make them (vocabulary %s)", (which) => {
    const tokenizer = variants[which]!;
    const special = new Set(tokenizer.specialTokens.values());
    special.delete(tokenizer.tokenId("<unk>") ?? -1); // what is unknown becomes it, and spells nothing
    const spellings = [...tokenizer.specialTokens.keys()].filter((each) => each !== "<unk>");
    const piece = fc.oneof(
      fc.constantFrom(
        ...spellings,
        ...spellings.map((each) => each.toUpperCase()),
        ...spellings.map((each) => each.slice(0, -1)),
        "<",
        "|>",
        " ",
        "a",
        "ＡＢ",
      ),
      fc.string({ unit: "grapheme", maxLength: 3 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        const text = pieces.join("");
        const made = tokenizer.encode(text).some((id) => special.has(id));
        const found = tokenizer.specialTokenIn(text);
        if (made || which < 2) expect(found !== undefined, text).toBe(made);
        else if (found) expect(text.toLowerCase()).toContain(found.toLowerCase()); // more than is made, by its spelling only
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});

function thrownBy(work: () => unknown): OcellusError {
  try {
    work();
  } catch (error) {
    if (error instanceof OcellusError) return error;
  }
  throw new Error("expected an OcellusError");
}

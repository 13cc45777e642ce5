import { describe, expect, it } from "vitest";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import { PickleTensor, type PickleValue } from "./pickle-objects.js";
import { int, memoise, pickleOf, recall, tensor } from "./torch.testkit.js";
import { unpickle } from "./unpickle.js";

function run(...instructions: string[]): PickleValue {
  return unpickle(pickleOf(...instructions), "x.bin");
}

describe("the unpickler", () => {
  it("builds a tensor from a storage, sizes and strides", () => {
    const built = run(tensor(`(${int(2)}${int(3)}t`, `(${int(3)}${int(1)}t`)) as PickleTensor;
    expect(built).toBeInstanceOf(PickleTensor);
    expect([built.dtype, built.shape, built.strides, built.storage.key]).toEqual(["f32", [2, 3], [3, 1], "0"]);
  });

  it("keeps the sizes it checked when the pickle changes its lists afterwards", () => {
    const sizes = `]${memoise(0)}${int(2)}a`;
    const later = `${tensor(sizes, `]${int(1)}a`)}${memoise(1)}${recall(0)}J\xff\xff\xff\xffa${recall(1)}`;
    expect((run(later) as PickleTensor).shape).toEqual([2]);
  });

  it.each([
    ["a call of another function", "cos\nsystem\n(U\x02lstR", { found: "os.system" }],
    ["a name of every object", "c__proto__\nconstructor\n", { found: "__proto__.constructor" }],
    ["an unknown opcode", "\xff", { byte: 0xff, at: 2 }],
    ["an instruction of another protocol", "\x94", { instruction: "MEMOIZE", at: 2 }],
    ["the end within a string", "U\x7fabc", { at: 2 }],
    ["a call of a value", "K\x01)R", { object: "callee" }],
    ["a memo that was never set", "h\x07", { memo: 7 }],
    ["an empty stack", "", { object: "stack" }],
    ["an append to a number", "K\x01K\x02a", { object: "list" }],
    ["a huge whole number", "\x8a\x09aaaaaaaaa", { numBytes: 9 }],
    ["items that come as arguments", "ccollections\nOrderedDict\n(]tR", { object: "collections.OrderedDict" }],
    ["negative sizes", tensor("(J\xff\xff\xff\xfft", "(K\x01t"), { object: "storage" }],
    ["sizes without strides", tensor("(K\x02t", ")"), { shape: [2], strides: [] }],
    ["a tuple without its mark", "t", { object: "mark" }],
    ["a persistent id that is no storage", "(U\x06moduletQ", { object: "persistent id" }],
  ])("refuses %s", (_, instructions, details) => {
    expect(() => run(instructions)).toThrow(ocellusError("invalid_file", { path: "x.bin", ...details }));
  });

  it.each([
    [
      "ctorch\nComplexFloatStorage\n",
      { found: "torch.ComplexFloatStorage", supported: expect.arrayContaining(["torch.float32"]) },
    ],
    ["ctorch\nuint16\n", { found: "torch.uint16" }],
    ["\x80\x04", { protocol: 4, supported: [2] }],
  ])("says of %j that it is not supported", (instructions, details) => {
    expect(() => run(instructions)).toThrow(ocellusError("unsupported", details));
  });

  it("bounds the number of values, and not only the bytes", () => {
    expect(() => run(")".repeat(2 ** 19 + 1))).toThrow(ocellusError("invalid_file", { limit: 524288 }));
  });
});

import { describe, expect, it } from "vitest";
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
    ["a call of another function", "cos\nsystem\n(U\x02lstR", "it asks for os.system; only tensors may be loaded"],
    ["a name of every object", "c__proto__\nconstructor\n", "it asks for __proto__.constructor"],
    ["an unknown opcode", "\xff", "0xff at byte 2 is no instruction of a pickle"],
    ["an instruction of another protocol", "\x94", "MEMOIZE at byte 2 is not what tensors need"],
    ["the end within a string", "U\x7fabc", "it ends in the middle of an instruction"],
    ["a call of a value", "K\x01)R", "it calls something that is not a tensor constructor"],
    ["a memo that was never set", "h\x07", "memo 7 was never set"],
    ["an empty stack", "", "its stack is empty"],
    ["an append to a number", "K\x01K\x02a", "an append to something that is not a list"],
    ["a huge whole number", "\x8a\x09aaaaaaaaa", "a whole number of 9 bytes"],
    ["items that come as arguments", "ccollections\nOrderedDict\n(]tR", "an OrderedDict is built from arguments"],
    ["negative sizes", tensor("(J\xff\xff\xff\xfft", "(K\x01t"), "not a storage with sizes"],
    ["sizes without strides", tensor("(K\x02t", ")"), "shape and strides do not fit"],
    ["a tuple without its mark", "t", "a mark is missing"],
    ["a persistent id that is no storage", "(U\x06moduletQ", "a persistent id that is not a tensor storage"],
  ])("refuses %s", (_, instructions, message) => {
    expect(() => run(instructions)).toThrow(`x.bin: the pickle is refused: `);
    expect(() => run(instructions)).toThrow(message);
  });

  it.each([
    ["ctorch\nComplexFloatStorage\n", "it holds tensors of torch.ComplexFloatStorage; supported: torch.float32"],
    ["ctorch\nuint16\n", "it holds tensors of torch.uint16"],
    ["\x80\x04", "it is of protocol 4; save again with pickle_protocol=2"],
  ])("says of %j that it is not supported", (instructions, message) => {
    expect(() => run(instructions)).toThrow(expect.objectContaining({ code: "unsupported" }));
    expect(() => run(instructions)).toThrow(message);
  });

  it("bounds the number of values, and not only the bytes", () => {
    expect(() => run(")".repeat(2 ** 19 + 1))).toThrow("it makes more than 524288 values");
  });
});

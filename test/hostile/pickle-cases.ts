/** PyTorch files whose pickles would run something, break their reader, or fill the memory. Payloads would touch a canary. */
import { int, memoise, pickleOf, recall, tensor, text } from "../../src/core/checkpoint/torch.testkit.js";
import { bytesOf, type ZipPart, zipOf } from "../../src/core/checkpoint/zip.testkit.js";
import { fileCase, type HostileCase, latin1 } from "./cases.js";

const file = "pytorch_model.bin";
/** No test may find a file of this name. */
export const canary = "ocellus-canary";
const shell = `touch ${canary}`;

/** A file as torch.save writes it, of this pickle and a storage of six float32. */
export function torchFile(pickle: Uint8Array, ...more: ZipPart[]): Buffer {
  return zipOf([["a/data.pkl", pickle], ["a/data/0", "\0".repeat(24)], ["a/version", "3\n"], ...more]);
}

const ofPickle = (name: string, instructions: () => string, reason: string) =>
  fileCase(name, file, () => torchFile(pickleOf(instructions())), reason);
const dangerous = (name: string, instructions: string, reason: string): HostileCase => ({
  ...ofPickle(name, () => instructions, reason),
  isDangerous: true,
});

const asksFor = "only tensors may be loaded, and nothing was run";
const wide = (s: string) => bytesOf("X", ["u32", s.length], s).toString("latin1");
const call = (module: string, name: string, ...given: string[]) =>
  `c${module}\n${name}\n(${given.map(wide).join("")}tR`;

const names: readonly (readonly [string, string, ...string[]])[] = [
  ["os", "system", shell],
  ["posix", "system", shell],
  ["nt", "system", shell],
  ["os", "popen", shell],
  ["subprocess", "Popen", shell],
  ["subprocess", "check_output", shell],
  ["commands", "getoutput", shell],
  ["builtins", "eval", `__import__('os').system('${shell}')`],
  ["builtins", "exec", `open('${canary}','w')`],
  ["builtins", "compile", "1", "x", "eval"],
  ["builtins", "getattr", "os", "system"],
  ["builtins", "open", canary, "w"],
  ["builtins", "__import__", "os"],
  ["__builtin__", "eval", "1"],
  ["__builtin__", "execfile", "/tmp/x.py"],
  ["runpy", "run_path", "/tmp/x.py"],
  ["pty", "spawn", "/bin/sh"],
  ["socket", "create_connection", "example.com"],
  ["ctypes", "CDLL", "libc.so.6"],
  ["importlib", "import_module", "os"],
  ["pickle", "loads", "cos\nsystem\n"],
  ["_pickle", "loads", "x"],
  ["marshal", "loads", "x"],
  ["shutil", "rmtree", "/"],
  ["webbrowser", "open", "http://example.com"],
  ["urllib.request", "urlopen", "http://example.com"],
  ["operator", "attrgetter", "system"],
  ["types", "FunctionType"],
  ["code", "InteractiveInterpreter"],
  ["codeop", "compile_command", "1"],
  ["pip", "main", "install"],
  ["pdb", "run", "1"],
  ["timeit", "timeit", "1"],
  ["cProfile", "run", "1"],
  ["numpy.testing._private.utils", "runstring", "1"],
  ["numpy", "load", "x.npy"],
  ["torch", "load", "x.pt"],
  ["torch.hub", "load", "x/y", "z"],
  ["torch.serialization", "os.system", shell],
  ["torch.utils.collect_env", "run", shell],
  ["torch._inductor.codecache", "compile_file", shell],
  ["torch.jit.unsupported_tensor_ops", "execWrapper", "1"],
  ["collections", "OrderedDict.__init__.__globals__.get", "x"],
  ["asyncio.unix_events", "_UnixSubprocessTransport._start", shell],
  ["sys", "modules.__setitem__", "os"],
];

const calls: HostileCase[] = [
  ...names.map(([module, name, ...given]) =>
    dangerous(`a pickle that calls ${module}.${name}`, call(module, name, ...given), asksFor),
  ),
  dangerous(
    "a call within the arguments of a call",
    `cbuiltins\neval\n(${call("os", "system", shell)}tR`,
    "builtins.eval",
  ),
  dangerous(
    "a call hidden among tensors",
    `}(${text("w")}${tensor(`${int(1)}\x85`, `${int(1)}\x85`)}${text("x")}${call("os", "system", shell)}u`,
    "os.system",
  ),
  dangerous("a call whose result is thrown away", `${call("os", "system", shell)}0}`, "os.system"),
  dangerous("a call through NEWOBJ", `cos\nsystem\n${text("x")}\x85\x81`, "os.system"),
  dangerous("a call through INST", `(${text("x")}ios\nsystem\n`, "INST at byte"),
  dangerous("a call through OBJ", `(cos\nsystem\n${text("x")}o`, "os.system"),
  dangerous("a state set by BUILD", `ccode\nInteractiveInterpreter\n)R}b`, "code.InteractiveInterpreter"),
  dangerous(
    "a name put together on the stack",
    `${text("os")}${text("system")}\x93${text("x")}\x85R`,
    "STACK_GLOBAL at byte",
  ),
  dangerous(
    "a name kept in the memo",
    `${text("os")}${memoise(0)}${text("system")}${memoise(1)}${recall(0)}${recall(1)}\x93`,
    "STACK_GLOBAL at byte",
  ),
  dangerous("a name that a call returns", `cm\nname\n)R${text("x")}\x93`, "it asks for m.name"),
  dangerous("an import without a call", "cos\nsystem\n", "os.system"),
  ofPickle("a name of the extension registry", () => "\x82\x01", "EXT1 at byte"),
  ofPickle("the prototype of every object", () => "c__proto__\nconstructor\n)R", "__proto__.constructor"),
  ofPickle("a method of every object", () => "cvalueOf\ntoString\n)R", "valueOf.toString"),
  ofPickle("a name of a megabyte", () => `c${"m".repeat(1e6)}\nx\n`, asksFor),
  ofPickle("terminal commands in the name of a function", () => "c\x1b[2Jm\nx\r\x07\n", "\\u{1b}[2Jm"),
  ofPickle("the name of a function that is not UTF-8", () => "c\xff\xfe\n\xff\n", asksFor),
  ofPickle(
    "an OrderedDict from a list",
    () => "ccollections\nOrderedDict\n(]tR",
    "an OrderedDict is built from arguments",
  ),
];

const tricks: HostileCase[] = [
  ofPickle("an empty stack at the end", () => "", "its stack is empty"),
  ofPickle("a mark at the end", () => "(", "its stack is empty"),
  ofPickle("POP, which tensors do not need", () => "N0", "POP at byte"),
  ofPickle("a tuple without a mark", () => "Nt", "a mark is missing"),
  ofPickle("a tuple of more than there is", () => "N\x87", "its stack is empty"),
  ofPickle("a call with nothing to call", () => ")R", "its stack is empty"),
  ofPickle("a call of a number", () => "K\x01)R", "it calls something that is not a tensor constructor"),
  ofPickle("an append to a number", () => "K\x01K\x02a", "an append to something that is not a list"),
  ofPickle("items set on a list", () => "]K\x01K\x02s", "items set on something that is not a dictionary"),
  ofPickle("half an item", () => "}(K\x01u", "items set on something that is not a dictionary"),
  ofPickle("a memo that was never set", () => "h\x07", "memo 7 was never set"),
  ofPickle("a memo of nothing", () => "q\x00", "its stack is empty"),
  ofPickle("a memo of a mark", () => "(q\x00", "its stack is empty"),
  ofPickle("an instruction that does not exist", () => "\xff", "0xff at byte 2 is no instruction"),
  ofPickle("a name without an end", () => "cos", "it ends in the middle of an instruction"),
  fileCase(
    "a pickle without STOP",
    file,
    () => torchFile(latin1("\x80\x02}")),
    "it ends in the middle of an instruction",
  ),
  fileCase("a pickle of no bytes", file, () => torchFile(new Uint8Array(0)), "it ends in the middle of an instruction"),
  ...[0, 1, 3, 4, 5, 6, 255].map((protocol) =>
    fileCase(
      `protocol ${protocol}`,
      file,
      () => torchFile(Buffer.from([0x80, protocol, 0x7d, 0x2e])),
      `it is of protocol ${protocol}`,
    ),
  ),
];

const laughs = `]${memoise(0)}${Array.from({ length: 200 }, (_, i) => `](${recall(i).repeat(10)}e${memoise(i + 1)}`).join("")}`;
const bombs: HostileCase[] = [
  ofPickle("a string of 4 GiB", () => "X\xff\xff\xff\xff", "it ends in the middle of an instruction"),
  ofPickle("a whole number of 255 bytes", () => `\x8a\xff${"\xff".repeat(255)}`, "a whole number of 255 bytes"),
  ofPickle("a whole number of 2 GiB", () => "\x8b\xff\xff\xff\x7f", "it ends in the middle of an instruction"),
  ofPickle(
    "a whole number of a negative length",
    () => "\x8b\xff\xff\xff\xff",
    "it ends in the middle of an instruction",
  ),
  ofPickle("a whole number of 8 MB", () => `\x8b\x00\x00\x78\x00${"\x01".repeat(0x780000)}`, "LONG4 at byte"),
  ofPickle("a string of 2^63 bytes", () => "\x8d\0\0\0\0\0\0\0\x80", "it ends in the middle of an instruction"),
  ofPickle("a frame of 2^63 bytes", () => "\x95\0\0\0\0\0\0\0\x80", "FRAME at byte"),
  ofPickle("eight million values", () => "N".repeat(8e6), "it makes more than 524288 values"),
  ofPickle("two million dictionaries", () => "}".repeat(2e6), "it makes more than 524288 values"),
  ofPickle("two million marks", () => "(".repeat(2e6), "it makes more than 524288 values"),
  ofPickle(
    "a memo of 1.6 million values",
    () =>
      `N${Array.from({ length: 1.6e6 }, (_, i) => `r${String.fromCharCode(i & 255, (i >> 8) & 255, i >> 16, 0)}`).join("")}`,
    "it remembers more than 524288 values",
  ),
  ofPickle("tuples half a million deep", () => `)${"\x85".repeat(5e5)}`, "expected one dictionary of tensors"),
  ofPickle("lists that hold ten of the one before, 200 deep", () => laughs, "expected one dictionary of tensors"),
  ofPickle(
    "a dictionary that holds itself",
    () => `}${memoise(0)}${text("a")}${recall(0)}s`,
    "expected one dictionary of tensors",
  ),
  ofPickle(
    "a list that is appended to itself",
    () => `]${memoise(0)}${recall(0)}a`,
    "expected one dictionary of tensors",
  ),
  ofPickle("a pickle of 9 MB", () => `X\x00\x00\x90\x00${"a".repeat(0x900000)}`, "the limit is 8388608"),
];

const dictionary = (sizes: string, strides: string) => `}${text("w")}${tensor(sizes, strides)}s`;
const list = (...numbers: string[]) => `(${numbers.join("")}t`;
const tensors: HostileCase[] = [
  ofPickle(
    "a tensor past its storage",
    () => dictionary(list(int(7)), list(int(1))),
    "reaches past its storage of 24 bytes",
  ),
  ofPickle(
    "a tensor past its storage by strides",
    () => dictionary(list(int(2)), list(int(100))),
    "reaches past its storage",
  ),
  ofPickle(
    "a tensor that repeats its storage",
    () => dictionary(list(int(200)), list(int(0))),
    "repeats its storage of 24 bytes",
  ),
  ofPickle(
    "a pickled tensor of a negative size",
    () => dictionary(list("J\xff\xff\xff\xff"), list(int(1))),
    "not a storage with sizes",
  ),
  ofPickle("a negative stride", () => dictionary(list(int(2)), list("J\xff\xff\xff\xff")), "not a storage with sizes"),
  ofPickle(
    "a fraction for a size",
    () => dictionary(list("G\x3f\xf8\0\0\0\0\0\0"), list(int(1))),
    "not a storage with sizes",
  ),
  ofPickle(
    "sizes beyond every number",
    () => dictionary(list("J\xff\xff\xff\x7f".repeat(60)), list(int(1).repeat(60))),
    "reaches past its storage",
  ),
  ofPickle(
    "65 dimensions",
    () => dictionary(list(int(1).repeat(65)), list(int(1).repeat(65))),
    "not a storage with sizes",
  ),
  ofPickle("sizes without strides", () => dictionary(list(int(2)), ")"), "shape and strides do not fit"),
  ofPickle(
    "a constructor of tensors that is given text",
    () => `}${text("w")}ctorch._utils\n_rebuild_tensor_v2\n)${text("x")}${memoise(0)}R`,
    "it calls something that is not a tensor constructor",
  ),
  ofPickle(
    "a tensor without a storage",
    () => `}${text("w")}ctorch._utils\n_rebuild_tensor_v2\n(N${int(0)})) \x89}tR`,
    "0x20 at byte",
  ),
  ofPickle(
    "a persistent id that is no storage",
    () => `(${text("module")}tQ`,
    "a persistent id that is not a tensor storage",
  ),
  ofPickle(
    "a storage of no known type",
    () => `(${text("storage")}${text("x")}${text("0")}tQ`,
    "a persistent id that is not a tensor storage",
  ),
  fileCase(
    "a storage whose key leaves the archive",
    file,
    () =>
      torchFile(
        latin1(
          pickleOf(dictionary(list(int(1)), list(int(1))))
            .toString("latin1")
            .replace("U\x010", "U\x0a../../../x"),
        ),
      ),
    "storage ../../../x is missing",
  ),
  fileCase(
    "a storage that is missing",
    file,
    () => zipOf([["a/data.pkl", pickleOf(dictionary(list(int(1)), list(int(1))))]]),
    "storage 0 is missing",
  ),
  fileCase(
    "two dictionaries of tensors",
    file,
    () =>
      torchFile(
        pickleOf(
          `}(${text("a")}${dictionary(list(int(1)), list(int(1)))}${text("b")}${dictionary(list(int(1)), list(int(1)))}u`,
        ),
      ),
    "found 2, with tensors such as w and w",
  ),
];

export const pickleCases: readonly HostileCase[] = [...calls, ...tricks, ...bombs, ...tensors];

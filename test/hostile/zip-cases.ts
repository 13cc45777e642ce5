/** Archives that lie: about their directory, their entries' places, sizes and names, and what one inside another holds. */
import { deflateRawSync } from "node:zlib";
import { int, pickleOf, tensor, text } from "../../src/core/checkpoint/torch.testkit.js";
import { bytesOf, type ZipLies, type ZipOptions, type ZipPart, zipOf } from "../../src/core/checkpoint/zip.testkit.js";
import { fileCase, type HostileCase, sparseCase } from "./cases.js";
import { torchFile } from "./pickle-cases.js";

const file = "pytorch_model.bin";
const pickle = pickleOf(`}${text("w")}${tensor(`${int(2)}\x85`, `${int(1)}\x85`)}s`);
const parts = (lies: ZipLies = {}): ZipPart[] => [
  ["a/data.pkl", pickle, lies],
  ["a/data/0", "\0".repeat(24)],
];
const evil = pickleOf(`cos\nsystem\n(${text("touch ocellus-canary")}tR`);
const whole = zipOf(parts());

const ofLies = (name: string, lies: ZipLies, reason: string) => fileCase(name, file, () => zipOf(parts(lies)), reason);
const ofOptions = (name: string, options: ZipOptions, reason: string) =>
  fileCase(name, file, () => zipOf(parts(), options), reason);
const ofParts = (name: string, more: readonly ZipPart[], reason: string) =>
  fileCase(name, file, () => zipOf([...parts(), ...more]), reason);

/** A zip64 file with one 64-bit field of its end record replaced. */
function zip64Lie(name: string, fieldOffset: number, value: bigint, reason: string): HostileCase {
  return fileCase(
    name,
    file,
    () => {
      const bytes = zipOf(parts(), { zip64: true });
      bytes.writeBigUInt64LE(value, bytes.length - 22 - 20 - 56 + fieldOffset);
      return bytes;
    },
    reason,
  );
}

const directories: HostileCase[] = [
  ...[4, 30, 31, whole.length - 100, whole.length - 22, whole.length - 1].map((at) =>
    fileCase(
      `an archive cut after ${at} of ${whole.length} bytes`,
      file,
      () => whole.subarray(0, at),
      "its end record is missing",
    ),
  ),
  fileCase(
    "an archive without its first bytes",
    file,
    () => Buffer.concat([whole.subarray(0, 4), whole.subarray(8)]),
    "is not a whole PyTorch (zip) file",
  ),
  fileCase(
    "an archive with bytes put in front",
    file,
    () => Buffer.concat([whole.subarray(0, 30), whole]),
    "its directory",
  ),
  fileCase(
    "an archive with bytes behind it",
    file,
    () => Buffer.concat([whole, Buffer.alloc(70_000)]),
    "its end record is missing",
  ),
  ofOptions("a directory said to lie elsewhere", { directoryOffset: 0 }, "its directory is damaged"),
  ofOptions("a directory said to lie behind the end", { directoryOffset: 0x7fffffff }, "it is cut short"),
  ofOptions("a directory said to be shorter", { directoryBytes: 56 }, "its directory is said to end at byte"),
  ofOptions("a directory said to have 4 GB", { directoryBytes: 0xfffffffe }, "the limit is 16777216"),
  ofOptions("a directory of nothing", { directoryBytes: 0 }, "its directory is said to end at byte"),
  ofOptions(
    "a directory of more entries than it holds",
    { numEntries: 3 },
    "it claims 3 entries, its directory holds 2",
  ),
  ofOptions(
    "a directory of fewer entries than it holds",
    { numEntries: 1 },
    "it claims 1 entries, its directory holds 2",
  ),
  ofOptions(
    "a second end record in the comment",
    { comment: `PK\x05\x06${"\0".repeat(18)}` },
    "its directory is said to end",
  ),
  zip64Lie("a zip64 directory of 2^60 bytes", 40, 2n ** 60n, "it points to byte 1152921504606846976, past its end"),
  zip64Lie("a zip64 directory at 2^63", 48, 2n ** 63n, "past its end"),
  zip64Lie("a zip64 directory at 0", 48, 0n, "its directory is damaged"),
  zip64Lie("2^40 zip64 entries", 32, 2n ** 40n, "past its end"),
  fileCase(
    "a zip64 locator that points outside",
    file,
    () => {
      const bytes = zipOf(parts(), { zip64: true });
      bytes.writeBigUInt64LE(2n ** 62n, bytes.length - 22 - 20 + 8);
      return bytes;
    },
    "past its end",
  ),
  fileCase(
    "a zip64 locator that points to something else",
    file,
    () => {
      const bytes = zipOf(parts(), { zip64: true });
      bytes.writeBigUInt64LE(0n, bytes.length - 22 - 20 + 8);
      return bytes;
    },
    "its zip64 end record is missing",
  ),
  sparseCase("4 GB that begin like an archive", file, whole.subarray(0, 40), 2 ** 32, "its end record is missing"),
];

const entries: HostileCase[] = [
  ofLies("two entries in one place", { localHeaderOffset: 150 }, "overlaps what lies behind it"),
  ofLies("an entry that reaches into the next", { sizeBytes: 400, storedBytes: 400 }, "overlaps what lies behind it"),
  ofLies("an entry in the directory", { localHeaderOffset: whole.length - 150 }, "overlaps what lies behind it"),
  ofLies("an entry past the end", { localHeaderOffset: 0x7fffffff }, "overlaps what lies behind it"),
  ofLies("an entry larger inside than outside", { sizeBytes: 10 }, "is stored as it is, yet has 10 bytes outside"),
  ofLies(
    "an entry larger outside than inside",
    { sizeBytes: 2 ** 31 },
    "is stored as it is, yet has 2147483648 bytes outside",
  ),
  ofLies("a checksum that does not fit", { crc: 0x12345678 }, "the checksum of a/data.pkl does not fit its bytes"),
  ofLies("a local header of another name", { localName: "b/data.pkl" }, "is called b/data.pkl in its local header"),
  ofLies(
    "a local header of another method",
    { localMethod: 8 },
    "the two headers of a/data.pkl name different methods",
  ),
  ofLies("an encrypted entry", { flags: 1 }, "a/data.pkl is encrypted"),
  ofLies("a strongly encrypted entry", { flags: 0x41 }, "a/data.pkl is encrypted"),
  ofLies("hidden local headers", { flags: 0x2000 }, "a/data.pkl is encrypted"),
  ...[8, 9, 12, 14, 93, 99, 0xffff].map((method) =>
    ofLies(`an entry compressed by method ${method}`, { method }, "a/data.pkl is compressed"),
  ),
  fileCase(
    "an entry without a local header",
    file,
    () => {
      const bytes = zipOf(parts());
      bytes.write("XX", 0, "latin1");
      bytes.write("PK\x03\x04", 0, "latin1");
      bytes.write("XXXX", bytes.indexOf("PK\x03\x04", 4, "latin1"), "latin1");
      return bytes;
    },
    "no local header for a/data/0",
  ),
];

const names: HostileCase[] = [
  ...["../evil", "a/../../evil", "/etc/passwd", "C:/evil", "a\\..\\evil", "a/b\0c", "..", ""].map((name) =>
    ofParts(`an entry called ${JSON.stringify(name)}`, [[name, "x"]], "leads out of its folder"),
  ),
  ofParts("two entries of one name", [["a/data/0", "\0".repeat(24)]], "it holds a/data/0 twice"),
  ofParts("a second pickle of another root", [["b/data.pkl", evil]], "a zip file with 2 data.pkl"),
  ofParts(
    "terminal commands in an entry's name",
    [
      ["a/\x1b[2J\n", "x"],
      ["a/\x1b[2J\n", "x"],
    ],
    "it holds a/\\u{1b}[2J\\n twice",
  ),
  ofParts(
    "an entry of a 60,000 character name, twice",
    [
      ["n".repeat(60_000), "x"],
      ["n".repeat(60_000), "x"],
    ],
    "twice",
  ),
  fileCase("an archive without a pickle", file, () => zipOf([["a/readme", "x"]]), "a zip file without data.pkl"),
  fileCase("a pickle two folders deep", file, () => zipOf([["a/b/data.pkl", pickle]]), "a zip file without data.pkl"),
  fileCase("an archive of nothing", file, () => zipOf([]), "it is an empty zip archive"),
];

const bomb = () => deflateRawSync(Buffer.alloc(2 ** 26, ")"), { level: 9 });
const contents: HostileCase[] = [
  ofParts("bytes in another order", [["a/byteorder", "big"]], "byte order big"),
  ofParts("a byte order of a megabyte", [["a/byteorder", "l".repeat(1e6)]], "the limit is 64"),
  ofParts("terminal commands for a byte order", [["a/byteorder", "\x1b[2J\n"]], "byte order \\u{1b}[2J"),
  fileCase(
    "a deflate bomb for a pickle",
    file,
    () => zipOf([["a/data.pkl", bomb(), { method: 8, sizeBytes: 2 ** 26 }]]),
    "the limit is 8388608",
  ),
  fileCase(
    "a deflate bomb for a storage",
    file,
    () =>
      zipOf([
        ["a/data.pkl", pickle],
        ["a/data/0", bomb(), { method: 8, sizeBytes: 2 ** 26 }],
      ]),
    "a/data/0 is compressed",
  ),
  fileCase(
    "an archive within the pickle's entry",
    file,
    () => zipOf([["a/data.pkl", torchFile(evil)]]),
    "is not what tensors need",
  ),
  fileCase(
    "a storage shorter than its tensor",
    file,
    () =>
      zipOf([
        ["a/data.pkl", pickle],
        ["a/data/0", "\0\0\0\0"],
      ]),
    "reaches past its storage of 4 bytes",
  ),
  {
    ...fileCase(
      "a legacy file that calls os.system",
      file,
      () =>
        Buffer.concat([bytesOf("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."), evil, evil, evil, evil]),
      "a Python pickle",
    ),
    isDangerous: true,
  },
  { ...fileCase("a bare pickle that calls os.system", file, () => evil, "a Python pickle"), isDangerous: true },
  {
    ...fileCase(
      "a pickle of protocol 0 that calls os.system",
      file,
      () => "cos\nsystem\n(S'touch ocellus-canary'\ntR.",
      "is not a PyTorch (zip) file",
    ),
    isDangerous: true,
  },
];

export const zipCases: readonly HostileCase[] = [...directories, ...entries, ...names, ...contents];

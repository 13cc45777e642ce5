import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { damaged } from "../../core/checkpoint/damage.testkit.js";
import { memoise, pickleOf, recall, text } from "../../core/checkpoint/torch.testkit.js";
import type { ByteSource } from "../../core/fs/index.js";
import { auditPickle } from "./audit-pickle.js";

interface Row {
  readonly name: string;
  readonly protocol: number;
  readonly pickle: string;
  readonly imports: readonly string[];
  readonly calls: Readonly<Record<string, number>>;
}

const rows = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../core/checkpoint/fixtures/pickles.json"), "utf8"),
) as Row[];

function sourceOf(bytes: Uint8Array): ByteSource {
  return { path: "x.pkl", size: bytes.length, read: async (offset, length) => bytes.slice(offset, offset + length) };
}

async function audit(...instructions: string[]) {
  return (await auditPickle(sourceOf(pickleOf(...instructions)), "x")).audit;
}

/** How often each comes, as "name count". */
function counted(items: Iterable<readonly [string, number]>): string[] {
  const counts = new Map<string, number>();
  for (const [name, count] of items) counts.set(name, (counts.get(name) ?? 0) + count);
  return [...counts].map(([name, count]) => `${name} ${count}`).sort();
}

const calling = ["REDUCE", "BUILD", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX"];

describe("the audit of a pickle", () => {
  it.each(rows.map((row) => [row.name, row.protocol, row] as const))(
    "sees what Python imports and calls for %s in protocol %i",
    async (_, protocol, row) => {
      const bytes = Buffer.from(row.pickle, "base64");
      const { audit: found, end } = await auditPickle(sourceOf(bytes), "x");
      const calls = found.calls.filter(({ how }) => calling.includes(how));
      expect(counted(found.imports.map(({ name, count }) => [name, count]))).toEqual(
        counted(row.imports.map((name) => [name, 1])),
      );
      expect(counted(calls.map(({ how, count }) => [how, count]))).toEqual(counted(Object.entries(row.calls)));
      expect([end, found.protocol]).toEqual([bytes.length, protocol < 2 ? 0 : protocol]);
    },
  );

  const system = "cos\nsystem\n";
  it.each([
    ["REDUCE", `${system}(${text("ls")}tR`, 'REDUCE os.system ("ls")'],
    ["INST", `(${text("ls")}ios\nsystem\n`, 'INST os.system ("ls")'],
    ["OBJ", `(${system}${text("ls")}o`, 'OBJ os.system ("ls")'],
    ["NEWOBJ", `${system}${text("ls")}\x85\x81`, 'NEWOBJ os.system ("ls")'],
    ["NEWOBJ_EX", `${system})}(${text("a")}K\x01u\x92`, 'NEWOBJ_EX os.system () {"a": 1}'],
    ["BUILD", `ccode\nX\n)R}${text("a")}${text("b")}sb`, 'BUILD <result of code.X> {"a": "b"}'],
    ["APPENDS, which calls a method", `cm\nX\n)R(K\x01K\x02e`, "APPENDS <result of m.X> (1, 2)"],
    ["a call of what a call gave", `c__builtin__\ngetattr\n)R)R`, "REDUCE <result of __builtin__.getattr> ()"],
  ])("lists %s with its arguments", async (_, instructions, call) => {
    const { calls } = await audit(instructions);
    expect(calls.map(({ how, callee, arguments: given }) => `${how} ${callee} ${given}`)).toContain(call);
  });

  it.each([
    ["on the stack", `${text("os")}${text("system")}\x93`],
    ["through the memo", `${text("os")}${memoise(1)}0${text("system")}${memoise(2)}0${recall(1)}${recall(2)}\x93`],
    ["through the memo of protocol 0", `${text("os")}p7\n0g7\n${text("system")}\x93`],
    ["through numbers as C reads them", `${text("os")}p 1_2\f\n0g+12\0 3\n${text("system")}\x93`],
    ["through MEMOIZE", `${text("os")}\x940h\x00${text("system")}\x93`],
    ["with escapes", "S'\\x6f\\163'\nV\\u0073ystem\n\x93"],
    ["in wide strings", "X\x02\0\0\0os\x8d\x06\0\0\0\0\0\0\0system\x93"],
    ["in two halves of a dotted name", `${text("torch.serialization")}${text("os.system")}\x93`],
  ])("reads a name given %s", async (_, instructions) => {
    const { imports, verdict } = await audit(instructions);
    expect(imports.map(({ name }) => name).join()).toMatch(/(^|\.)os\.system$/);
    expect(verdict).toBe("dangerous");
  });

  it.each([
    ["a name that is itself the result of a call", `cm\nX\n)R${text("system")}\x93`, "dangerous"],
    ["a name longer than any", `c${"os.path.".repeat(100)}\nsystem\n`, "dangerous"],
    ["an attribute of the interpreter's inside", "ctorch\nTensor.__init__.__globals__\n", "dangerous"],
    ["a builtin that is not plain data", "cbuiltins\ncompile\n", "dangerous"],
    ["a name that tensors do not need", "cpathlib\nPosixPath\n", "suspicious"],
    ["a number of the extension registry", "\x82\x05", "suspicious"],
    ["an object by a name of its loader's", "Pmodule\n", "suspicious"],
    ["a change of an import itself", "ccollections\nOrderedDict\n}b", "suspicious"],
    ["a call of plain data", "K\x01)R", "suspicious"],
    ["an import that crosses its frame", "\x95\x03\0\0\0\0\0\0\0ctorch\nSize\n", "suspicious"],
    ["only data", "](K\x01K\x02e", "safe"],
    ["a storage and a constructor of tensors", "ctorch\nFloatStorage\nctorch._utils\n_rebuild_tensor_v2\n\x86", "safe"],
    ["every dtype that PyTorch knows", "ctorch\nfloat8_e4m3fnuz\nctorch\nquint4x2\n\x86", "safe"],
  ])("judges %s", async (_, instructions, verdict) => {
    expect((await audit(instructions)).verdict).toBe(verdict);
  });

  it.each([
    ["an empty stack", "", "it takes from an empty stack"],
    ["a value below a mark", "K\x01(0R", "it takes from an empty stack"],
    ["a missing mark", "t", "a mark is missing"],
    ["a memo that was never set", "h\x07", "memo 7 was never set"],
    ["an instruction that does not exist", "\xff", "0xff at byte 14 is no instruction of a pickle"],
    ["a string longer than the file", "X\xff\xff\xff\x7fa", "it ends in the middle of an instruction"],
    ["a line without an end", "cos", "it ends in the middle of an instruction"],
  ])("stops where Python would, at %s, and keeps what came before", async (_, rest, problem) => {
    const { problems, imports, verdict } = await audit(`${system}0${rest}`);
    expect([problems[0], imports[0]!.name, verdict]).toEqual([problem, "os.system", "dangerous"]);
  });

  it("steps over long strings and long lines, wherever the window ends", async () => {
    const megabyte = "a".repeat(2 ** 20);
    const long = Buffer.from([0x58, 0, 0, 0x10, 0]).toString("latin1");
    const { imports, problems } = await audit(`${long}${megabyte}0S'${megabyte}'\n0`.repeat(3) + system);
    expect([imports.map(({ name }) => name), problems]).toEqual([["os.system"], []]);
  });

  it("names bytes that are a pickle themselves", async () => {
    const inner = pickleOf(system).toString("latin1");
    const { nested } = await auditPickle(sourceOf(pickleOf(`C${String.fromCharCode(inner.length)}${inner}`)), "x");
    expect(nested).toEqual([{ offset: 4, length: inner.length }]);
  });

  it("shows nothing that a terminal would obey, and nothing long", async () => {
    const { imports, calls } = await audit(`cm\n\x1b[2J${"x".repeat(600)}\n(X\x08\0\0\0\x1b]0;\xe2\x80\xae\ntR`);
    const shown = JSON.stringify([imports[0]!.name, calls[0]!.callee, calls[0]!.arguments]);
    expect(shown).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(shown.length).toBeLessThan(1000);
  });

  it("finishes with a report, whatever the bytes", async () => {
    const seeds = rows.filter(({ name }) => ["stateful", "collections", "tensor"].includes(name));
    for (const { pickle } of seeds)
      await fc.assert(
        fc.asyncProperty(damaged(Buffer.from(pickle, "base64")), async (bytes) => {
          const { audit: found } = await auditPickle(sourceOf(bytes), "x");
          expect(["safe", "suspicious", "dangerous"]).toContain(found.verdict);
        }),
        { seed: 3, numRuns: 60 },
      );
  });
});

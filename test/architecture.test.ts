/**
 * The import law: rooms import downwards only, enter another room by its index.ts, know no cycles (type imports count),
 * and only the edge rooms touch node: modules. The table below is the law; ARCHITECTURE.md explains it.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const src = resolve(import.meta.dirname, "../src");

/** room → rooms it may import (besides itself). */
const law: Record<string, readonly string[]> = {
  base: [],
  worker: ["base"],
  tensor: ["base"],
  protocol: ["base"],
  checkpoint: ["base", "tensor"],
  hub: ["base", "tensor", "checkpoint"],
  quantize: ["base", "tensor"],
  graph: ["base", "tensor"],
  image: ["base", "tensor"],
  tokenizer: ["base", "tensor"],
  engine: ["base", "tensor"],
  grammar: ["base", "tokenizer", "engine"],
  nn: ["base", "tensor", "graph"],
  session: ["base", "tensor", "graph"],
  models: ["base", "tensor", "graph", "nn", "image"],
  pack: ["base", "tensor", "checkpoint", "quantize", "graph", "nn", "models"],
  processor: ["base", "tensor", "tokenizer", "image", "models", "worker"],
  features: ["base", "tensor"],
  registry: ["base", "tensor", "checkpoint"],
  runtime: [
    ...["base", "tensor", "checkpoint", "quantize", "graph", "image", "tokenizer", "engine", "grammar", "features"],
    ...["nn", "session", "models", "pack", "processor", "worker"],
  ],
  inspect: [
    ...["base", "tensor", "checkpoint", "quantize", "graph", "image", "tokenizer", "engine"],
    ...["nn", "session", "models", "pack", "processor", "runtime"],
  ],
  guard: ["base", "tensor", "checkpoint", "image", "runtime", "worker"],
  search: ["base", "tensor", "checkpoint", "image", "runtime"],
  server: ["base", "checkpoint", "protocol", "runtime", "guard", "inspect", "registry", "search"],
};
law.cli = Object.keys(law);

/**
 * These may import node: modules; the rest must run in a browser too. `inspect` asks the machine for its memory, and reads
 * whole checkpoints on all its cores.
 */
const edgeRooms = new Set([
  "worker",
  "checkpoint",
  "hub",
  "session",
  "image",
  "registry",
  "features",
  "guard",
  "inspect",
  "search",
  "server",
  "cli",
]);

/** Tests that still pin words of an error, and how often: this list only shrinks. */
const stillProse: Record<string, number> = {};

const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((f) => f.endsWith(".ts"));
const isTest = (file: string) => /\.(test|testkit)\.ts$/.test(file);

interface Import {
  readonly from: string;
  readonly specifier: string;
}

function importsOf(file: string, root = src): Import[] {
  const text = readFileSync(join(root, file), "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
  const pattern = /^(?:import|export)\b[^"';]*?\bfrom\s*"([^"]+)"|^import\s*"([^"]+)"|\bimport\(\s*"([^"]+)"\s*\)/gm;
  return [...text.matchAll(pattern)].map((m) => ({ from: file, specifier: (m[1] ?? m[2] ?? m[3])! }));
}

const imports = files.flatMap((file) => importsOf(file));
const local = imports.filter((i) => i.specifier.startsWith("."));
const roomOf = (file: string) => file.split("/")[0]!;
const targetOf = (i: Import) =>
  relative(src, resolve(src, dirname(i.from), i.specifier))
    .replaceAll("\\", "/")
    .replace(/\.js$/, ".ts");

describe("the import law", () => {
  it("sees the sources", () => {
    expect(files.length).toBeGreaterThan(10);
    expect(local.length).toBeGreaterThan(files.length / 2);
  });

  it("knows every room", () => {
    expect([...new Set(files.map(roomOf))].filter((room) => !(room in law))).toEqual([]);
  });

  it("lets rooms import only the rooms below them, and only through index.ts", () => {
    const breaches = local.filter((i) => {
      const [room, target] = [roomOf(i.from), targetOf(i)];
      if (room === roomOf(target)) return false;
      const throughDoor = target === `${roomOf(target)}/index.ts` || (isTest(i.from) && target.endsWith(".testkit.ts"));
      return !throughDoor || !(law[room]?.includes(roomOf(target)) || isTest(i.from));
    });
    expect(breaches.map((i) => `${i.from} imports ${i.specifier}`)).toEqual([]);
  });

  it("keeps node: modules in the edge rooms", () => {
    const breaches = imports.filter(
      (i) => i.specifier.startsWith("node:") && !edgeRooms.has(roomOf(i.from)) && !isTest(i.from),
    );
    expect(breaches.map((i) => `${i.from} imports ${i.specifier}`)).toEqual([]);
  });

  it("lets what runs in a browser start workers only by the name of their scripts", () => {
    const breaches = local.filter(
      (i) => targetOf(i).startsWith("worker/") && roomOf(i.from) === "processor" && !i.from.endsWith("-worker.ts"),
    );
    expect(breaches.map((i) => `${i.from} imports ${i.specifier}`)).toEqual([]);
  });

  it("has one importer of ONNX Runtime: the module that switches its telemetry off", () => {
    const importers = imports.filter((i) => i.specifier.startsWith("onnxruntime")).map((i) => i.from);
    expect(importers).toEqual(["session/onnxruntime.ts"]);
  });

  it("lets the page import nothing of src but protocol's types", () => {
    const web = resolve(import.meta.dirname, "../web/src");
    const pageFiles = readdirSync(web, { recursive: true, encoding: "utf8" }).filter((f) => /\.tsx?$/.test(f));
    expect(pageFiles.length).toBeGreaterThan(10);
    const outside = pageFiles
      .flatMap((file) => importsOf(file, web))
      .map((i) => ({ ...i, target: relative(src, resolve(web, dirname(i.from), i.specifier)) }))
      .filter((i) => i.specifier.startsWith(".") && !i.target.startsWith(".."));
    expect(new Set(outside.map((i) => i.target))).toEqual(new Set(["protocol/index.js"]));
    const isTypeOnly = (file: string) =>
      [...readFileSync(join(web, file), "utf8").matchAll(/^import\b(?! type\b)[^;]*?src\/protocol/gm)].length === 0;
    expect([...new Set(outside.map((i) => i.from))].filter((file) => !isTypeOnly(file))).toEqual([]);
  });

  it("has no cycle between files", () => {
    const edges = new Map(files.map((f) => [f, local.filter((i) => i.from === f).map(targetOf)]));
    const state = new Map<string, "open" | "done">();
    const cycles: string[] = [];
    const visit = (file: string, path: string[]): void => {
      if (state.get(file) === "done") return;
      if (state.get(file) === "open") {
        cycles.push([...path.slice(path.indexOf(file)), file].join(" → "));
        return;
      }
      state.set(file, "open");
      for (const next of edges.get(file) ?? []) visit(next, [...path, file]);
      state.set(file, "done");
    };
    for (const file of files) visit(file, []);
    expect(cycles).toEqual([]);
  });
});

/**
 * What a test says of an error is its code and its details (base/ocellus-error.testkit.ts): words may change any day. A
 * name, a flag or a figure within a text is no prose; three words of English in a row are.
 */
describe("tests of errors", () => {
  const root = resolve(import.meta.dirname, "..");
  const tests = ["src", "test"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".test.ts"))
      .map((file) => `${folder}/${file.replaceAll("\\", "/")}`),
  );
  const literal = String.raw`(?:"[^"\n]*"|'[^'\n]*'|\`[^\`]*\`|\/(?![/*])(?:[^/\\\n]|\\.)+\/)`;
  const words = /[A-Za-z']{2,} [a-z']{2,} [a-z']{2,}/;
  /** Any text, of whatever kind, or what a table's column of texts is called. */
  const thrown = new RegExp(
    String.raw`\.toThrow(?:Error)?\(\s*(?:${literal}|message|text|problem|reason|words|why)\s*,?\s*\)`,
    "g",
  );
  /** Texts that are compared with what an error or the command line says. */
  const said = new RegExp(
    String.raw`(?<!,\s*[\w.]*)\b(?:message|stderr)\)?(?:: expect\.string(?:Matching|Containing)|\.(?:not\.)?to(?:Match|Contain|Be))\(\s*(${literal})`,
    "g",
  );

  const proseIn = (text: string) => [
    ...[...text.matchAll(thrown)].map(([found]) => found),
    ...[...text.matchAll(said)].filter(([, found]) => words.test(found!)).map(([found]) => found),
  ];

  it("are seen where they pin prose, and not where they name things", () => {
    for (const prose of [
      'toThrow("no")',
      "toThrow(/is (not|no) there/)",
      "toThrow(message)",
      "message: expect.stringMatching(/it is not there/)",
      'expect(stderr).toContain("has no answer yet")',
    ])
      expect(proseIn(`.${prose}`), prose).toHaveLength(1);
    for (const fact of [
      'toThrow(ocellusError("io"))',
      "toThrow(OpenAI.NotFoundError)",
      'toThrow(new Error("mine"))',
      "message: expect.stringMatching(/a\\.json:3: /)",
      'expect(stderr).toContain("--budget")',
    ])
      expect(proseIn(`.${fact}`), fact).toEqual([]);
  });

  it("assert codes and details, never prose", () => {
    const found = tests
      .filter((file) => file !== "test/architecture.test.ts")
      .map((file) => [file, proseIn(readFileSync(join(root, file), "utf8")).length] as const)
      .filter(([, count]) => count > 0);
    expect(Object.fromEntries(found)).toEqual(stillProse);
  });
});

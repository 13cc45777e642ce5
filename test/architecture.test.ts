/**
 * The import law: rooms import downwards only, enter another room by its index.ts, or by its portable.ts where that is the part of it that
 * runs in a browser too, know no cycles (type imports count), and only some rooms touch node: modules. The table below is the law; ARCHITECTURE.md prints it
 * (`OCELLUS_WRITE=1 npx vitest run --project unit test/architecture.test.ts` writes it there).
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const repository = resolve(import.meta.dirname, "..");
const src = join(repository, "src");

interface Room {
  /** What it turns into what. */
  readonly does: string;
  /** Rooms that it may import besides itself; a room of core names others of core. */
  readonly imports: readonly string[];
  /** Runs under Node only: may import node: modules and native packages; "parts": only its files *.node.ts do. */
  readonly node?: true | "parts";
}

/** The runtime: everything needed to answer about an image. Imports nothing outside core. */
const core: Record<string, Room> = {
  base: { does: "errors, bounded JSON, queues, text helpers", imports: [] },
  fs: {
    does: "files: atomic writes, locks, record logs, digests, folders of this machine",
    imports: ["base"],
    node: true,
  },
  worker: {
    does: "a script's methods → typed calls to a thread, within time and memory limits",
    imports: ["base"],
    node: true,
  },
  tensor: { does: "dtype, shape, bytes; exact float conversions", imports: ["base"] },
  checkpoint: { does: "a folder → named tensors", imports: ["base", "fs", "tensor"], node: true },
  quantize: {
    does: "float rows → int8, int4 and nf4 blocks; other tools' formats → float rows",
    imports: ["base", "tensor"],
  },
  graph: { does: "operators → a printable graph → an ONNX file", imports: ["base", "tensor"] },
  nn: {
    does: "layers and blocks as graph fragments: linear, norms, attention, decoder, encoder, connectors",
    imports: ["base", "tensor", "graph"],
  },
  train: {
    does: "a graph → the graph of its gradients; blocks of a model, one after another; losses, low-rank updates",
    imports: ["base", "tensor", "graph"],
  },
  "image/spec": { does: "image processor configs → sizes, grids, pixel values", imports: ["base"] },
  "image/loaded": {
    does: "an image as it was given → its bytes, digest, size and pixels, each once",
    imports: ["base", "image/spec"],
  },
  "image/node": {
    does: "bytes → RGB → pixel values, on threads",
    imports: ["base", "worker", "image/spec", "image/loaded"],
    node: true,
  },
  "image/web": {
    does: "bytes → RGB, by a browser's decoder",
    imports: ["base", "image/spec", "image/loaded"],
  },
  pdf: {
    does: "a PDF → page images, and its text as pieces of lines with boxes",
    imports: ["base", "worker", "image/spec"],
    node: true,
  },
  tokenizer: { does: "text ↔ ids, streaming", imports: ["base", "tensor"] },
  engine: { does: "ids → ids: batching, scheduling, sampling", imports: ["base", "tensor"] },
  grammar: { does: "JSON schema, pattern or tools → masks of allowed ids", imports: ["base", "tokenizer", "engine"] },
  models: {
    does: "config → graphs, one file per `model_type`",
    imports: ["base", "tensor", "graph", "nn", "image/spec"],
  },
  "storage/web": {
    does: "a packed model at an address → its files, checked, in the browser's storage",
    imports: ["base"],
  },
  pack: {
    does: "checkpoint → packed model",
    imports: ["base", "fs", "tensor", "checkpoint", "quantize", "graph", "nn", "models", "storage/web"],
  },
  backend: {
    does: "graph file → runnable on a device; KV cache",
    imports: ["base", "worker", "tensor", "graph"],
    node: "parts",
  },
  "backend/web": {
    does: "graph bytes → runnable in a browser, in WebAssembly or on WebGPU",
    imports: ["base", "backend"],
  },
  ocr: {
    does: "an image → the lines of text in it, with their places",
    imports: ["base", "worker", "image/spec", "image/node", "backend"],
    node: true,
  },
  cache: {
    does: "key → encoder output; token keys → cached prefix",
    imports: ["base", "fs", "tensor"],
    node: "parts",
  },
  processor: {
    does: "messages → ids and pixel values",
    imports: ["base", "tensor", "tokenizer", "image/spec", "image/loaded", "image/node", "models", "worker"],
  },
  runtime: {
    does: "messages → a stream of text",
    imports: [
      ...[
        "base",
        "fs",
        "worker",
        "tensor",
        "checkpoint",
        "quantize",
        "graph",
        "nn",
        "image/spec",
        "image/loaded",
        "image/node",
        "tokenizer",
      ],
      ...["engine", "grammar", "models", "pack", "backend", "ocr", "cache", "processor"],
    ],
  },
  "runtime/web": {
    does: "a packed model's files in a browser → a model in a worker, and its page's proxy of it",
    imports: [
      ...["base", "worker", "tensor", "checkpoint", "image/spec", "image/loaded", "image/web", "pack", "backend/web"],
      ...["cache", "processor", "runtime", "storage/web"],
    ],
  },
  calibrate: {
    does: "checkpoint, texts and images → four-bit codes that make up for what they lose",
    imports: ["base", "fs", "worker", "tensor", "checkpoint", "quantize", "graph", "pack", "backend", "runtime"],
    node: true,
  },
};

const inCore = (...rooms: string[]) => rooms.map((room) => `core/${room}`);
const allOfCore = inCore(...Object.keys(core));

/** Products beside core do not import each other; server and cli assemble them. */
const products: Record<string, Room> = {
  protocol: { does: "JSON of the wire → checked requests; errors → OpenAI's body", imports: inCore("base") },
  engines: {
    does: "a request → events of an engine elsewhere; an engine elsewhere → a model like one of this process",
    imports: inCore("base", "fs", "grammar", "image/spec", "image/node", "processor", "runtime"),
    node: true,
  },
  hub: {
    does: "a repository's name → a checkpoint folder on this machine",
    imports: inCore("base", "fs", "tensor", "checkpoint"),
    node: true,
  },
  evals: {
    does: "labelled questions → scores: golden sets, task accuracy, the exam of the bundled model",
    imports: allOfCore,
    node: true,
  },
  inspect: {
    does: "checkpoint → what is in it, what it costs, what changed, whether its pickles are safe; as pages, traces too",
    imports: allOfCore,
    node: true,
  },
  tune: {
    does: "labelled images and questions → a head over a frozen encoder, or new weights of parts of a model",
    imports: [...allOfCore, "evals"],
    node: true,
  },
  guardrails: {
    does: "a model → the same model behind a policy: detectors, redaction, streams, audit log",
    imports: inCore(
      ...["base", "fs", "tensor", "checkpoint", "grammar", "image/spec", "image/node", "runtime", "worker", "ocr"],
    ),
    node: true,
  },
  retrieval: {
    does: "images and texts → what is like them: indexes, collections on disk, pages of PDFs",
    imports: inCore(
      "base",
      "fs",
      "tensor",
      "checkpoint",
      "image/spec",
      "image/node",
      "pdf",
      "runtime",
      "worker",
      "tokenizer",
      "processor",
      "ocr",
    ),
    node: true,
  },
  documents: {
    does: "lines of a page, from a file or read in its image → blocks in reading order → Markdown",
    imports: inCore("base", "image/spec", "pdf", "processor", "runtime"),
    node: true,
  },
  "near-duplicates": {
    does: "an image → a cached one that shows the same, plugged into a model's encoder cache",
    imports: inCore("worker", "cache", "image/spec", "image/node", "processor", "runtime"),
    node: true,
  },
  rollout: {
    does: "a model's folder → a version; a journal → who serves what; answers → canary analysis",
    imports: inCore("base", "fs", "tensor", "checkpoint"),
    node: true,
  },
  gateway: {
    does: "many engines → one model: routing by images, health, retries, limits",
    imports: inCore("base", "fs", "runtime"),
    node: true,
  },
  "batch-queue": {
    does: "requests of batches → one result each, by workers on any machines",
    imports: inCore("base"),
    node: true,
  },
  wire: {
    does: "requests of the wire → options of a question; its answer's facts → JSON of the wire, in a server and in a page",
    imports: ["core/base", "core/runtime", "protocol"],
  },
  server: {
    does: "Request → Response: routes, admission, keys, limits",
    imports: [
      ...inCore("base", "fs", "checkpoint", "image/spec", "image/node", "ocr", "pdf", "runtime"),
      ...["protocol", "evals", "guardrails", "inspect", "rollout", "retrieval", "documents", "wire"],
    ],
    node: true,
  },
};

const rooms: Record<string, Room> = {
  ...Object.fromEntries(
    Object.entries(core).map(([name, room]) => [`core/${name}`, { ...room, imports: inCore(...room.imports) }]),
  ),
  ...products,
  cli: { does: "one file per command", imports: [...allOfCore, ...Object.keys(products)], node: true },
};

/** Have a part that runs in a browser too, entered by portable.ts, beside one that imports what needs Node. */
const partly = new Set(inCore("pack", "processor", "runtime"));

const files = readdirSync(src, { recursive: true, encoding: "utf8" })
  .map((file) => file.replaceAll("\\", "/"))
  .filter((file) => file.endsWith(".ts"));
const isTest = (file: string) => /\.(test|testkit)\.ts$/.test(file);

interface Import {
  readonly from: string;
  readonly specifier: string;
  readonly typeOnly: boolean;
  /** By a call, when it is first wanted. */
  readonly isLater: boolean;
}

function importsOf(file: string, root = src): Import[] {
  const text = readFileSync(join(root, file), "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
  const pattern = /^(?:import|export)\b[^"';]*?\bfrom\s*"([^"]+)"|^import\s*"([^"]+)"|\bimport\(\s*"([^"]+)"\s*\)/gm;
  return [...text.matchAll(pattern)].map((match) => ({
    from: file,
    specifier: (match[1] ?? match[2] ?? match[3])!,
    typeOnly: /^(import|export) type\b/.test(match[0]),
    isLater: match[3] !== undefined,
  }));
}

const imports = files.flatMap((file) => importsOf(file));
const local = imports.filter((each) => each.specifier.startsWith("."));
const roomOf = (file: string) => file.match(/^core\/[^/]+\/(?:spec|loaded|node|web)(?=\/)|^(core\/)?[^/]+/)![0];
const targetOf = (each: Import) =>
  relative(src, resolve(src, dirname(each.from), each.specifier))
    .replaceAll("\\", "/")
    .replace(/\.js$/, ".ts");
const told = (breaches: readonly Import[]) => breaches.map((each) => `${each.from} imports ${each.specifier}`);
const needsNode = ({ specifier }: Import) => /^(node:|sharp$|onnxruntime-node)/.test(specifier);

describe("the import law", () => {
  it("sees the sources", () => {
    expect(files.length).toBeGreaterThan(10);
    expect(local.length).toBeGreaterThan(files.length / 2);
  });

  it("knows every room", () => {
    expect([...new Set(files.map(roomOf))].filter((room) => !(room in rooms))).toEqual([]);
  });

  it("lets rooms import only the rooms below them, and only through index.ts", () => {
    const breaches = local.filter((each) => {
      const [room, target] = [roomOf(each.from), targetOf(each)];
      if (room === roomOf(target)) return false;
      const doors = ["index.ts", "portable.ts"].map((door) => `${roomOf(target)}/${door}`);
      const byIndex = doors.includes(target) || (isTest(each.from) && target.endsWith(".testkit.ts"));
      return !byIndex || !(rooms[room]?.imports.includes(roomOf(target)) || isTest(each.from));
    });
    expect(told(breaches)).toEqual([]);
  });

  it("keeps node: modules and native packages in the rooms that run under Node only", () => {
    const mayNeed = (file: string) => {
      const { node } = rooms[roomOf(file)]!;
      return node === "parts" ? file.endsWith(".node.ts") : node === true;
    };
    const breaches = imports.filter((each) => needsNode(each) && !mayNeed(each.from) && !isTest(each.from));
    expect(told(breaches)).toEqual([]);
  });

  it("keeps what runs in a browser free of Node through everything that it imports", () => {
    const values = imports.filter((each) => !each.typeOnly);
    const next = new Map(files.map((file) => [file, values.filter((each) => each.from === file)]));
    const reaches = (start: string): string | undefined => {
      const seen = new Set([start]);
      for (const file of seen)
        for (const each of next.get(file) ?? []) {
          if (needsNode(each)) return `${start} reaches ${each.specifier} by ${file}`;
          if (each.specifier.startsWith(".")) seen.add(targetOf(each));
        }
      return undefined;
    };
    const start = files.filter((file) => !rooms[roomOf(file)]!.node && !isTest(file));
    const doors = files.filter((file) => file.endsWith("/portable.ts"));
    const inBrowsers = [...start.filter((file) => !partly.has(roomOf(file))), ...doors];
    expect(inBrowsers).toContain("core/runtime/web/model-worker.ts");
    expect(inBrowsers.length).toBeGreaterThan(80);
    expect(inBrowsers.flatMap((file) => reaches(file) ?? [])).toEqual([]);
    const nodeParts = start.filter((file) => partly.has(roomOf(file)) && reaches(file));
    expect(new Set(nodeParts.map(roomOf))).toEqual(partly);
  });

  it("has no unit test that reads images as a browser does in a process that others share", () => {
    const web = join(repository, "web/src");
    const known = new Map<string, string[]>();
    const next = (path: string): string[] => {
      const now = (each: Import) => !each.typeOnly && (isTest(path) || !each.isLater);
      const found = known.get(path) ?? importsOf(path, "").flatMap((each) => (now(each) ? sources(path, each) : []));
      known.set(path, found);
      return found;
    };
    const sources = (path: string, { specifier }: Import) =>
      [".ts", ".tsx"]
        .map((end) => resolve(dirname(path), specifier.replace(/\.js$/, end)))
        .filter((each) => specifier.startsWith(".") && /\.tsx?$/.test(each) && existsSync(each));
    const reached = (start: string) => {
      const seen = new Set([start]);
      for (const path of seen) for (const each of next(path)) seen.add(each);
      return seen;
    };
    const tests = [src, web].flatMap((root) =>
      readdirSync(root, { recursive: true, encoding: "utf8" })
        .filter((file) => file.endsWith(".test.ts") && !file.startsWith("in-browser"))
        .map((file) => join(root, file)),
    );
    const decoder = join(src, "core/image/web/decode.ts");
    expect(reached(join(web, "browser-model.ts"))).toContain(decoder);
    expect(tests.filter((path) => reached(path).has(decoder))).toEqual([]);
  });

  it("has one importer of each ONNX Runtime: the module that switches its telemetry off, and the browser's", () => {
    const importers = imports.filter((each) => each.specifier.startsWith("onnxruntime")).map((each) => each.from);
    expect(new Set(importers)).toEqual(
      new Set(["core/backend/onnxruntime.node.ts", "core/backend/web/onnxruntime.ts"]),
    );
  });

  it("lets pages import nothing of src but types, what runs models in a browser by one file, and how images are scaled", () => {
    const web = join(repository, "web/src");
    const pageFiles = readdirSync(web, { recursive: true, encoding: "utf8" }).filter(
      (file) => /\.tsx?$/.test(file) && !isTest(file),
    );
    expect(pageFiles.length).toBeGreaterThan(10);
    const outside = pageFiles
      .flatMap((file) => importsOf(file, web))
      .map((each) => ({ ...each, target: relative(src, resolve(web, dirname(each.from), each.specifier)) }))
      .filter((each) => each.specifier.startsWith(".") && !each.target.startsWith(".."));
    expect(new Set(outside.map((each) => each.target))).toEqual(
      new Set([
        ...["protocol/index.js", "inspect/page/page-data.js", "core/runtime/web/index.js"],
        ...["core/image/spec/smart-size.js", "wire/index.js"],
      ]),
    );
    const byValue = outside.filter((each) => !each.typeOnly).map((each) => `${each.from} ${each.target}`);
    expect(byValue).toEqual([
      ...["browser-model.ts core/runtime/web/index.js", "browser-model.ts wire/index.js"],
      "region.ts core/image/spec/smart-size.js",
    ]);
  });

  it("keeps the page's components short", () => {
    const web = join(repository, "web/src");
    const components = readdirSync(web, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".tsx"));
    expect(components.length).toBeGreaterThan(10);
    const long = components.filter((file) => readFileSync(join(web, file), "utf8").split("\n").length > 151);
    expect(long, "more than 150 lines: split by what is shown").toEqual([]);
  });

  it("has no cycle between files", () => {
    const edges = new Map(files.map((file) => [file, local.filter((each) => each.from === file).map(targetOf)]));
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

  it("is the table that ARCHITECTURE.md prints", () => {
    const path = join(repository, "ARCHITECTURE.md");
    const page = readFileSync(path, "utf8");
    const shown = (name: string, room: Room) => {
      const names = room.imports.map((each) => (name.startsWith("core/") ? each.replace("core/", "") : each));
      const beyond = names.filter((each) => !allOfCore.includes(each));
      const listed = names.length - beyond.length === allOfCore.length ? ["all of core", ...beyond] : names;
      const what = name === "cli" ? "all" : names.length === 0 ? "–" : listed.join(", ");
      return `| \`${name}\` | ${room.does} | ${what} | ${room.node === "parts" ? "`*.node.ts`" : room.node ? "yes" : ""} |`;
    };
    const table = [
      "| room | turns what into what | may import | Node only |",
      "|---|---|---|---|",
      ...Object.entries(rooms).map(([name, room]) => shown(name, room)),
    ].join("\n");
    const written = page.replace(/\| room \|[\s\S]*?(?=\n\n)/, () => table);
    if (process.env.OCELLUS_WRITE) writeFileSync(path, written);
    else expect(page).toBe(written);
  });
});

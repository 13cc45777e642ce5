/**
 * `npm run memory-mutants`: takes out, one at a time, each guard that keeps a picture from being answered for by another
 * one, in a copy of the repository, and runs the tests that must notice. Exits 1 when one of them does not.
 */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what is looked for are pieces of source.
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

interface Mutant {
  readonly without: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const key = "src/core/cache/encoder/encoder-cache-key.ts";
const store = "src/core/cache/encoder/encoder-cache.ts";
const record = "src/core/cache/encoder/feature-record.node.ts";
const disk = "src/core/cache/encoder/disk-tier.node.ts";
const prefix = "src/core/cache/prefix/prefix-cache.ts";
const memory = "src/core/runtime/memory.ts";
const pixels = "src/core/image/spec/rgb-image.ts";

const mutants: readonly Mutant[] = [
  { without: "the model in the key", file: key, from: "${model}/", to: "" },
  { without: "the preprocessing in the key", file: key, from: "${preprocessing}/", to: "" },
  { without: "the pixels in the key", file: key, from: "${pixels}/", to: "" },
  { without: "the patch grid in the key", file: key, from: "/${rows}x${columns}", to: "" },
  { without: "the size in the pixels' digest", file: pixels, from: ".update(`${width}x${height}:`)", to: "" },
  {
    without: "the middle of the pixels in their digest",
    file: pixels,
    from: ".update(data).digest",
    to: ".update(data.subarray(0, 4096)).update(data.subarray(-4096)).digest",
  },
  {
    without: "the middle of the file in its digest",
    file: memory,
    from: "digestOf(source.bytes)",
    to: "digestOf(Buffer.concat([source.bytes.subarray(0, 2048), source.bytes.subarray(-2048)]))",
  },
  {
    without: "the rules beside the file's digest",
    file: memory,
    from: "digestOf(JSON.stringify(recipe))",
    to: 'digestOf("")',
  },
  { without: "turning by EXIF", file: "src/core/image/node/decode.ts", from: ".autoOrient()", to: "" },
  {
    without: "the picture in the names of a prompt's tokens",
    file: memory,
    from: "keys.fill(keyOf(image), image.start",
    to: "keys.fill(0, image.start",
  },
  {
    without: "a copy of the caller's bytes",
    file: memory,
    from: "readInput(unchanging(input)",
    to: "readInput(input as Uint8Array",
  },
  {
    without: "a copy of the caller's pixels",
    file: memory,
    from: "{ ...image, data: Uint8Array.from(image.data) }",
    to: "image",
  },
  {
    without: "a flight of its own for each picture",
    file: store,
    from: "const running = this.#flights.get(key);",
    to: "const running = [...this.#flights.values()][0];",
  },
  {
    without: "forgetting what nobody waits for",
    file: store,
    from: "throwIfAborted(unwanted); // nobody",
    to: "// nobody",
  },
  {
    without: "dropping what the policy lets go",
    file: store,
    from: "for (const gone of this.#policy.add(key, storedBytes(stored))) this.#entries.delete(gone);",
    to: "this.#policy.add(key, storedBytes(stored));",
  },
  {
    without: "the checksum of a record",
    file: record,
    from: " || !sha256(body).equals(record.subarray(body.length))",
    to: "",
  },
  { without: "the key in a record", file: disk, from: "if (found?.key === key)", to: "if (found)" },
  {
    without: "a look at whose name it is before a block of a prefix is kept",
    file: prefix,
    from: "if (this.#nodes.has(name)) return undefined;",
    to: "if (this.#nodes.has(name)) return this.#nodes.get(name);",
  },
  {
    without: "all keys of a block in its text",
    file: prefix,
    from: "JSON.stringify(block)",
    to: "JSON.stringify(block[0])",
  },
  {
    without: "all keys that two prompts share of the block where they part",
    file: prefix,
    from: "a[length] === b[length]",
    to: "typeof a[length] === typeof b[length]",
  },
  {
    without: "how many tokens of a prefix's last block are shared",
    file: prefix,
    from: "length: length + count }",
    to: "length: length + next.length }",
  },
];

const tests = ["test/never-the-wrong-image.test.ts", "src/core/cache"];

const root = join(import.meta.dirname, "..");
const copy = mkdtempSync(join(tmpdir(), "ocellus-mutants-"));
process.on("exit", () => rmSync(copy, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));

for (const path of execFileSync("git", ["ls-files"], { cwd: root, encoding: "utf8" }).trimEnd().split("\n")) {
  mkdirSync(dirname(join(copy, path)), { recursive: true });
  cpSync(join(root, path), join(copy, path));
}
symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));

if (!pass()) fail("the tests fail before anything is taken out");
const unnoticed = mutants.filter(survives);
if (unnoticed.length > 0) fail(`not noticed: ${unnoticed.map(({ without }) => without).join("; ")}`);
console.log(`all ${mutants.length} were noticed`);

function survives({ without, file, from, to }: Mutant): boolean {
  const path = join(copy, file);
  const source = readFileSync(path, "utf8");
  if (source.split(from).length !== 2) fail(`${file}: expected once, found otherwise: ${from}`);
  writeFileSync(
    path,
    source.replace(from, () => to),
  );
  const passed = pass();
  writeFileSync(path, source);
  console.log(`${passed ? "NOT NOTICED" : "noticed"}: without ${without}`);
  return passed;
}

function pass(): boolean {
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  return (
    spawnSync(process.execPath, [vitest, "run", "--bail=1", ...tests], { cwd: copy, stdio: "ignore" }).status === 0
  );
}

function fail(problem: string): never {
  console.error(problem);
  process.exit(1);
}

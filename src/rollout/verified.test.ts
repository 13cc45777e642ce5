import {
  cpSync,
  linkSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { textDigest } from "../core/fs/index.js";
import { modelFolder, temporaryFolder } from "./registry.testkit.js";
import { VerifiedFolders } from "./verified.js";

const contents = { "config.json": "{}", "model.safetensors": "weights", "nested/part.bin": "more" };
const expected = new Map(Object.entries(contents).map(([path, text]) => [path, `sha256:${textDigest(text)}`]));
const numBytes = Object.values(contents).join("").length;

let folder: string;
let memory: string;
beforeEach(async () => {
  folder = await modelFolder(contents);
  memory = await temporaryFolder();
  await new Promise((resolve) => setTimeout(resolve, 30)); // beyond the clock's tick: the files are at rest
});

/** Of a reader that has just started. */
async function compare(): Promise<{ problems: string[]; readBytes: number }> {
  let readBytes = 0;
  const onBytes = (bytes: number) => {
    readBytes += bytes;
  };
  return { problems: await new VerifiedFolders(memory).compare(folder, expected, { onBytes }), readBytes };
}

/** Without a trace in size or time of writing. */
function overwrite(name: string, text: string): void {
  const { atime, mtime } = statSync(join(folder, name));
  writeFileSync(join(folder, name), text);
  utimesSync(join(folder, name), atime, mtime);
}

/** Each changes one thing that a loader would read. */
const changes: Record<string, () => void> = {
  "edited in place": () => overwrite("model.safetensors", "WEIGHTS"),
  "edited, in a folder inside": () => overwrite("nested/part.bin", "MORE"),
  "swapped for another": () => {
    writeFileSync(join(folder, "other"), "WEIGHTS");
    renameSync(join(folder, "other"), join(folder, "model.safetensors"));
  },
  "taken away": () => rmSync(join(folder, "config.json")),
  "put beside the others": () => writeFileSync(join(folder, "pytorch_model.bin"), ""),
  "replaced by a link": () => {
    const path = join(folder, "config.json");
    cpSync(path, join(memory, "config"));
    rmSync(path);
    symlinkSync(join(memory, "config"), path);
  },
};

describe("a folder that a manifest vouches for", () => {
  it("is read once, by whichever process; and again when its files may have changed", async () => {
    expect(await compare()).toEqual({ problems: [], readBytes: numBytes });
    expect(await compare()).toEqual({ problems: [], readBytes: 0 });
    linkSync(join(folder, "config.json"), join(memory, "link")); // changes its ctime, and nothing else
    expect(await compare()).toEqual({ problems: [], readBytes: 2 });
    for (const name of readdirSync(memory)) if (name.endsWith(".json")) writeFileSync(join(memory, name), "{damaged");
    expect(await compare()).toEqual({ problems: [], readBytes: numBytes });
  });

  it.each(Object.keys(changes))("is refused when a file is %s, before the first look and after", async (change) => {
    await compare();
    changes[change]!();
    expect((await compare()).problems).toHaveLength(1);
    rmSync(memory, { recursive: true });
    expect((await compare()).problems).toHaveLength(1);
  });
});

describe("a folder that was made here", () => {
  it("is known again by what it was made from, and vouched for by this machine alone", async () => {
    const verified = new VerifiedFolders(memory);
    expect(await verified.isAsMade(folder, "sha256:a")).toBe(false);
    await verified.vouch(folder, "sha256:a");
    expect(await verified.isAsMade(folder, "sha256:a")).toBe(true);
    expect(await verified.isAsMade(folder, "sha256:b")).toBe(false);
    expect(await new VerifiedFolders(await temporaryFolder()).isAsMade(folder, "sha256:a")).toBe(false);
  });

  it.each(Object.keys(changes))("is not as it was made when a file is %s", async (change) => {
    const verified = new VerifiedFolders(memory);
    await verified.vouch(folder, "sha256:a");
    changes[change]!();
    expect(await verified.isAsMade(folder, "sha256:a")).toBe(false);
  });
});

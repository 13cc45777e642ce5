import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { compiledUrl } from "../base/compiled.testkit.js";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import { isMissing } from "../base/prerequisite.testkit.js";
import { temporaryFolder } from "../base/temporary-folder.testkit.js";

/** A module of its own for each test: notes are said once a process. */
async function homes() {
  vi.resetModules();
  const module = await import("./homes.js");
  const notes: string[] = [];
  module.onHomeNote((note) => notes.push(note));
  return { ...module, notes };
}

let home: string;
beforeEach(() => {
  home = temporaryFolder();
  vi.stubEnv("HOME", home);
  vi.stubEnv("TMPDIR", join(temporaryFolder(), "tmp"));
  mkdirSync(process.env.TMPDIR!);
  for (const name of ["OCELLUS_CACHE", "OCELLUS_DATA", "XDG_CACHE_HOME", "XDG_DATA_HOME"]) vi.stubEnv(name, "");
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

const onLinux = it.skipIf(process.platform !== "linux");

describe("caches and data", () => {
  onLinux("lie in the home folder's usual places, which nothing is made in by asking", async () => {
    const { cacheRoot, dataFolder, notes } = await homes();
    expect([cacheRoot(), dataFolder("registry")]).toEqual([
      join(home, ".cache/ocellus"),
      join(home, ".local/share/ocellus/registry"),
    ]);
    expect([readdirSync(home), notes]).toEqual([[], []]);
  });

  onLinux("follow XDG's variables, if they are absolute, and ours before them", async () => {
    const { cacheRoot, dataFolder } = await homes();
    const places = () => [cacheRoot(), dataFolder("registry")];
    vi.stubEnv("XDG_CACHE_HOME", join(home, "c"));
    vi.stubEnv("XDG_DATA_HOME", join(home, "d"));
    expect(places()).toEqual([join(home, "c/ocellus"), join(home, "d/ocellus/registry")]);
    vi.stubEnv("OCELLUS_CACHE", join(home, "C"));
    vi.stubEnv("OCELLUS_DATA", join(home, "D"));
    expect(places()).toEqual([join(home, "C"), join(home, "D/registry")]);
    for (const name of ["OCELLUS_CACHE", "OCELLUS_DATA"]) vi.stubEnv(name, "");
    for (const name of ["XDG_CACHE_HOME", "XDG_DATA_HOME"]) vi.stubEnv(name, "relative");
    expect(places()).toEqual([join(home, ".cache/ocellus"), join(home, ".local/share/ocellus/registry")]);
  });
});

describe("data that an earlier version left among the caches", () => {
  it("is used where it lies, and the note says where it belongs; once there, that is used", async () => {
    const { cacheRoot, dataFolder, notes } = await homes();
    const old = join(cacheRoot(), "registry");
    mkdirSync(old, { recursive: true });
    const folder = dataFolder("registry");
    expect(folder, "an empty folder is no data").not.toBe(old);
    writeFileSync(join(old, "registry.db"), "");
    expect([dataFolder("registry"), dataFolder("registry")]).toEqual([old, old]);
    expect(notes).toEqual([expect.stringContaining(folder)]);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "registry.db"), "");
    expect(dataFolder("registry")).toBe(folder);
    expect(notes).toHaveLength(2);
    expect(dataFolder("collections")).not.toContain(cacheRoot());
  });
});

describe("without a home that can be written", () => {
  /** A file where a folder is expected: also the superuser cannot write there. */
  function takeHome(): void {
    const path = join(home, "file");
    writeFileSync(path, "");
    vi.stubEnv("HOME", path);
  }

  onLinux("caches lie in a temporary folder of this user alone, the same each time, said once", async () => {
    takeHome();
    const first = await homes();
    const folder = first.cacheRoot();
    expect(folder).toBe(join(process.env.TMPDIR!, `ocellus-${process.getuid!()}`));
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(first.cacheRoot()).toBe(folder);
    expect(first.notes).toEqual([expect.stringMatching(/OCELLUS_CACHE/)]);
    expect((await homes()).cacheRoot()).toBe(folder);
  });

  onLinux.each(["others can write", "is a link"])(
    "a temporary folder that %s is not used: what lies in it is run",
    async (fault) => {
      takeHome();
      const usual = join(process.env.TMPDIR!, `ocellus-${process.getuid!()}`);
      if (fault === "is a link") symlinkSync(temporaryFolder(), usual);
      else {
        mkdirSync(usual);
        chmodSync(usual, 0o777);
      }
      const { cacheRoot } = await homes();
      expect(cacheRoot()).not.toBe(usual);
      expect(cacheRoot()).toBe(cacheRoot());
      expect(existsSync(cacheRoot())).toBe(true);
    },
  );

  onLinux(
    "data is never put into a temporary folder, and a folder of caches that was named is taken as it is",
    async () => {
      takeHome();
      const { dataFolder, cacheRoot, notes } = await homes();
      expect(dataFolder("registry")).toBe(join(home, "file/.local/share/ocellus/registry"));
      notes.length = 0;
      vi.stubEnv("OCELLUS_CACHE", "/proc/cannot/be/made");
      expect([cacheRoot(), notes]).toEqual(["/proc/cannot/be/made", []]);
      vi.stubEnv("HOME", ""); // as where there is neither HOME nor a line in /etc/passwd
      expect(() => dataFolder("registry")).toThrow(ocellusError("unavailable"));
      vi.stubEnv("OCELLUS_DATA", join(home, "data"));
      expect(dataFolder("registry")).toBe(join(home, "data/registry"));
    },
  );

  onLinux("says what to set where not even a temporary folder can be made", async () => {
    takeHome();
    vi.stubEnv("TMPDIR", process.env.HOME);
    const { cacheRoot } = await homes();
    expect(() => cacheRoot()).toThrow(ocellusError("io", { path: expect.any(String) }));
  });
});

const script = `
import { makeFolder } from ${JSON.stringify(compiledUrl("folder.ts", import.meta.url))};
const error = await makeFolder(process.argv[1] + "/a/b").catch((caught) => caught);
console.log(JSON.stringify({ code: error.code, errno: error.details.errno }));`;
const onReadOnlyDisk = ["-Urm", "sh", "-c", 'mount -t tmpfs -o ro none "$0" && exec "$@" "$0"'];
const mounts = spawnSync("unshare", [...onReadOnlyDisk, tmpdir(), "true"]).status === 0;

it.skipIf(isMissing("the right to mount a tmpfs", mounts, "run as root, or allow user namespaces"))(
  "a folder on a disk that can only be read is not called missing",
  () => {
    const node = [process.execPath, "--input-type=module", "-e", script];
    const { stdout, stderr } = spawnSync("unshare", [...onReadOnlyDisk, temporaryFolder(), ...node], {
      encoding: "utf8",
    });
    expect(stdout === "" ? stderr : JSON.parse(stdout)).toEqual({ code: "io", errno: "EROFS" });
  },
);

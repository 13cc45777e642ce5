import { mkdirSync, renameSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../base/temporary-folder.testkit.js";
import { until } from "../base/until.testkit.js";
import { FileFingerprints, fingerprintFile } from "./file-fingerprint.js";

const longAgo = new Date("2020-01-01");

/** Written at `longAgo`, as far as programs can say so. */
function write(path: string, text: string): string {
  writeFileSync(path, text);
  utimesSync(path, longAgo, longAgo);
  return path;
}

describe("a file that is looked at again", () => {
  it("is told from another of the same size and time of change, edited in place or swapped", async () => {
    const folder = temporaryFolder();
    const path = write(join(folder, "a"), "one");
    const looks = [await fingerprintFile(path)];
    write(path, "two");
    looks.push(await fingerprintFile(path, looks.at(-1)));
    renameSync(write(join(folder, "b"), "six"), path);
    looks.push(await fingerprintFile(path, looks.at(-1)));
    expect(statSync(path).mtime).toEqual(longAgo);
    expect(new Set(looks.map(({ digest }) => digest)).size).toBe(3);
  });

  it("is not read while its stamp is the same and it was at rest, and is read else", async () => {
    const path = write(join(temporaryFolder(), "a"), "one");
    const { stamp, digest } = await until(async () => {
      const look = await fingerprintFile(path);
      expect(look.isSettled).toBe(true);
      return look;
    });
    const known = { stamp, digest: "as it was", isSettled: true };
    expect(await fingerprintFile(path, known)).toBe(known);
    expect(await fingerprintFile(path, { ...known, isSettled: false })).toMatchObject({ digest });
    expect(await fingerprintFile(path, { ...known, stamp: `${stamp}0` })).toMatchObject({ digest });
    utimesSync(path, longAgo, new Date(Date.now() + 60_000));
    expect((await fingerprintFile(path)).isSettled, "changed after now, by its clock").toBe(false);
  });

  it("is not found when it is gone", async () => {
    await expect(fingerprintFile(join(temporaryFolder(), "a"))).rejects.toMatchObject({ code: "not_found" });
  });
});

describe("the fingerprint of files", () => {
  it("changes with any of them, with a file inside a folder, and not when a file is only touched", async () => {
    const folder = temporaryFolder();
    const [list, model] = [join(folder, "list"), join(folder, "model")];
    mkdirSync(model);
    const paths = [list, model, join(folder, "missing")];
    const looks = new FileFingerprints();
    const seen: string[] = [];
    const steps: (() => unknown)[] = [
      () => write(list, "one"),
      () => write(join(model, "weights"), "one"),
      () => write(list, "two"),
      () => write(join(model, "weights"), "two"),
      () => write(join(folder, "missing"), ""),
    ];
    for (const step of steps) {
      step();
      seen.push(await looks.fingerprint(paths));
      expect(await looks.fingerprint(paths)).toBe(seen.at(-1));
    }
    expect(new Set(seen).size).toBe(steps.length);
    utimesSync(list, new Date(), new Date());
    expect(await looks.fingerprint(paths)).toBe(seen.at(-1));
  });
});

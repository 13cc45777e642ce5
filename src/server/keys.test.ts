import { rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { temporaryFolder } from "../core/base/temporary-folder.testkit.js";
import { createKey, KeyRing, keyFileText } from "./keys.js";

afterEach(() => void vi.restoreAllMocks());

/** Beyond the seconds in which the file is not looked at. */
function passTime(seconds = 5): void {
  const later = performance.now() + 1000 * seconds; // a fake clock would begin at zero again, before the file was looked at
  vi.spyOn(performance, "now").mockReturnValue(later);
}

it("a key that was swapped for another is noticed though size and time of change are the same", async () => {
  const [old, fresh] = [createKey("alice"), createKey("alice")];
  const path = join(temporaryFolder(), "keys.json");
  writeFileSync(path, keyFileText([old.key]));
  const { atime, mtime, size } = statSync(path);
  const ring = await KeyRing.open(path);
  expect(await ring.find(old.secret)).toMatchObject({ name: "alice" });
  writeFileSync(path, keyFileText([fresh.key]));
  utimesSync(path, atime, mtime);
  expect(statSync(path)).toMatchObject({ mtime, size });
  passTime();
  const found = [await ring.find(old.secret), await ring.find(fresh.secret)];
  expect(found.map((key) => key?.name)).toEqual([undefined, "alice"]);
});

it("a name is known as long as one of its keys is in the file", async () => {
  const [old, fresh] = [createKey("alice"), createKey("alice")];
  const path = join(temporaryFolder(), "keys.json");
  writeFileSync(path, keyFileText([old.key]));
  const ring = await KeyRing.open(path);
  const found = [await ring.has("alice"), await ring.has("bob")];
  for (const [i, keys] of [[fresh.key], []].entries()) {
    writeFileSync(path, keyFileText(keys));
    passTime(5 * (i + 1));
    found.push(await ring.has("alice"));
    vi.restoreAllMocks();
  }
  expect(found).toEqual([true, false, true, false]);
});

it("a file that is gone or damaged lets no one in, and says so without its name", async () => {
  const { secret, key } = createKey("alice");
  const path = join(temporaryFolder(), "keys.json");
  writeFileSync(path, keyFileText([key]));
  const ring = await KeyRing.open(path);
  passTime();
  writeFileSync(path, "{");
  await expect(ring.find(secret)).rejects.toMatchObject({ code: "unavailable", cause: { code: "invalid_file" } });
  rmSync(path);
  const error = await ring.find(secret).catch((caught: Error) => caught);
  expect(error).toMatchObject({ code: "unavailable", cause: { code: "not_found" } });
  expect((error as Error).message).not.toContain(path);
  writeFileSync(path, keyFileText([key]));
  expect(await ring.find(secret)).toMatchObject({ name: "alice" });
});

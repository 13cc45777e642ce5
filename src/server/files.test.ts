/** Who keeps his files when there is no room for all. */

import { describe, expect, it } from "vitest";
import { ocellusError } from "../core/base/ocellus-error.testkit.js";
import { FileStore } from "./files.js";

/** As long as wanted, and by its first bytes a JPEG. */
function jpeg(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes.set([0xff, 0xd8, 0xff, 0xe0]);
  return bytes;
}

const add = (store: FileStore, owner: string, length: number, onDrop?: () => void) =>
  store.add(owner, "a.jpg", "vision", jpeg(length), onDrop).id;
const idsOf = (store: FileStore, owner: string) => store.list(owner).map(({ id }) => id);

describe("uploaded files", () => {
  it("make room by what whoever holds most has not used for longest", () => {
    const store = new FileStore(100);
    const [one, two] = [add(store, "big", 30), add(store, "big", 30)];
    const small = add(store, "small", 20);
    store.get("big", one);
    const three = add(store, "small", 30);
    expect([idsOf(store, "big"), idsOf(store, "small")]).toEqual([[one], [small, three]]);
    expect(() => store.get("big", two)).toThrow(ocellusError("not_found", { param: "file_id" }));
    expect(store.bytes).toBe(80);
  });

  it("stay when they are pinned, whoever comes, in half of the room", () => {
    const store = new FileStore(100);
    let dropped = 0;
    const pinned = add(store, "big", 40, () => dropped++);
    const other = add(store, "big", 30);
    const small = add(store, "small", 60);
    expect([idsOf(store, "big"), idsOf(store, "small"), dropped]).toEqual([[pinned], [small], 0]);
    expect(() => store.get("big", other)).toThrow(ocellusError("not_found", { param: "file_id" }));
    expect(() => add(store, "small", 11, () => {})).toThrow(
      ocellusError("too_large", { numBytes: 11, mostBytes: 10, pinnedBytes: 40, isPinned: true }),
    );
    expect(() => add(store, "small", 61)).toThrow(
      ocellusError("too_large", { numBytes: 61, mostBytes: 60, maxBytes: 100, isPinned: false }),
    );
    expect(store.bytes).toBe(100);
    store.remove("big", pinned);
    expect([dropped, store.bytes]).toEqual([1, 60]);
    add(store, "small", 50, () => {});
    expect(idsOf(store, "small")).toHaveLength(1);
  });
});

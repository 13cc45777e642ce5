/** The collections of one folder by their names: made, opened once, listed, removed. */
import { randomBytes } from "node:crypto";
import { readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Closing, ioError, nearestHint, nearestNames, OcellusError } from "../core/base/index.js";
import { createFolderAtomically, dataFolder, pathExists, withFolderLock } from "../core/fs/index.js";
import { Collection } from "./collection.js";
import { fileOf } from "./collection-files.js";
import { type CollectionInfo, type CollectionModel, hasInfo, readInfo, writeInfo } from "./collection-info.js";
import type { IndexKind } from "./vector-index.js";

/** A name is a folder's name on every system, and a part of an address. */
const goodName = /^(?!.*\.lock$)[a-z0-9][\w.-]{0,63}$/i; // beside it lies its lock
/** Each that is used is held in memory; a shop has some, a program that makes more has lost its way. */
const maxCollections = 1000;

export interface CollectionList {
  readonly collections: readonly CollectionInfo[];
  /** That are there and cannot be opened. */
  readonly damaged: readonly DamagedCollection[];
}

export interface DamagedCollection {
  readonly name: string;
  readonly problem: string;
}

/** Where the command line keeps collections. */
export function collectionsFolder(): string {
  return dataFolder("collections");
}

export class Collections {
  readonly folder: string;
  readonly #opened = new Map<string, Promise<Collection>>();
  readonly #closing = new Closing("the folder of collections");

  constructor(folder: string) {
    this.folder = folder;
  }

  /** By name. Folders that hold no collection are passed over. @throws `io`. */
  async list(): Promise<CollectionList> {
    const names = await readdir(this.folder).catch((cause: { code?: string }) => {
      if (cause.code === "ENOENT") return [];
      throw ioError("list the collections in", this.folder, cause);
    });
    const list = { collections: [] as CollectionInfo[], damaged: [] as DamagedCollection[] };
    for (const name of names.filter((each) => goodName.test(each)).sort())
      try {
        const info = await readInfo(join(this.folder, name));
        if (info.name === name) list.collections.push(info); // another name: a folder that is being made
      } catch (error) {
        const { code, message } = error as OcellusError;
        if (code !== "not_found") list.damaged.push({ name, problem: message });
      }
    return list;
  }

  /** @throws `invalid_request` for a name that cannot be one or is taken, `too_large`, `unavailable`, `io`. */
  async create(name: string, kind: IndexKind, model: CollectionModel): Promise<Collection> {
    return this.#make(name, async (temporary) => {
      const info = { name, kind, model, created: new Date().toISOString(), generation: 1 };
      await writeFile(fileOf(temporary, "entries", info), "");
      await writeFile(fileOf(temporary, "images", info), "");
      await writeInfo(temporary, info);
    });
  }

  /**
   * A snapshot as a new collection, when all of it is whole. @throws as `create`; `not_found`, `invalid_file`.
   */
  async import(name: string, folder: string): Promise<Collection> {
    const snapshot = await Collection.open(folder);
    return this.#make(name, (temporary) => snapshot.copyTo(temporary, name));
  }

  /** A snapshot into a folder that is not there yet: what `import` takes. @throws `invalid_request`, `invalid_file`, `io`. */
  async export(name: string, folder: string): Promise<void> {
    const collection = await this.open(name);
    if (await pathExists(folder))
      throw new OcellusError("invalid_request", `${folder} is there already; name a folder that is not`, {
        details: { param: "folder" },
      });
    await createFolderAtomically(folder, false, (temporary) => collection.copyTo(temporary, name));
  }

  async #make(name: string, build: (temporary: string) => Promise<void>): Promise<Collection> {
    const folder = this.#folderOf(name);
    if (await pathExists(folder))
      throw new OcellusError("invalid_request", `there is a collection ${name} already`, {
        details: { param: "name", found: name },
      });
    if ((await this.list()).collections.length >= maxCollections)
      throw new OcellusError("too_large", `${this.folder}: at most ${maxCollections} collections; remove some`);
    await createFolderAtomically(folder, false, build);
    return this.open(name);
  }

  /** With what others have added by now. @throws `invalid_request` (a bad name), `not_found`, as `Collection.open`. */
  async open(name: string): Promise<Collection> {
    const folder = this.#folderOf(name);
    try {
      const opening = this.#opened.get(name) ?? Collection.open(folder);
      this.#opened.set(name, opening);
      const collection = await opening;
      await collection.refresh();
      return collection;
    } catch (error) {
      this.#opened.delete(name);
      throw (error as { code?: string }).code === "not_found" ? await this.#missing(name) : error;
    }
  }

  /** Damaged ones too. @throws `invalid_request` (a bad name). */
  async has(name: string): Promise<boolean> {
    return hasInfo(this.#folderOf(name));
  }

  /** With everything in it. @throws `not_found`, `io`. */
  async remove(name: string): Promise<void> {
    const folder = this.#folderOf(name);
    if (!(await this.has(name))) throw await this.#missing(name);
    this.#opened.delete(name);
    await withFolderLock(folder, {}, async () => {
      const away = join(this.folder, `.removed-${name}-${randomBytes(4).toString("hex")}`);
      await rename(folder, away).catch((cause: unknown) => Promise.reject(ioError("remove", folder, cause)));
      await rm(away, { recursive: true, force: true });
    });
  }

  /** Saves what indexes would take long to build again. What is asked later is refused with `closed`; closing again waits for the first time. */
  close(): Promise<void> {
    return this.#closing.run(async () => {
      for (const opening of this.#opened.values()) await (await opening.catch(() => undefined))?.save();
      this.#opened.clear();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #folderOf(name: string): string {
    this.#closing.check();
    if (goodName.test(name)) return join(this.folder, name);
    throw new OcellusError(
      "invalid_request",
      `${JSON.stringify(name.slice(0, 80))} is no name of a collection: expected up to 64 letters, digits, _ . or -`,
      { details: { param: "collection" } },
    );
  }

  async #missing(name: string): Promise<OcellusError> {
    const names = (await this.list()).collections.map((info) => info.name);
    const [hint, nearest] = [nearestHint(name, names), nearestNames(name, names)];
    return new OcellusError("not_found", `there is no collection ${name}${hint}; \`ocellus index list\` shows them`, {
      details: { param: "collection", wanted: name, nearest },
    });
  }
}

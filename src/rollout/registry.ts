/**
 * The store of versions and the names that point at them, over one folder of files and one database. Several processes may
 * open the same: each folds the same journal, and a command that lost a race is judged again against the newer state.
 */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { OcellusError } from "../core/base/index.js";
import { makeFolder, pathExists } from "../core/fs/index.js";
import { AnswerLog } from "./answers.js";
import { BlobStore, type CopyOptions } from "./blobs.js";
import { checkNewTag, publishVersion, type RegistryCommand, versionOf } from "./commands.js";
import type { OpenDatabase } from "./database.js";
import { DeliveryLog } from "./deliveries.js";
import { checkEvent, type JournalEntry, writtenIn } from "./events.js";
import { EvidenceLog } from "./evidence.js";
import { Journal } from "./journal.js";
import { checkFolder } from "./location.js";
import type { Manifest } from "./manifest.js";
import { exportLayout, importLayout } from "./oci.js";
import { type PendingRollbackChange, PendingRollbacks, type UnwrittenEntry } from "./pending-rollbacks.js";
import { type PublishOptions, type PublishProgress, storeFolder } from "./publish.js";
import { type Placed, problemsOf, repair } from "./repair.js";
import { ServerReports } from "./reports.js";
import { emptyState, type RegistryState, replay } from "./state.js";
import { linkFolder } from "./version-folder.js";

export interface RegistryOptions {
  /** Where the files lie. */
  readonly folder: string;
  /** `postgres://…`; default: the SQLite file `registry.db` in the folder. */
  readonly databaseUrl?: string | undefined;
  /** What to do where the folder holds no registry. Default: one is made. */
  readonly ifMissing?: "make" | "refuse" | undefined;
  /** Given: a rollback that cannot be written is in force in this process until it can, and told here (pending-rollbacks.ts). */
  readonly onPendingRollback?: ((change: PendingRollbackChange) => void) | undefined;
  /** Sees the texts that people write into the journal (events.ts) and may throw: histories and lists of models show them. */
  readonly admit?: ((written: readonly string[]) => Promise<void>) | undefined;
  /** The clock of the journal, for tests. */
  readonly now?: () => number;
}

/** More losers in a row than any number of people at keyboards makes; a loop beyond it would be ours. */
const maxAttempts = 200;
/** How often what could not be written is tried again. */
const heldMs = 2000;

export class Registry {
  readonly blobs: BlobStore;
  readonly answers: AnswerLog;
  readonly reports: ServerReports;
  readonly evidence: EvidenceLog;
  readonly deliveries: DeliveryLog;
  readonly #folder: string;
  readonly #database: OpenDatabase;
  readonly #journal: Journal;
  readonly #now: () => number;
  readonly #listeners = new Set<(state: RegistryState) => void>();
  readonly #held: PendingRollbacks | undefined;
  readonly #admit: RegistryOptions["admit"];
  /** What the journal means. */
  #recorded = emptyState;
  /** With what is held. */
  #state = emptyState;
  #heldTimer: NodeJS.Timeout | undefined;
  #writingHeld: Promise<void> | undefined;
  #refreshing: Promise<void> | undefined;
  #unfollow: (() => Promise<void>) | undefined;

  private constructor({ folder, now = Date.now, onPendingRollback, admit }: RegistryOptions, database: OpenDatabase) {
    this.#held = onPendingRollback && new PendingRollbacks(onPendingRollback);
    this.#admit = admit;
    this.#folder = folder;
    this.#database = database;
    this.#journal = new Journal(database);
    this.#now = now;
    this.blobs = new BlobStore(folder);
    this.answers = new AnswerLog(database);
    this.reports = new ServerReports(database);
    this.evidence = new EvidenceLog(database);
    this.deliveries = new DeliveryLog(database);
  }

  /** @throws `not_found`, `invalid_request` as `checkFolder`; `io`; `unavailable` when the database does not answer. */
  static async open(options: RegistryOptions): Promise<Registry> {
    await checkFolder(options);
    await makeFolder(options.folder);
    const { openDatabase } = await import("./open-database.js");
    const database = await openDatabase(options.databaseUrl ?? join(options.folder, "registry.db"));
    const registry = new Registry(options, database);
    await registry.refresh();
    return registry;
  }

  /** As of the last look; `follow` keeps it fresh. */
  get state(): RegistryState {
    return this.#state;
  }

  /** Reads what others have written. */
  async refresh(): Promise<RegistryState> {
    this.#refreshing ??= this.#readOn().finally(() => (this.#refreshing = undefined));
    await this.#refreshing;
    return this.#state;
  }

  async #readOn(): Promise<void> {
    const entries = await this.#journal.read(this.#recorded.seq);
    if (entries.length === 0) return;
    this.#recorded = replay(entries, this.#recorded);
    this.#adopt(entries);
  }

  #adopt(news?: readonly JournalEntry[]): void {
    this.#state = this.#held?.over(this.#recorded, news) ?? this.#recorded;
    for (const listener of this.#listeners) listener(this.#state);
  }

  /** Aliases that were rolled back here and not in the journal. */
  get held(): readonly string[] {
    return this.#held?.names ?? [];
  }

  /**
   * Decides by the newest state and writes what follows from it; again, when somebody was faster.
   * @param actor who asked, for the history
   * @param isOwn whether a server decided it: no text of a person is in it
   * @throws what the command or `admit` throws; `overloaded` when others never stop writing; `io` when it cannot be written
   */
  async run(actor: string, command: RegistryCommand, { isOwn = false } = {}): Promise<RegistryState> {
    const decide = async (state: RegistryState) => {
      const entries = this.#entries(actor, command, state);
      const written = isOwn ? [] : entries.flatMap(({ event }) => writtenIn(event, state));
      if (written.length > 0) await this.#admit?.(written);
      return entries;
    };
    try {
      await this.#writeHeld();
      return await this.#write(decide);
    } catch (error) {
      const isAway = !(error instanceof OcellusError) || error.code === "io";
      const entries = isAway && this.#held ? await decide(this.#state) : [];
      if (!this.#held?.hold(entries, this.#recorded, error)) throw error;
      this.#adopt();
      this.#heldTimer ??= setInterval(() => void this.#writeHeld().catch(() => {}), heldMs).unref();
      return this.#state;
    }
  }

  #entries(actor: string, command: RegistryCommand, state: RegistryState): UnwrittenEntry[] {
    return command(state).map((event) => ({ at: this.#now(), actor, event: checkEvent(event) }));
  }

  async #write(decide: (state: RegistryState) => Promise<readonly UnwrittenEntry[]>): Promise<RegistryState> {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const state = await this.refresh();
      const entries = await decide(state);
      if (entries.length === 0) return state;
      if (await this.#journal.append(state.seq, entries)) {
        await this.#refreshing?.catch(() => {}); // it may have begun before
        return this.refresh();
      }
      await new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(100, 5 * attempt)));
    }
    throw new OcellusError("overloaded", "the registry is busy with others' commands; try again");
  }

  /** What is held goes before any other command: this was decided after it. */
  #writeHeld(): Promise<void> {
    this.#writingHeld ??= this.#tryHeld().finally(() => (this.#writingHeld = undefined));
    return this.#writingHeld;
  }

  async #tryHeld(): Promise<void> {
    for (const name of this.held) await this.#write(async () => this.#held!.entriesOf(name)); // none where others have overruled it
    if (this.held.length > 0) return;
    clearInterval(this.#heldTimer);
    this.#heldTimer = undefined;
  }

  /** Calls back with each new state, others' changes within a second; with an error, once until it is over. */
  async follow(listener: (state: RegistryState) => void, onError: (error: unknown) => void): Promise<void> {
    this.#listeners.add(listener);
    let isBroken = false;
    const look = () =>
      void this.refresh().then(
        () => (isBroken = false),
        (error: unknown) => {
          if (!isBroken) onError(error);
          isBroken = true;
        },
      );
    this.#unfollow ??= await this.#journal.follow(look);
  }

  /** Everything that happened after an entry, the oldest first. */
  history(after = 0): Promise<JournalEntry[]> {
    return this.#journal.read(after);
  }

  /**
   * Stores a folder's files and publishes them under a tag, ready to load. Killed at any point, it can be run again.
   * @throws `invalid_request` for a tag that is taken, `io` for a full disk, `aborted`
   */
  async publish(
    folder: string,
    options: PublishOptions,
    copy: CopyOptions & {
      onProgress?: ((progress: PublishProgress) => void) | undefined;
      /** Signs the manifest. */
      sign?: ((manifest: Manifest) => Manifest) | undefined;
    } = {},
  ): Promise<Manifest> {
    const state = await this.refresh(); // before minutes of copying
    if (options.parent !== undefined) versionOf(state, options.parent);
    if (!state.versions.has(options.tag)) checkNewTag(state, options.tag);
    await this.#admit?.([options.tag, options.notes ?? ""]);
    const stored = await storeFolder(this.blobs, folder, options, copy);
    return this.#enter(copy.sign?.(stored) ?? stored, options.createdBy);
  }

  async #enter(manifest: Manifest, actor: string): Promise<Manifest> {
    for (const { digest, path } of manifest.files) {
      if (await this.blobs.has(digest)) continue;
      throw new OcellusError("io", `${path} was stored but is gone: was \`gc\` running? Publish again`, {
        details: { path, digest, missing: true },
      });
    }
    const { versions } = await this.run(actor, publishVersion(manifest));
    await this.folderOf(manifest.tag); // now: a rollback to it may come when the disk is full
    await this.#linkAgain(manifest);
    return versions.get(manifest.tag)!.manifest;
  }

  /**
   * A folder with the version's files, to load from: links to the stored files.
   * @throws `not_found`, `io`
   */
  async folderOf(tag: string): Promise<string> {
    const { manifest, folder } = this.#placed(tag);
    await linkFolder(this.blobs, folder, manifest.files);
    return folder;
  }

  #placed(tag: string): Placed {
    const { manifest, digest } = versionOf(this.#state, tag);
    return { manifest, folder: join(this.#folder, "versions", digest.slice("sha256:".length), tag) };
  }

  /** Reads every byte of a version. @returns what is wrong, one line each; nothing when it is whole. */
  async verify(tag: string, copy: CopyOptions = {}): Promise<string[]> {
    return problemsOf(this.blobs, this.#placed(tag), copy);
  }

  /**
   * Puts good bytes in the place of a version's damaged ones: from these folders, or from other versions' links.
   * @returns what was done, one line each; `verify` says what is left @throws `not_found`, `io`, `aborted`
   */
  async repair(tag: string, sources: readonly string[], copy: CopyOptions = {}): Promise<string[]> {
    const all = [...this.#state.versions.keys()].map((name) => this.#placed(name));
    const done = await repair(this.blobs, this.#placed(tag), all, sources, copy);
    if (done.length > 0) await this.#linkAgain(versionOf(this.#state, tag).manifest);
    return done;
  }

  /** Where these files were stored again, all versions' folders that are there get the new ones. */
  async #linkAgain({ files }: Manifest): Promise<void> {
    const digests = new Set(files.map(({ digest }) => digest));
    for (const tag of this.#state.versions.keys()) {
      const { manifest, folder } = this.#placed(tag);
      if (!(await pathExists(folder))) continue;
      const shared = manifest.files.filter(({ digest }) => digests.has(digest));
      await linkFolder(this.blobs, folder, shared);
    }
  }

  /** Removes the files that no version needs. @returns the bytes that came free */
  async collectGarbage(graceMs?: number): Promise<number> {
    const { versions } = await this.refresh();
    const needed = new Set([...versions.values()].flatMap(({ manifest }) => manifest.files.map((file) => file.digest)));
    await this.#removeFolders();
    return this.blobs.keepOnly(needed, graceMs);
  }

  /** Folders of links are made again when they are wanted; those of removed versions would hold their files. */
  async #removeFolders(): Promise<void> {
    const { versions } = this.#state;
    const kept = new Set([...versions.values()].map((version) => version.digest.slice("sha256:".length)));
    const root = join(this.#folder, "versions");
    for (const name of await readdir(root).catch(() => []))
      if (!kept.has(name)) await rm(join(root, name), { recursive: true, force: true });
  }

  /** Writes a version as an OCI image layout. @throws `not_found`, `io` */
  async export(tag: string, target: string): Promise<void> {
    await exportLayout(this.blobs, versionOf(await this.refresh(), tag).manifest, target);
  }

  /** Brings in a version from an OCI image layout that `export` wrote. @throws `invalid_file`, `invalid_request` */
  async import(source: string, actor: string, tag?: string, copy: CopyOptions = {}): Promise<Manifest> {
    return this.#enter(await importLayout(this.blobs, source, tag, copy), actor);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    await this.#unfollow?.();
    await this.#refreshing?.catch(() => {});
    clearInterval(this.#heldTimer);
    await this.#writeHeld().catch(() => {});
    this.#held?.close();
    await this.answers.close();
    await this.#database.close();
  }
}

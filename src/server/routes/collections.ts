/** /v1/ocellus/collections: pictures that are kept and found. All keys of a server share them. */
import { z } from "@hono/zod-openapi";
import { OcellusError } from "../../core/base/index.js";
import {
  collectionChangeSchema,
  collectionCreateSchema,
  collectionEntriesSchema,
  collectionEntryListSchema,
  collectionListSchema,
  collectionRemovalSchema,
  collectionRemovedSchema,
  collectionSearchSchema,
  collectionStatsSchema,
  deletedSchema,
  duplicateListSchema,
  entrySchema,
  hitListSchema,
  type WireCollection,
  type WireCollectionStats,
  type WireEntry,
  wireGuardReports,
} from "../../protocol/index.js";
import {
  type Collection,
  type CollectionInfo,
  type Collections,
  checkName,
  duplicates,
  type Entry,
  filterOf,
  find,
  keptName,
  modelOf,
  type Where,
} from "../../retrieval/index.js";
import { addEntries } from "../collection-entries.js";
import { imageResolver, urlOf } from "../images.js";
import { queryNumber } from "../query.js";
import type { App, HonoContext } from "../request-context.js";
import { addJsonRoute, addRoute } from "../route.js";
import { collectionsOf, type Services } from "../services.js";
import { withImageEmbedder } from "../with-image-embedder.js";

const defaultHits = 10;
/** Of one page of entries. */
const [defaultLimit, mostListed] = [100, 1000];

const root = "/v1/ocellus/collections";
const one = `${root}/:collection` as const;

export function addCollections(app: App, services: Services): void {
  addShelf(app, services);
  addEntryRoutes(app, services);
  addSearch(app, services);
}

/** The collections as a whole. */
function addShelf(app: App, services: Services): void {
  addRoute(
    app,
    { method: "get", path: root, summary: "The collections of this server.", answer: collectionListSchema },
    async (c) => {
      const { collections, damaged } = await collectionsOf(services).list();
      return c.json({ object: "list", data: collections.map(wireInfo), damaged: damaged.map(({ name }) => name) });
    },
  );
  addJsonRoute(
    app,
    {
      path: root,
      summary: "Make a collection; the model that will make its vectors is recorded.",
      request: collectionCreateSchema,
      answer: collectionStatsSchema,
    },
    async (c, request) => {
      const { name, kind = "exact", model } = request;
      const collections = writable(services);
      const context = c.get("context");
      const imageEmbedder = await services.models.seeing(model, context);
      const recorded = await withImageEmbedder(imageEmbedder, context, async ({ embedder }) => {
        await checkName(name, embedder);
        return modelOf(embedder);
      });
      return c.json(await wireStats(await collections.create(name, kind, recorded)));
    },
  );
  addRoute(app, { method: "get", path: one, summary: "What it holds.", answer: collectionStatsSchema }, async (c) =>
    c.json(await wireStats(await opened(c, services))),
  );
  addRoute(
    app,
    { method: "delete", path: one, summary: "Remove it with everything in it.", answer: deletedSchema },
    async (c) => {
      const name = c.req.param("collection");
      await writable(services).remove(name);
      return c.json({ id: name, object: "ocellus.collection", deleted: true });
    },
  );
}

function addEntryRoutes(app: App, services: Services): void {
  addRoute(
    app,
    {
      method: "get",
      path: `${one}/entries`,
      summary: "Its entries by their ids.",
      query: z.object({ after: z.string().optional(), limit: z.string().optional() }),
      answer: collectionEntryListSchema,
    },
    async (c) => {
      const limit = queryNumber(c, "limit", defaultLimit, 1, mostListed);
      const after = queryNumber(c, "after", -1, -1, Number.MAX_SAFE_INTEGER);
      const later = [...(await opened(c, services)).entries()]
        .filter(({ id }) => id > after)
        .sort((a, b) => a.id - b.id);
      return c.json({ object: "list", data: later.slice(0, limit).map(wireEntry), has_more: later.length > limit });
    },
  );
  addJsonRoute(
    app,
    {
      path: `${one}/entries`,
      summary: "Add images and PDFs.",
      request: collectionEntriesSchema,
      answer: collectionChangeSchema,
    },
    async (c, request) => {
      const { entries, upsert = false } = request;
      const collection = await writable(services).open(c.req.param("collection"));
      const added = await addEntries(collection, entries, upsert, c.get("context"));
      const data = added.map(({ entry, twin }) => ({
        ...wireEntry(entry),
        ...(twin !== undefined && { duplicate_of: twin }),
      }));
      return c.json({ object: "list", data, ocellus: guardStats(c) });
    },
  );
  addJsonRoute(
    app,
    {
      path: `${one}/entries/delete`,
      summary: "Remove entries by their labels, or all of some sources.",
      request: collectionRemovalSchema,
      answer: collectionRemovedSchema,
    },
    async (c, request) => {
      const { where, sources = [] } = request;
      const collection = await writable(services).open(c.req.param("collection"));
      const removed = where
        ? await collection.removeWhere(filterIn(where))
        : await collection.remove(await idsOf(collection, sources, c, services));
      return c.json({ object: "ocellus.collection.removal", removed, entries: collection.size });
    },
  );
  addRoute(
    app,
    { method: "get", path: `${one}/entries/:id`, summary: "One entry, with its text.", answer: entrySchema },
    async (c) => c.json(wireEntry((await opened(c, services)).entry(entryId(c)))),
  );
  addRoute(
    app,
    { method: "delete", path: `${one}/entries/:id`, summary: "Remove one entry.", answer: deletedSchema },
    async (c) => {
      const collection = await writable(services).open(c.req.param("collection"));
      const { id } = collection.entry(entryId(c));
      await collection.remove([id]);
      return c.json({ id: String(id), object: "ocellus.collection.entry", deleted: true });
    },
  );
  addRoute(
    app,
    {
      method: "get",
      path: `${one}/entries/:id/image`,
      summary: "A small copy of its image; with pixels, only while it has these.",
      query: z.object({ pixels: z.string().optional() }),
      mediaType: "image/webp",
    },
    async (c) => {
      const collection = await opened(c, services);
      const { id, pixels } = collection.entry(entryId(c));
      const wanted = c.req.query("pixels") ?? pixels;
      if (wanted !== pixels) throw new OcellusError("not_found", `entry ${id} has other pixels: it is another image`);
      const image = await collection.image(id);
      return c.body(image as Uint8Array<ArrayBuffer>, 200, {
        "content-type": "image/webp",
        "x-content-type-options": "nosniff",
        "cache-control": "private, max-age=86400", // of a collection that is made again, an address with `pixels` shows no other picture
      });
    },
  );
}

/** By the names under which they were sent: what a guardrail kept of them is what the entries are called. */
async function idsOf(collection: Collection, sources: readonly string[], c: HonoContext, { guards }: Services) {
  const admitText = (text: string) => guards.admitText(text, c.get("context").signal);
  const names = await Promise.all(sources.map((each) => keptName(collection, each, { admitText })));
  return names.flatMap((name) => collection.ofSource(name).map(({ id }) => id));
}

function addSearch(app: App, services: Services): void {
  addJsonRoute(
    app,
    {
      path: `${one}/search`,
      summary: "The entries most like an image, or found by words.",
      request: collectionSearchSchema,
      answer: hitListSchema,
    },
    async (c, request) => {
      const { image_url, text, top_k: count = defaultHits } = request;
      const where = request.where && filterIn(request.where);
      const context = c.get("context");
      const { signal } = context;
      const collection = await opened(c, services);
      const image = image_url && (await imageResolver(context)(urlOf(image_url)));
      const hits = await withImageEmbedder(
        await services.models.makerOf(collection.info, context),
        context,
        ({ embedder }) => find(collection, embedder, { image, text, count, where, signal }),
      );
      const data = hits.map(({ entry, ...scores }) => ({ ...wireEntry(entry), ...scores }));
      return c.json({ object: "list", data, ocellus: guardStats(c) });
    },
  );
  addRoute(
    app,
    {
      method: "get",
      path: `${one}/duplicates`,
      summary: "Entries with the same image; with min_score also those that look alike.",
      query: z.object({ min_score: z.string().optional() }),
      answer: duplicateListSchema,
    },
    async (c) => {
      const minScore = queryNumber(c, "min_score", undefined, 0, 1);
      const groups = await duplicates(await opened(c, services), { minScore, signal: c.get("context").signal });
      return c.json({
        object: "list",
        data: groups.map((group) => ({ ...group, entries: group.entries.map(wireEntry) })),
      });
    },
  );
}

/** Checked before a picture is encoded for it. An empty one would mean all. @throws `invalid_request`. */
function filterIn(where: Readonly<Record<string, unknown>>): Where {
  filterOf(where as Where);
  return where as Where;
}

function guardStats(c: HonoContext) {
  return { guards: wireGuardReports(c.get("context").guardReports) };
}

function opened(c: HonoContext, services: Services): Promise<Collection> {
  return collectionsOf(services).open(c.req.param("collection")!);
}

function writable(services: Services): Collections {
  if (!services.config.collectionsReadOnly) return collectionsOf(services);
  throw new OcellusError("unsupported", "the collections of this server are only to be searched");
}

function wireInfo({ name, kind, model, created }: CollectionInfo): WireCollection {
  return { object: "ocellus.collection", name, kind, model, created };
}

async function wireStats(collection: Collection): Promise<WireCollectionStats> {
  const entries = [...collection.entries()];
  const numOf = (value: (entry: Entry) => string) => new Set(entries.map(value)).size;
  return {
    ...wireInfo(collection.info),
    entries: entries.length,
    sources: numOf(({ source }) => source),
    distinct: numOf(({ pixels }) => pixels),
    damaged: collection.lost.length + (await collection.damagedInfoFiles()).length,
    bytes: await collection.bytes(),
  };
}

function wireEntry({ image: _, stamp: _stamp, ...entry }: Entry): WireEntry {
  return entry as WireEntry; // the metadata is read-only to us alone
}

function entryId(c: HonoContext): number {
  const text = c.req.param("id") ?? "";
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new OcellusError("not_found", `there is no entry ${JSON.stringify(text.slice(0, 60))}; ids are numbers`);
}

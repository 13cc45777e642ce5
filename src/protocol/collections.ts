/** /v1/ocellus/collections and /v1/ocellus/match: what is ours alone, in the manner of OpenAI's API. */
import { z } from "zod";
import { guardReportsSchema } from "./guards.js";
import { notesSchema } from "./shared.js";

/** As in chat messages: a data URL, the id of an uploaded file, or an address where these are fetched. */
const imageUrl = z.union([z.string(), z.object({ url: z.string() })]);
const metadata = z.record(z.string().min(1).max(64), z.union([z.string().max(1024), z.number(), z.boolean()]));
/** What the guards said of what the request brought. */
const ocellus = z.object({ guards: guardReportsSchema });
/** What the labels of an entry must be: `{"shelf": "A", "price": {"$gte": 10}, "$or": [{…}, {…}]}`; also $ne, $gt, $lt, $lte, $in, $nin, $exists, $and. */
const where = z.record(z.string(), z.unknown());
const source = z.string().min(1).max(4096);

const entryFields = {
  id: z.number(),
  source: z.string(),
  page: z.number().optional(),
  text: z.string().optional(),
  metadata: metadata.optional(),
  /** SHA-256 of the decoded pixels. */
  pixels: z.string(),
  width: z.number(),
  height: z.number(),
  added: z.string(),
};
export const entrySchema = z.object(entryFields).meta({ id: "CollectionEntry" });
export type WireEntry = z.infer<typeof entrySchema>;

export const collectionCreateSchema = z
  .object({
    name: z.string(),
    /** Default "exact": every vector is looked at. "hnsw" for more than some ten thousand entries. */
    kind: z.enum(["exact", "hnsw"]).optional(),
    /** Whose eye makes the vectors. Default: the embedding model, else the first that answers. */
    model: z.string().optional(),
  })
  .meta({ id: "CollectionCreateRequest" });

const collectionInfo = z.object({
  object: z.literal("ocellus.collection"),
  name: z.string(),
  kind: z.enum(["exact", "hnsw"]),
  /** What made the vectors; another version's are not compared with them. */
  model: z.object({ version: z.string(), name: z.string(), dimensions: z.number() }),
  created: z.string(),
});
export const collectionListSchema = z
  .object({
    object: z.literal("list"),
    data: z.array(collectionInfo),
    /** Names of those that are there and cannot be opened; `ocellus index list` says why. */
    damaged: z.array(z.string()),
  })
  .meta({ id: "CollectionList" });
export type WireCollection = z.infer<typeof collectionInfo>;

export const collectionStatsSchema = collectionInfo
  .extend({
    entries: z.number(),
    sources: z.number(),
    /** Different pictures among them. */
    distinct: z.number(),
    /** Parts of its files that are damaged; `ocellus index check` names what was in them. */
    damaged: z.number(),
    bytes: z.object({ entries: z.number(), images: z.number(), graph: z.number() }),
  })
  .meta({ id: "Collection" });
export type WireCollectionStats = z.infer<typeof collectionStatsSchema>;

/** `image_url`, or `document`: a PDF as a data URL, each page an entry. */
const newEntry = z.object({
  image_url: imageUrl.optional(),
  document: z.string().optional(),
  source,
  text: z.string().max(50_000).optional(),
  metadata: metadata.optional(),
});
export const collectionEntriesSchema = z
  .object({
    entries: z.array(newEntry).min(1).max(64), // as many pictures as one request may have
    /** In place of all entries of the same sources. Default false: beside them. */
    upsert: z.boolean().optional(),
  })
  .meta({ id: "CollectionEntriesRequest" });
export type NewWireEntry = z.infer<typeof newEntry>;

export const collectionChangeSchema = z
  .object({
    object: z.literal("list"),
    /** In the order of the request; `duplicate_of`: another entry with the same pixels. */
    data: z.array(entrySchema.extend({ duplicate_of: z.number().optional() })),
    ocellus,
  })
  .meta({ id: "CollectionEntries" });

export const collectionEntryListSchema = z
  .object({ object: z.literal("list"), data: z.array(entrySchema), has_more: z.boolean() })
  .meta({ id: "CollectionEntryList" });

export const collectionSearchSchema = z
  .object({
    image_url: imageUrl.optional(),
    text: z.string().min(1).max(50_000).optional(),
    top_k: z.number().int().min(1).max(1000).optional(),
    where: where.optional(),
  })
  .meta({ id: "CollectionSearchRequest" });

/** One of both: by their labels, or all of these sources. */
export const collectionRemovalSchema = z
  .object({ where: where.optional(), sources: z.array(source).min(1).max(1000).optional() })
  .refine((removal) => (removal.where === undefined) !== (removal.sources === undefined), {
    message: "expected either where or sources",
    path: ["where"],
  })
  .meta({ id: "CollectionRemovalRequest" });

export const collectionRemovedSchema = z
  .object({ object: z.literal("ocellus.collection.removal"), removed: z.number(), entries: z.number() })
  .meta({ id: "CollectionRemoval" });

export const hitListSchema = z
  .object({
    object: z.literal("list"),
    data: z.array(
      z.object({
        ...entryFields,
        /** Cosine, word score, or of both the fused rank's. */
        score: z.number(),
        cosine: z.number().optional(),
      }),
    ),
    ocellus,
  })
  .meta({ id: "CollectionHits" });
export type WireHit = z.infer<typeof hitListSchema>["data"][number];

export const duplicateListSchema = z
  .object({
    object: z.literal("list"),
    data: z.array(z.object({ by: z.enum(["pixels", "vector"]), score: z.number(), entries: z.array(entrySchema) })),
  })
  .meta({ id: "CollectionDuplicates" });
export type WireDuplicates = z.infer<typeof duplicateListSchema>["data"];

export const deletedSchema = z
  .object({ id: z.string(), object: z.string(), deleted: z.literal(true) })
  .meta({ id: "CollectionDeleted" });

export const matchRequestSchema = z
  .object({
    /** One that answers, or one for embeddings. Default: the first that answers. */
    model: z.string().optional(),
    image_url: imageUrl,
    text: z.string().min(1).max(2000),
    /** From which score on the text counts as fitting. Default 0.5 of a probability, 0.25 of a cosine. */
    threshold: z.number().min(-1).max(1).optional(),
  })
  .meta({ id: "MatchRequest" });

export const matchSchema = z
  .object({
    object: z.literal("ocellus.match"),
    model: z.string(),
    matches: z.boolean(),
    score: z.number(),
    /** "answer": the share of yes in the probability of yes and no; "cosine": of two towers, no probability. */
    by: z.enum(["answer", "cosine"]),
    threshold: z.number(),
    reason: z.string(),
    ocellus: ocellus.extend({ notes: notesSchema.optional() }),
  })
  .meta({ id: "Match" });
export type WireMatch = z.infer<typeof matchSchema>;

export { Collection } from "./collection.js";
export type { CollectionCheck, LostRecords } from "./collection-health.js";
export type { CollectionInfo, CollectionModel } from "./collection-info.js";
export { Collections, collectionsFolder } from "./collections.js";
export { type DuplicateGroup, duplicates } from "./duplicates.js";
export { type Admission, embedderOf, type ImageEmbedder } from "./embedder.js";
export {
  type Entry,
  type Metadata,
  maxTextLength,
  metadataSchema,
  type NewEntry,
  titleOf,
} from "./entry.js";
export type { Hit, Query } from "./entry-table.js";
export { ExactIndex } from "./exact-index.js";
export { type FindOptions, find, maxHits } from "./find.js";
export { HnswIndex } from "./hnsw-index.js";
export {
  checkModel,
  checkName,
  type Intake,
  keptName,
  modelOf,
  type PrepareOptions,
  pageIntake,
  prepareEntry,
} from "./intake.js";
export {
  type LabelMatch,
  type Match,
  type MatchOptions,
  matchByAnswer,
  matchByCosine,
  matchByLabel,
} from "./match.js";
export { type Citation, citedNumbers, pagesFor } from "./pages.js";
export type { PutEntry } from "./put.js";
export { Rows } from "./rows.js";
export { type IndexKind, indexKinds, type Neighbour, type VectorIndex } from "./vector-index.js";
export { filterOf, type Where } from "./where.js";

export { Collection, type Hit, type Query } from "./collection.js";
export type { CollectionInfo, CollectionModel } from "./collection-files.js";
export { Collections, collectionsFolder } from "./collections.js";
export { type DuplicateGroup, duplicates } from "./duplicates.js";
export {
  type Entry,
  type Metadata,
  maxTextLength,
  metadataSchema,
  type NewEntry,
  titleOf,
  type Where,
} from "./entry.js";
export { ExactIndex } from "./exact-index.js";
export { type FindOptions, find, maxHits } from "./find.js";
export { HnswIndex } from "./hnsw-index.js";
export { checkModel, type Intake, modelOf, pageIntake, prepareEntry } from "./intake.js";
export { type Citation, citedNumbers, pagesFor } from "./pages.js";
export { isPdf, maxPdfBytes, PdfDocument, type PdfPage } from "./pdf.js";
export { Rows } from "./rows.js";
export { type IndexKind, indexKinds, type Neighbour, type VectorIndex } from "./vector-index.js";

export { Closing } from "./closing.js";
export {
  aborted,
  type ErrorCode,
  exitCode,
  invariant,
  ioError,
  OcellusError,
  ofParam,
  throwIfAborted,
} from "./error.js";
export { expectation, listed } from "./expectation.js";
export type { QueueOwner } from "./fair-queue.js";
export { fieldExpectation, fieldProblems, firstOf } from "./file-fields.js";
export { type FileJsonLimits, parseFileJson } from "./file-json.js";
export { formatBytes, formatCount } from "./format.js";
export { globMatcher } from "./glob.js";
export { groupBy } from "./group-by.js";
export { joinFloats } from "./join-floats.js";
export {
  entriesOf,
  fileLimits,
  type JsonLimits,
  JsonProblem,
  memberTexts,
  numberText,
  parseJson,
  stringifyJson,
  withNotesOf,
} from "./json.js";
export { lineOf, lineOfProblem } from "./json-place.js";
export { nearestHint, nearestNames } from "./nearest.js";
export { nextTurn } from "./next-turn.js";
export { type Keep, openWhole } from "./open-whole.js";
export { optionalPackage } from "./optional-package.js";
export { optionNames, refuseUnknownOptions } from "./options.js";
export { printable, printableJson, printableScreen, printableWords, shorten } from "./printable.js";
export { type Bound, checkBytes, readBounded, readBoundedText } from "./read-bounded.js";
export { mostReopenings, Reopenings, reopeningMinutes } from "./reopenings.js";
export { Semaphore } from "./semaphore.js";
export { sha256, useSha256 } from "./sha256.js";
export { simplifiedPairs } from "./simplified.js";
export { trimEndOf } from "./trim.js";
export { untilAborted } from "./until-aborted.js";
export { withoutPassword } from "./without-password.js";

export { type ErrorCode, exitCode, invariant, ioError, OcellusError, throwIfAborted } from "./error.js";
export { formatBytes, formatCount } from "./format.js";
export { nearestHint, nearestNames } from "./nearest.js";

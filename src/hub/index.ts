export type { Hub } from "./hub.js";
export { type PullOptions, type PullPlan, type PullResult, pull } from "./pull.js";
export {
  findPulled,
  listPartial,
  listPulled,
  type PartialPull,
  type PulledModel,
  parseModelName,
  removeFolders,
  resolveModel,
} from "./store.js";

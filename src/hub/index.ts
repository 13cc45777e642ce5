export { type PullPlan, type PullResult, pull } from "./pull.js";
export {
  findPulled,
  listPartial,
  listPulled,
  parseModelName,
  removeFolders,
  resolveModel,
} from "./store.js";

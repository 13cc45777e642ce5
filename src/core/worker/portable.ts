/** What of this room runs in a browser too: what is said between two threads. */
export { errorOf, failureOf } from "./failure.js";
export type { Reply, Request } from "./messages.js";

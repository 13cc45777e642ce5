/** The gallery's server: fixed answers by path in place of the network. A number is a refusal with that status. */
import type { ErrorBody } from "../../../src/protocol/index.js";
import {
  apiDocument,
  collections,
  description,
  duplicates,
  guards,
  hits,
  metrics,
  models,
  moderation,
} from "./data.js";
import { adminState, diff, figuresOverTime, history } from "./data-versions.js";

export type Answers = Readonly<Record<string, unknown>>;

const listed = (data: unknown) => ({ object: "list", data });

export const usualAnswers: Answers = {
  "health/ready": { status: "ok" },
  "v1/models": listed(models),
  "v1/ocellus/models/": description,
  "v1/ocellus/guards": guards,
  "v1/moderations": moderation,
  "v1/ocellus/collections": listed(collections),
  "v1/ocellus/collections/shop/search": listed(hits),
  "v1/ocellus/collections/shop/duplicates": listed(duplicates),
  "admin/v1/state": adminState,
  "admin/v1/history": history,
  "admin/v1/aliases/": figuresOverTime,
  "admin/v1/diff": diff,
  metrics,
  "openapi.json": apiDocument,
};

const codes: Readonly<Record<number, string>> = { 401: "unauthorized", 404: "not_found", 429: "overloaded" };

function refusal(status: number): Response {
  const message = `the gallery's server refuses this with ${status}`;
  const body: ErrorBody = { error: { message, type: "server_error", param: null, code: codes[status] ?? "internal" } };
  return Response.json(body, { status, headers: { "x-request-id": "req_0000gallery" } });
}

const network = window.fetch.bind(window);

/** The longest path that the address begins with; what has none is refused as missing. */
export function serve(answers: Answers): void {
  window.fetch = async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input, location.href);
    const path = url.pathname.slice(1);
    if (path.startsWith("assets/") || url.protocol !== location.protocol) return network(input, init);
    const names = Object.keys(answers).filter((each) => path === each || (each.endsWith("/") && path.startsWith(each)));
    const name = names.sort((a, b) => b.length - a.length)[0];
    const found = name === undefined ? 404 : answers[name];
    return typeof found === "number" ? refusal(found) : Response.json(found);
  };
}

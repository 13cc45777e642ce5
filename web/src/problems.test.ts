/** Every refusal of the server has words on the page, in both languages. */
import { describe, expect, it } from "vitest";
import { type ErrorCode, OcellusError } from "../../src/core/base/index.js";
import { errorResponse } from "../../src/protocol/index.js";
import { ApiError } from "./api.js";
import { kindOf, type ProblemKind, problemOf } from "./problems.js";
import { en } from "./words-en.js";
import { zh } from "./words-zh.js";

/** Of every code of the server, what the page makes of it. */
const told: Readonly<Record<ErrorCode, ProblemKind>> = {
  invalid_request: "invalid_request",
  invalid_image: "invalid_image",
  unsupported: "unsupported",
  blocked: "content_filter",
  unauthorized: "unauthorized",
  not_found: "not_found",
  too_large: "too_large",
  overloaded: "overloaded",
  timeout: "timeout",
  unavailable: "unavailable",
  closed: "unavailable",
  invalid_file: "internal",
  invalid_config: "internal",
  io: "internal",
  internal: "internal",
  aborted: "invalid_request", // the page itself has hung up, and shows nothing
};

describe("what went wrong", () => {
  it("has a kind for every code that the server sends, and words for every kind", () => {
    for (const [code, kind] of Object.entries(told)) {
      const { status, body } = errorResponse(new OcellusError(code as ErrorCode, "x"));
      expect(kindOf({ status, code: body.error.code }), code).toBe(kind);
    }
    const long = errorResponse(new OcellusError("invalid_request", "x", { details: { promptTokens: 9 } }));
    expect(kindOf({ status: long.status, code: long.body.error.code })).toBe("context_length_exceeded");
    expect(Object.keys(zh.problems).sort()).toEqual(Object.keys(en.problems).sort());
    for (const kind of Object.values(told)) expect(en.problems[kind]).toBeTruthy();
  });

  it("is said of a collection where the fault is in it", () => {
    for (const [code, param, kind] of [
      ["unsupported", "collection", "no_collection"],
      ["not_found", "collection", "collection_gone"],
      ["unsupported", "text", "collection_wordless"],
      ["not_found", "model", "not_found"],
    ] as const) {
      const { status, body } = errorResponse(new OcellusError(code, "x", { details: { param } }));
      expect(kindOf({ status, code: body.error.code, param: body.error.param }), param).toBe(kind);
      expect(en.problems[kind]).toBeTruthy();
    }
  });

  it("is told by the status where another server or a proxy gave no code of ours", () => {
    const kinds = [401, 404, 413, 418, 429, 500, 502, 503, 504].map((status) => kindOf({ status, code: null }));
    expect(kinds).toEqual([
      ...["unauthorized", "not_found", "too_large", "invalid_request", "overloaded"],
      ...["internal", "unreachable", "unavailable", "timeout"],
    ]);
    expect(kindOf({ status: 500, code: "of another server" })).toBe("internal");
  });

  it("keeps what the server said, and takes what the page itself throws", () => {
    const error = new ApiError("max_tokens: expected less", 400, "invalid_request", "req_1", "max_tokens");
    expect(problemOf(error)).toEqual({
      ...{ message: "max_tokens: expected less", status: 400, code: "invalid_request", requestId: "req_1" },
      param: "max_tokens",
    });
    expect(kindOf(problemOf(new TypeError("x is not a function")))).toBe("page");
    expect(kindOf(problemOf(new ApiError("gone", 0, "picture_lost")))).toBe("picture_lost");
  });
});

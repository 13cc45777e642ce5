import { describe, expect, it } from "vitest";
import type { Conversation } from "../conversation.js";
import { originOf } from "./origin.js";

const picture = (id: string) => ({ id, name: `${id}.png`, width: 1, height: 1 });
const all = [
  {
    id: "first",
    turns: [
      { role: "user", text: "What is it?", pictures: [picture("a"), picture("b")] },
      { role: "assistant", stats: { images: [{ sha256: "pixels of a" }, { sha256: "pixels of b" }] } },
      { role: "user", text: "And this?", pictures: [picture("c")] },
      { role: "assistant", problem: { requestId: "req_1" } },
    ],
  },
] as unknown as Conversation[];
const origin = (part: object) => originOf(all, { request: "", subject: "image", sha256: "", ...part });

describe("where a guard's verdict came from", () => {
  it("is the question of the request that was refused", () => {
    expect(origin({ request: "req_1" })).toEqual({ id: "first", text: "", pictures: [picture("c")] });
    expect(origin({ request: "req_1", subject: "text" })).toEqual({ id: "first", text: "And this?", pictures: [] });
  });

  it("is a picture that an answer was given about, by its pixels; or is not known", () => {
    expect(origin({ sha256: "pixels of b" })?.pictures).toEqual([picture("b")]);
    expect(origin({ sha256: "pixels of d", request: "req_2" })).toBeUndefined();
    expect(origin({ sha256: "pixels of b", subject: "text" })).toBeUndefined();
  });
});

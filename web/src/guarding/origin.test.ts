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
  {
    id: "second",
    turns: [
      { role: "user", text: "What is it?", pictures: [picture("b")] },
      { role: "assistant", stats: { images: [{ sha256: "pixels of b" }] } },
      { role: "user", text: "And this?", pictures: [picture("c")], source: { collection: "manuals", pages: 2 } },
      {
        role: "assistant",
        stats: { images: ["b", "page 1", "page 2", "c"].map((name) => ({ sha256: `pixels of ${name}` })) },
        cited: { collection: "manuals", pages: [{ number: 1 }, { number: 2, picture: picture("page 2") }] },
      },
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
    expect(origin({ sha256: "pixels of c" })?.pictures).toEqual([picture("c")]); // behind two pages of a collection
    expect(origin({ sha256: "pixels of page 2" })?.pictures).toEqual([picture("page 2")]);
    expect(origin({ sha256: "pixels of page 1" })).toBeUndefined();
    expect(origin({ sha256: "pixels of d", request: "req_2" })).toBeUndefined();
    expect(origin({ sha256: "pixels of b", subject: "text" })).toBeUndefined();
  });
});

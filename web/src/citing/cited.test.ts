import { describe, expect, it } from "vitest";
import { type Answer, chatRequest, question, type Turn } from "../conversation.js";
import { plainSettings } from "../preferences.js";
import { type Cited, picturesIn } from "./cited.js";

const picture = (id: string) => ({ id, name: `${id}.webp`, width: 1, height: 1 });
const cited: Cited = {
  collection: "manuals",
  pages: [
    { number: 1, source: "a/filter.pdf", page: 3, cited: true, picture: picture("p3") },
    { number: 2, source: "b.png", cited: false, picture: picture("b") },
    { number: 3, source: "gone.pdf", page: 1, cited: false },
  ],
};
const answer = {
  role: "assistant",
  id: "a",
  model: "m",
  settings: plainSettings,
  text: "Yearly [1][3], `x[1]` [7].",
  cited,
};
const source = { collection: "manuals", pages: 3 };
const turns = [question("When?", [picture("q")], undefined, source), answer as unknown as Answer];
const requested = (all: readonly Turn[], part: Partial<Answer> = {}) =>
  chatRequest(all, { ...(answer as unknown as Answer), ...part }, ({ id }) => id);

describe("a conversation with a collection", () => {
  it("asks it for the last question only, and names earlier pages themselves: their numbers mean others now", () => {
    const { messages, ocellus } = requested([...turns, question("And then?", [], undefined, source)]);
    expect(ocellus).toEqual(source);
    expect(messages[1]).toEqual({
      role: "assistant",
      content: "Yearly [filter.pdf, p. 3][gone.pdf, p. 1], `x[1]` [7].",
    });
    expect(requested([...turns, question("And then?", [])]).ocellus).toBeUndefined();
  });

  it("asks for no places: pages stand before the picture", () => {
    const abilities = { model_type: "qwen3_vl", places: "thousandths", device: "cpu" } as const;
    expect(requested(turns.slice(0, 1), { abilities }).ocellus).toEqual(source);
    expect(requested([question("When?", [picture("q")])], { abilities }).ocellus).toEqual({ boxes: true });
  });

  it("needs the pictures of its pages, those of other answers too", () => {
    const other = { ...answer, cited: { ...cited, pages: [{ ...cited.pages[0]!, picture: picture("other") }] } };
    const all = [turns[0]!, { ...answer, others: [other] } as unknown as Answer];
    expect(picturesIn(all).map(({ id }) => id)).toEqual(["q", "p3", "b", "other"]);
  });
});

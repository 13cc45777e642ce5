import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CitedPage, pageCounts } from "../citing/cited.js";
import type { Conversation, Picture } from "../conversation.js";
import { plainSettings } from "../preferences.js";
import { fileName, markdownOf, pictureFiles } from "./markdown.js";
import { conversationOf, parseSaved, picturesOf, savedOf } from "./saved.js";

const pixel = "data:image/png;base64,iVBORw0KGgo=";
const text = fc.string({ unit: "binary" });
const picture = fc.record({ id: text, name: text, width: fc.nat(), height: fc.nat() });
const source = fc.record({ collection: text, pages: fc.constantFrom(...pageCounts) });
const asked = fc.record({
  ...{ role: fc.constant("user"), id: text, text, pictures: fc.array(picture, { maxLength: 3 }) },
  source: fc.option(source, { nil: undefined }),
});
const count = fc.integer({ min: 1, max: 1000 });
const page = fc.record({
  ...{ number: count, source: text, cited: fc.boolean(), bytes: count },
  ...{ page: fc.option(count, { nil: undefined }), text: fc.option(text, { nil: undefined }) },
  picture: fc.option(picture, { nil: undefined }),
});
const cited = fc.record({ collection: text, pages: fc.array(page, { maxLength: 3 }) });
const answered = fc.record({
  cited: fc.option(cited, { nil: undefined }),
  ...{ role: fc.constant("assistant"), id: text, text, model: text, reasoning: fc.option(text, { nil: undefined }) },
  askedMs: fc.integer({ min: 0, max: 4e12 }),
});
const conversations = fc
  .record({ title: text, turns: fc.array(fc.oneof(asked, answered), { maxLength: 6 }) })
  .map((part) => ({ id: "1", changedMs: 0, ...part }) as unknown as Conversation);

const nameOf = ({ id, name }: Picture) => [id, name];
const pageOf = ({ picture: shown, ...rest }: CitedPage) => ({ ...rest, picture: shown && nameOf(shown) });

/** What a file keeps of a turn. */
const said = ({ title, turns }: Conversation) => ({
  title,
  turns: turns.map((turn) =>
    turn.role === "user"
      ? { text: turn.text, pictures: turn.pictures.map(nameOf), source: turn.source }
      : {
          ...{ text: turn.text, model: turn.model, reasoning: turn.reasoning || undefined, askedMs: turn.askedMs },
          cited: turn.cited && { ...turn.cited, pages: turn.cited.pages.map(pageOf) },
        },
  ),
});

describe("a conversation as a JSON file", () => {
  it("says the same when it is read back", () => {
    fc.assert(
      fc.property(conversations, (conversation) => {
        const all = picturesOf(conversation);
        const saved = savedOf(conversation, new Map(all.map(({ id }) => [id, pixel])));
        const read = parseSaved(JSON.stringify(saved))!;
        const own = new Map<string, Picture>(all.map((each) => [each.id, each]));
        expect(said(conversationOf(read, own))).toEqual(said(conversation));
      }),
    );
  });

  it("is not taken from what is none, or would fetch something", () => {
    const good = { format: "ocellus.conversation", version: 1, title: "a", turns: [], pictures: {} };
    expect(parseSaved(JSON.stringify(good))).toEqual(good);
    const turn = { role: "assistant", text: "a", model: "m", asked: "now" };
    const faults = [
      { version: 2 },
      { title: 1 },
      { turns: {} },
      { turns: [{ role: "user", text: "a" }] },
      { turns: [{ role: "system", text: "a", pictures: [] }] },
      { turns: [{ ...turn, others: [1] }] },
      { turns: [{ ...turn, text: null }] },
      { turns: [{ ...turn, cited: { collection: "a", pages: [{ number: "1", source: "b", cited: true }] } }] },
      { turns: [{ ...turn, cited: { collection: "a", pages: [{ number: 1, source: "b" }] } }] },
      { turns: [{ role: "user", text: "a", pictures: [], source: { collection: "a", pages: -1 } }] },
      { pictures: { a: "https://example.com/a.png" } },
      { pictures: { a: "data:image/svg+xml;base64,AAAA" } },
      { pictures: { a: "data:text/html;base64,AAAA" } },
      { pictures: [] },
    ];
    for (const fault of faults) expect(parseSaved(JSON.stringify({ ...good, ...fault }))).toBeUndefined();
    for (const none of ["", "[]", "null", "{", '"a"']) expect(parseSaved(none)).toBeUndefined();
    expect(conversationOf({ ...good, turns: [turn] } as never, new Map()).turns[0]).toMatchObject({
      state: "done",
      settings: plainSettings,
    });
  });
});

describe("a conversation as Markdown", () => {
  it("has its pictures as files beside it", () => {
    const dress: Picture = { id: "d", name: "red [dress].jpeg", width: 1, height: 1 };
    const gone: Picture = { id: "g", name: "gone.png", width: 1, height: 1 };
    const pages = [
      { number: 1, source: "shop/list.pdf", page: 2, cited: true, picture: dress },
      { number: 2, source: "old [1].png", cited: false },
    ];
    const cited = { collection: "shop", pages };
    const turns = [
      { role: "user", id: "q", text: "What is it?", pictures: [dress, gone] },
      { role: "assistant", id: "a", model: "tiny", text: "A **dress** [1].", cited },
    ];
    const files = pictureFiles([dress, gone], new Map([["d", "image/jpeg"]]));
    const whole = { id: "1", title: "What\nis it?", changedMs: 0, turns } as unknown as Conversation;
    expect(markdownOf(whole, ({ id }) => files.get(id), { you: "You", inBrowser: (name) => name })).toBe(
      "# What is it?\n\n## You\n\n![red dress.jpeg](<images/1-red-dress.jpg>)\n\nWhat is it?\n\n## tiny\n\nA **dress** [1].\n\n" +
        "\\[1\\] [list.pdf, p. 2](<images/1-red-dress.jpg>)\n\n\\[2\\] old 1.png\n",
    );
  });

  it("is in a file that any disk takes", () => {
    expect([fileName("../a: b?"), fileName("这是什么？"), fileName("///")]).toEqual([
      "a-b",
      "这是什么",
      "conversation",
    ]);
  });
});

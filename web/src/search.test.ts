import { describe, expect, it } from "vitest";
import type { Conversation } from "./conversation.js";
import { findConversations } from "./search.js";

function conversation(id: string, asked: string, answered: string): Conversation {
  const turns = [
    { role: "user", id: "q", text: asked, pictures: [{ name: "Kleid.jpg" }] },
    { role: "assistant", id: "a", text: answered, others: [{ text: "an earlier one" }] },
  ];
  return { id, title: asked, changedMs: 0, turns } as unknown as Conversation;
}

describe("searching conversations", () => {
  const all = [
    conversation("1", "What is this?", "A red dress with white dots."),
    conversation("2", "这件衣服多少钱？", "这件连衣裙的价格是 ¥１２８。"),
    conversation("3", "Größe?", "ﾌﾞﾗｳｽ in XL"),
  ];
  const found = (text: string) => findConversations(all, text).map(({ id }) => id);

  it("finds every script, width and case, in questions, answers, earlier answers and names of pictures", () => {
    expect([found("DRESS red"), found("连衣裙"), found("¥128"), found("ブラウス xl"), found("GRÖSSE")]).toEqual([
      ["1"],
      ["2"],
      ["2"],
      ["3"],
      [],
    ]);
    expect([found("größe"), found("earlier"), found("kleid.JPG"), found("  ")]).toEqual([
      ["3"],
      ["1", "2", "3"],
      ["1", "2", "3"],
      [],
    ]);
  });

  it("needs all words, and shows where the first one stands", () => {
    expect(found("red trousers")).toEqual([]);
    expect(findConversations(all, "white")[0]!.excerpt).toContain("white dots.");
  });
});

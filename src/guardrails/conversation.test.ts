import { describe, expect, it } from "vitest";
import type { ChatMessage } from "../core/runtime/index.js";
import { type Checks, guardedConversation } from "./conversation.js";
import { parsePolicy } from "./policy.js";

const said = (role: "system" | "user" | "assistant", content: string): ChatMessage => ({ role, content });

describe("what is read one after the other", () => {
  it("is the texts of a turn, of all turns, and of all but the answers", async () => {
    const seams: [string, string][] = [];
    const checks: Checks = {
      text: async (text) => text,
      json: async (text) => text,
      image: async (image) => image,
      video: async (video) => video,
      seams: async (texts, reach) => void seams.push([reach, texts.join("|")]),
    };
    await guardedConversation(
      [
        ...([
          ["system", "泡"],
          ["user", "蘑 a"],
          ["user", "b 泡"],
          ["assistant", "ok"],
          ["user", "蘑"],
        ] as const),
      ].map(([role, text]) => said(role, text)),
      checks,
    );
    expect(seams).toEqual([
      ["turn", "泡"],
      ["turn", "蘑 a|b 泡"],
      ["turn", "ok"],
      ["turn", "蘑"],
      ["conversation", "泡|蘑 a|b 泡|ok|蘑"],
      ["conversation", "泡|蘑 a|b 泡|蘑"],
    ]);
  });

  it("is looked at over turns where the policy says so", () => {
    const across = (more: object) =>
      parsePolicy(JSON.stringify({ guards: { w: { type: "words", lists: [], ...more } } }), "p.json").guards.w;
    expect(across({})).toMatchObject({ across: "turn" });
    expect(across({ across: "conversation" })).toMatchObject({ across: "conversation" });
    expect(() => across({ across: "all" })).toThrow(expect.objectContaining({ code: "invalid_config" }));
  });
});

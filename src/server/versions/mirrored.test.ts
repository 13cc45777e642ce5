import { describe, expect, it } from "vitest";
import { type ChatMessage, VideoFile } from "../../core/runtime/index.js";
import type { Alias } from "../../rollout/index.js";
import type { AskedPrompt } from "../prompt.js";
import { Mirrored, targetsOf } from "./mirrored.js";

const alias: Alias = { name: "prod", tag: "v1", since: 0, previous: [] };
const canary = { tag: "v3", share: 0.5, isPaused: false, seq: 3, stepSeq: 3, stepAt: 0 };
const asked = { key: "alice", route: "/v1/chat/completions", request: "mine", reports: [] };

function mirrored(prompt: AskedPrompt, options = {}): Mirrored {
  return new Mirrored({ requestId: "mine", alias, mark: 0, targets: [], prompt, options, asked });
}

describe("who is asked too", () => {
  it("is the shadow, and the canary where agreement is analysed; never the version itself", () => {
    expect(targetsOf(alias)).toEqual([]);
    expect(targetsOf({ ...alias, shadow: "v1" })).toEqual([]);
    expect(targetsOf({ ...alias, canary: { ...canary, plan: { steps: [1], analysis: true } } })).toEqual([]);
    const plan = { steps: [1], analysis: true, agreement: { floor: 0.9, share: 0.1 } };
    expect(targetsOf({ ...alias, shadow: "v2", shadowShare: 0.2, canary: { ...canary, plan } })).toEqual([
      { role: "shadow", tag: "v2", share: 0.2 },
      { role: "comparison", tag: "v3", share: 0.1 },
    ]);
  });
});

describe("a mirrored question", () => {
  it("has the bytes of its words and pictures, however deep they stand", () => {
    const content = [
      { type: "text", text: "what?" },
      { type: "image", image: new Uint8Array(1000) },
    ] as const;
    const flat = mirrored({ messages: [{ role: "user", content }] }).numBytes;
    expect(flat).toBeGreaterThan(1005);
    expect(flat).toBeLessThan(1100);
    const video = new VideoFile(new Uint8Array(1000));
    expect(mirrored({ messages: [{ role: "user", content: [{ type: "video", video }] }] }).numBytes).toBeGreaterThan(
      999,
    );
    let deep: unknown = "x".repeat(500);
    for (let i = 0; i < 100_000; i++) deep = [deep];
    const call = { type: "function", function: { name: "f", arguments: { deep } } };
    const messages = [{ role: "assistant", content: "", tool_calls: [call] }] as unknown as ChatMessage[];
    expect(mirrored({ messages }).numBytes).toBeGreaterThan(500);
    expect(mirrored({ text: Array<number>(200_000).fill(1) }).numBytes).toBe(1_600_000);
  });

  it("hears the first of several choices, as much as is compared", () => {
    const heard = mirrored({ text: "?" });
    for (let i = 0; i < 40; i++)
      for (const index of [1, 0])
        heard.take({ index, event: { type: "text", text: `${index}`.repeat(1000), tokens: [] } });
    expect(heard.text).toMatch(/^0+$/);
    expect(heard.text.length).toBeLessThan(20_000);
  });
});

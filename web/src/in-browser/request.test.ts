/** What a model in this browser is asked: every option of a request is honoured or refused by name, and answers come as the server's chunks. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ChatChunk, type ChatRequest, chatRequestSchema } from "../../../src/protocol/index.js";
import type { ChatEvent } from "../browser-model.js";
import { chunksOf, questionOf, requestFields } from "./request.js";

type Info = Parameters<typeof questionOf>[1];
const info = { readsTools: true, digest: "abc" } as Info;
const plain: ChatRequest = { model: "in-browser:m", messages: [{ role: "user", content: "What?" }] };

/** A value for every field that is another than what holds without it. */
const given: Required<Omit<ChatRequest, "model">> = {
  messages: [{ role: "user", content: "Who?" }],
  ...{ temperature: 0.5, top_p: 0.5, top_k: 5, min_p: 0.1, repetition_penalty: 1.1, presence_penalty: 1 },
  ...{ frequency_penalty: 1, seed: 7, logit_bias: { "5": 1 }, stop: ["x"], max_tokens: 9, max_completion_tokens: 9 },
  ...{ chat_template_kwargs: { enable_thinking: true }, thinking_token_budget: 5, reasoning_effort: "low" },
  ...{ continue_final_message: true, add_generation_prompt: false, n: 2, user: "u", stream: true },
  ...{ stream_options: { include_usage: true }, logprobs: true, top_logprobs: 3, modalities: ["text"] },
  ...{ tools: [{ type: "function", function: { name: "f" } }], tool_choice: "auto", parallel_tool_calls: false },
  ...{ response_format: { type: "json_object" }, min_pixels: 10, max_pixels: 99, ocellus: { fields: true } },
};
const names = Object.keys(chatRequestSchema.shape) as (keyof ChatRequest)[];
const asked = (name: keyof ChatRequest) => ({ ...plain, [name]: given[name as "n"] });

function refusalOf(request: ChatRequest): unknown {
  try {
    questionOf(request, info);
  } catch (error) {
    return error;
  }
}

describe("a request to a model in this browser", () => {
  it.each(names.filter((name) => requestFields[name] === "honoured"))("is changed by %s", (name) => {
    expect(questionOf(asked(name), info)).not.toEqual(questionOf(plain, info));
  });

  it.each(names.filter((name) => requestFields[name] === "ignored"))("is the same with %s", (name) => {
    expect(questionOf(asked(name), info)).toEqual(questionOf(plain, info));
  });

  it.each(names.filter((name) => requestFields[name] === "refused"))("is refused by name for %s", (name) => {
    expect(refusalOf(asked(name))).toMatchObject({ code: "unsupported", details: { param: name } });
  });

  it("may ask for one choice, which there is anyway", () => {
    expect(questionOf({ ...plain, n: 1 }, info)).toEqual(questionOf(plain, info));
  });

  it.each<[string, NonNullable<ChatRequest["ocellus"]>]>([
    ["ocellus.collection", { collection: "shop" }],
    ["ocellus.pages", { collection: undefined, pages: 2 }],
    ["ocellus.reuse", { reuse: "near" }],
  ])("is refused by name for %s, which the server has", (param, ocellus) => {
    expect(refusalOf({ ...plain, ocellus })).toMatchObject({ code: "unsupported", details: { param } });
  });

  it("keeps the wishes of the page: fields, boxes, cited fields, zoom, tokens of an image", () => {
    const ocellus = {
      fields: true,
      boxes: true,
      cite_fields: true,
      zoom: true,
      image_tokens: 64,
      reuse: "exact" as const,
    };
    const { options } = questionOf({ ...plain, ocellus }, info);
    expect(options).toMatchObject({ fields: true, boxes: true, citeFields: true, zoom: true, imageTokens: 64 });
  });

  it("has its images read here, byte for byte, and fetches none", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        const url = `data:image/png;base64,${Buffer.from(bytes).toString("base64")}`;
        const content = [{ type: "image_url" as const, image_url: { url, detail: "low" as const } }];
        const [message] = questionOf({ messages: [{ role: "user", content }] }, info).messages;
        const [part] = message!.content as unknown as { image: Blob; detail: string }[];
        expect([part!.image.type, part!.detail]).toEqual(["image/png", "low"]);
        expect(new Uint8Array(await part!.image.arrayBuffer())).toEqual(new Uint8Array(bytes));
      }),
    );
  });

  it.each([
    [
      "messages.content.image_url",
      { role: "user", content: [{ type: "image_url", image_url: "https://a.example/b.png" }] },
    ],
    ["messages.content.video_url", { role: "user", content: [{ type: "video_url", video_url: "data:," }] }],
    ["messages.content.file", { role: "user", content: [{ type: "file", file: { file_id: "f" } }] }],
    ["messages.role", { role: "tool", content: "4", tool_call_id: "c" }],
    ["messages.tool_calls", { role: "assistant", tool_calls: [] }],
  ])("is refused for %s", (param, message) => {
    const messages = [message] as ChatRequest["messages"];
    expect(refusalOf({ messages })).toMatchObject({ code: "unsupported", details: { param } });
  });
});

describe("an answer of a model in this browser", () => {
  const token = (tokenId: number, top: number) => ({
    tokenId,
    logprob: -1,
    topLogprobs: [{ tokenId: top, logprob: -2 }],
  });
  const timings = { visionMs: 1, imagesCached: 0, firstTokenMs: 2, totalMs: 5, tokensPerSecond: 3 };
  const usage = { promptTokens: 10, cachedTokens: 4, completionTokens: 2 };
  const events: readonly ChatEvent[] = [
    { type: "reasoning", text: "Hm.", tokens: [] },
    { type: "text", text: "A", tokens: [token(1, 2)] },
    { type: "text", text: "B", tokens: [token(2, 1)] },
    { type: "end", finishReason: "stop", usage, timings, images: [], notes: [{ kind: "json", text: "n" }] },
  ];
  async function* played() {
    yield* events;
  }
  const spelled: number[][] = [];
  const model = {
    info: { digest: "abc" },
    spellings: async (ids: readonly number[]) => {
      spelled.push([...ids]);
      return ids.map((id) => ({ text: `<${id}>` }));
    },
  };
  async function chunks(logprobs: boolean): Promise<ChatChunk[]> {
    const found: ChatChunk[] = [];
    for await (const chunk of chunksOf(played(), { ...plain, logprobs }, model, "id")) found.push(chunk);
    return found;
  }

  it("has its thoughts, its words, its end and its figures as a server's stream has them", async () => {
    const found = await chunks(false);
    expect(found.map(({ choices: [choice] }) => choice?.delta)).toEqual([
      { reasoning_content: "Hm." },
      ...[{ content: "A" }, { content: "B" }, {}, undefined],
    ]);
    const [end, last] = found.slice(-2) as [ChatChunk, ChatChunk];
    expect(end.choices[0]!.finish_reason).toBe("stop");
    expect(end.ocellus).toMatchObject({ model_version: "abc", timings: { first_token_ms: 2, tokens_per_second: 3 } });
    expect(last.usage).toMatchObject({ prompt_tokens: 10, completion_tokens: 2, total_tokens: 12 });
    expect(spelled).toEqual([]);
  });

  it("has its tokens spelled by the model's worker, each asked for once", async () => {
    const found = await chunks(true);
    const [a, b] = found.flatMap(({ choices: [choice] }) => choice?.logprobs?.content ?? []);
    expect([a, b].map((each) => [each!.token, each!.top_logprobs[0]!.token])).toEqual([
      ["<1>", "<2>"],
      ["<2>", "<1>"],
    ]);
    expect(spelled).toEqual([[1, 2]]);
  });
});

/** Zoom on doubt before a scripted model: which questions are asked, of what, and how their answers are joined. */
import { describe, expect, it } from "vitest";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import type { Fields } from "../grammar/index.js";
import { LoadedImage } from "../image/node/index.js";
import type { Box, RgbImage } from "../image/spec/index.js";
import { type ContentPart, image } from "../processor/index.js";
import type { ChatEvent, ChatOptions, ChatResult } from "./chat.js";
import { type LanguageModel, withMiddleware } from "./language-model.js";
import { refuseZoom, zoomOnDoubt } from "./zoom.js";

const schema = {
  type: "object",
  properties: {
    title: { type: "string" },
    price: { type: "number" },
    sizes: { type: "array", items: { enum: ["S", "M"] } },
  },
};
const responseFormat = { type: "json_schema", schema } as const;

interface Said {
  readonly value: object;
  readonly sure: Readonly<Record<string, number>>;
  readonly boxes?: Readonly<Record<string, Box>>;
  readonly finishReason?: ChatResult["finishReason"];
}

/** The numbers of a pixel are its place, so that a crop says where it was cut. */
const picture: RgbImage = {
  width: 80,
  height: 40,
  data: Uint8Array.from({ length: 80 * 40 * 3 }, (_, i) => [Math.floor(i / 3) % 80, Math.floor(i / 240), 0][i % 3]!),
};

const sureness = (sure: Said["sure"]): Fields =>
  Object.fromEntries(
    Object.entries(sure).map(([pointer, probability]) => [pointer, { kind: "string", probability, margin: 0 }]),
  );

function scripted(answers: readonly Said[], more: Partial<LanguageModel> = {}, info: object = {}) {
  const asked: { part: Extract<ContentPart, { type: "image" }>; options: ChatOptions }[] = [];
  const model = {
    info: { digest: "", ...info },
    async prepare(messages: any, options: ChatOptions) {
      options.signal?.throwIfAborted();
      asked.push({ part: messages[0].content[0], options });
      return { options, said: answers[asked.length - 1] };
    },
    async *generate({ said, options }: any): AsyncGenerator<ChatEvent> {
      const { value, sure, boxes, finishReason = "stop" } = said as Said;
      yield { type: "text", text: JSON.stringify(value), tokens: [{ tokenId: 1 }] };
      yield {
        ...{ type: "end", finishReason, images: [] },
        usage: { promptTokens: 10, cachedTokens: 1, completionTokens: 5 },
        timings: { visionMs: 1, imagesCached: 0, firstTokenMs: 2, totalMs: 4, tokensPerSecond: 1 },
        ...(options.fields && { fields: sureness(sure) }),
        ...(options.citeFields && boxes && { boxes: Object.entries(boxes).map(([field, box]) => ({ field, box })) }),
      };
    },
    ...more,
  } as unknown as LanguageModel;
  return { model: withMiddleware(model, zoomOnDoubt(model)), asked };
}

const ask = (model: ReturnType<typeof scripted>["model"], options: ChatOptions = {}) =>
  model.answer([{ role: "user", content: [image(picture), "?"] }], { responseFormat, zoom: true, ...options });
const cutOf = async ({ part }: { readonly part: { readonly image: unknown } }) => {
  const { width, height, data } = LoadedImage.of(part.image as RgbImage).source as RgbImage;
  return [data[0]!, data[1]!, data[0]! + width, data[1]! + height];
};

const first = {
  value: { title: "a", price: 1, sizes: ["S", "M"] },
  sure: { "/title": 0.99, "/price": 0.3, "/sizes/1": 0.6 },
};
const second = {
  value: { title: "x", price: 2.5, sizes: ["M", "S"] },
  sure: { "/title": 0.5, "/price": 0.8, "/sizes/1": 0.5 },
};

describe("zoom on doubt", () => {
  it("asks at low detail, then again of the whole image where no place is known, and keeps the surer values", async () => {
    const { model, asked } = scripted([first, second]);
    const answer = await ask(model, { fields: true });
    expect(JSON.parse(answer.text)).toEqual({ title: "a", price: 2.5, sizes: ["S", "M"] });
    expect(asked.map(({ part }) => part.detail)).toEqual(["low", "high"]);
    expect(await Promise.all(asked.map(cutOf))).toEqual([
      [0, 0, 80, 40],
      [0, 0, 80, 40],
    ]);
    const known = { region: [0, 0, 80, 40], by: "image" };
    expect(answer.zoomed).toEqual([
      {
        ...{ field: "/price", ...known, kept: "after" },
        ...{ before: { value: 1, probability: 0.3 }, after: { value: 2.5, probability: 0.8 } },
      },
      {
        ...{ field: "/sizes/1", ...known, kept: "before" },
        ...{ before: { value: "M", probability: 0.6 }, after: { value: "S", probability: 0.5 } },
      },
    ]);
    expect(answer.fields!["/price"]!.probability).toBe(0.8);
    expect(answer.fields!["/sizes/1"]!.probability).toBe(0.6);
    expect(answer.usage).toEqual({ promptTokens: 20, cachedTokens: 2, completionTokens: 10 });
    expect(answer.timings.totalMs).toBe(8);
  });

  it("asks about each box by itself, least sure first, and no more than it may", async () => {
    const boxes: Record<string, Box> = { "/price": [40, 20, 60, 30], "/sizes/1": [0, 0, 8, 8] };
    const { model, asked } = scripted([{ ...first, boxes }, second, second], {}, { places: "thousandths" });
    const answer = await ask(model);
    expect(asked.map(({ options }) => options.citeFields)).toEqual([true, false, false]);
    expect(await Promise.all(asked.slice(1).map(cutOf))).toEqual([
      [30, 15, 70, 35],
      [0, 0, 13, 12],
    ]);
    expect(answer.zoomed!.map(({ field, by }) => [field, by])).toEqual([
      ["/price", "box"],
      ["/sizes/1", "box"],
    ]);
    expect(answer.boxes).toBeUndefined();
    expect(answer.fields).toBeUndefined();
    const one = scripted([{ ...first, boxes }, second], {}, { places: "thousandths" });
    const shorter = await ask(one.model, { zoom: { maxQuestions: 1 } });
    expect([one.asked.length, shorter.zoomed!.length]).toEqual([2, 1]);
  });

  it("asks about the tile that is looked at most", async () => {
    const weights = new Float32Array(64);
    weights[63] = 1;
    const map = { rows: 8, columns: 8, weights, area: { left: 0, top: 0, width: 8, height: 8 } };
    const { model, asked } = scripted([first, second], { attentionMap: async () => map });
    const answer = await ask(model);
    expect(await cutOf(asked[1]!)).toEqual([40, 20, 80, 40]);
    expect(answer.zoomed!.map(({ by }) => by)).toEqual(["attention", "attention"]);
  });

  it.each<[string, Said[], ChatOptions]>([
    ["is sure", [{ ...first, sure: { "/title": 0.95, "/price": 0.91 } }], {}],
    ["is sure enough", [first], { zoom: { threshold: 0.2 } }],
    ["is cut short", [{ ...first, finishReason: "length" }], {}],
    ["was stopped by a guardrail", [{ ...first, finishReason: "content_filter" }], {}],
  ])("asks once where the first answer %s", async (_, answers, options) => {
    const { model, asked } = scripted(answers);
    const answer = await ask(model, options);
    expect(asked).toHaveLength(1);
    expect([answer.zoomed, JSON.parse(answer.text)]).toEqual([[], first.value]);
  });

  it("changes nothing by an answer that was stopped, or has no such field", async () => {
    for (const other of [
      { ...second, finishReason: "content_filter" as const },
      { value: {}, sure: {} },
    ]) {
      const answer = await ask(scripted([first, other]).model);
      expect(JSON.parse(answer.text)).toEqual(first.value);
      expect(answer.zoomed!.map(({ kept, after }) => [kept, after])).toEqual([
        ["before", undefined],
        ["before", undefined],
      ]);
    }
  });

  it("holds a streamed answer until the last question is answered, and ends with its request", async () => {
    const { model } = scripted([first, second]);
    const events: string[] = [];
    for await (const event of model.chat([{ role: "user", content: [image(picture)] }], { responseFormat, zoom: true }))
      events.push(event.type === "text" ? event.text : event.type);
    expect(events).toEqual([JSON.stringify({ ...first.value, price: 2.5 }), "end"]);
    const leaving = new AbortController();
    const aborted = scripted([first, second], {
      attentionMap: async () => {
        leaving.abort();
        return undefined;
      },
    });
    await expect(ask(aborted.model, { signal: leaving.signal })).rejects.toThrow();
    expect(aborted.asked).toHaveLength(1);
  });

  it.each<[object, object[]]>([
    [{ responseFormat: undefined }, [image(picture)]],
    [{ responseFormat: { type: "json_object" } }, [image(picture)]],
    [{ sampling: { logprobs: true } }, [image(picture)]],
    [{ zoom: { threshold: 2 } }, [image(picture)]],
    [{ zoom: { maxQuestions: 0 } }, [image(picture)]],
    [{}, []],
    [{}, [image(picture), image(picture)]],
  ])("refuses %j", async (options, content) => {
    const { model } = scripted([first]);
    const messages = [{ role: "user", content: [...content, "?"] }] as never;
    await expect(model.answer(messages, { responseFormat, zoom: true, ...options })).rejects.toThrow(
      ocellusError("invalid_request", { param: "zoom" }),
    );
  });

  it("is refused of one prepared question", () => {
    expect(() => refuseZoom({ zoom: true })).toThrow(ocellusError("unsupported", { param: "zoom" }));
  });
});

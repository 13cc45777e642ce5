/** The bundled demo model behind the real server, asked by the official client: what any program written for OpenAI does. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import OpenAI from "openai";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { until } from "../src/core/base/until.testkit.js";
import type { VisionLanguageModel } from "../src/core/runtime/index.js";
import { endless } from "./support/endless.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { loadTiny, startServer, type TestServer } from "./support/server.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());

const image = (name: string) => readFileSync(join(repository, "examples/pictures", name));
const dress = `data:image/jpeg;base64,${image("dress.jpg").toString("base64")}`;
const shirt = `data:image/png;base64,${image("shirt.png").toString("base64")}`;
const shown = (url: string) => ({ type: "image_url" as const, image_url: { url } });
const asked = (text: string, ...urls: string[]) => [
  { role: "user" as const, content: [...urls.map(shown), { type: "text" as const, text }] },
];
const model = "ocellus-tiny";

let tiny: VisionLanguageModel;
let server: TestServer;
let client: OpenAI;
beforeAll(async () => {
  tiny = await loadTiny();
  server = await startServer({ [model]: tiny });
  client = server.client;
});
afterAll(async () => {
  await server.close();
  await tiny.close();
});

describe("chat completions", () => {
  it("answer as the library does, with usage and facts of our own", async () => {
    const { data, response } = await client.chat.completions
      .create({ model, messages: asked("What colour is it?", dress) })
      .withResponse();
    const direct = await tiny.answer([
      { role: "user", content: [{ type: "image", image: dress }, "What colour is it?"] },
    ]);
    expect(data.choices).toEqual([
      {
        index: 0,
        message: { role: "assistant", content: direct.text, refusal: null },
        logprobs: null,
        finish_reason: "stop",
      },
    ]);
    const { promptTokens, completionTokens } = direct.usage;
    expect(data.usage).toEqual({
      prompt_tokens: promptTokens,
      completion_tokens: completionTokens,
      total_tokens: promptTokens + completionTokens,
      prompt_tokens_details: { cached_tokens: 0 },
    });
    const sha256 = direct.images[0]!.digest;
    const { width, height } = await sharp(image("dress.jpg")).metadata();
    const side = 112; // the demo model shows itself every image so
    const shrunk = width! * height! > side * side;
    const familiarity = { score: expect.any(Number), threshold: expect.any(Number) };
    expect((data as any).ocellus.images).toEqual([
      { sha256, cached: false, tokens: 32, sent_size: [width, height], shown_size: [side, side], shrunk, familiarity },
    ]);
    expect((data as any).ocellus).not.toHaveProperty("notes");
    expect((data as any).ocellus.cache).toEqual({
      vision: "miss",
      prefix_tokens: 0,
      images: [{ sha256, from: "encoded" }],
    });
    expect(response.headers.get("x-ocellus-cache")).toBe(`vision=miss; prefix=0; images=${sha256}`);
    const again = await client.chat.completions
      .create({ model, messages: asked("What colour is it?", dress), stream: true })
      .withResponse();
    const told: any[] = [];
    for await (const chunk of again.data) if ("ocellus" in chunk) told.push(chunk.ocellus);
    expect(told).toEqual([
      expect.objectContaining({ cache: expect.objectContaining({ vision: "hit", prefix_tokens: 48 }) }),
    ]);
    expect(again.response.headers.get("x-ocellus-cache")).toMatch(/^vision=hit; prefix=\d+; images=/);
    expect(response.headers.get("x-request-id")).toMatch(/^req_/);
  });

  it("say which images the model was not trained on, and that there are more than in training", async () => {
    const cat = `data:image/jpeg;base64,${image("cat.jpg").toString("base64")}`;
    const { ocellus } = (await client.chat.completions.create({
      ...{ model, messages: asked("What is it?", dress, cat, shirt) },
    })) as any;
    const isBelow = ocellus.images.map(({ familiarity }: any) => familiarity.score < familiarity.threshold);
    expect(isBelow).toEqual([false, true, false]);
    expect(ocellus.notes).toEqual([
      {
        kind: "unlike_images",
        text: expect.stringMatching(/^image 2 /),
        command: expect.stringMatching(/^ocellus pull /),
      },
      { kind: "many_images", text: expect.stringMatching(/\b2\b.*\b3$/) },
    ]);
    const { images } = await tiny.answer([{ role: "user", content: [{ type: "image", image: cat }, "What is it?"] }]);
    expect(images[0]!.familiarity!.score).toBeLessThan(images[0]!.familiarity!.threshold);
  });

  it("stream the same answer in pieces, with usage when asked for", async () => {
    const messages = asked("Describe the picture.", dress, shirt);
    const whole = await client.chat.completions.create({ model, messages });
    const stream = await client.chat.completions.create({
      model,
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    const pieces = chunks.flatMap((chunk) => chunk.choices.map((choice) => choice.delta.content ?? ""));
    expect(pieces.join("")).toBe(whole.choices[0]!.message.content);
    expect(pieces.length).toBeGreaterThan(3);
    expect(chunks[0]!.choices[0]!.delta.role).toBe("assistant");
    expect(chunks.at(-2)!.choices[0]!.finish_reason).toBe("stop");
    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: { ...whole.usage, prompt_tokens_details: expect.anything() },
    });
  });

  it("give every choice its own stream, reproducible by seed and unlike each other", async () => {
    const request = { model, messages: asked("Describe it.", dress), n: 3, temperature: 2, seed: 5, max_tokens: 12 };
    const [one, two] = await Promise.all([
      client.chat.completions.create(request),
      client.chat.completions.create(request),
    ]);
    const texts = one.choices.map((choice) => choice.message.content);
    expect(two.choices.map((choice) => choice.message.content)).toEqual(texts);
    expect(new Set(texts).size).toBeGreaterThan(1);
    const streamed = ["", "", ""];
    const stream = client.chat.completions.stream({ ...request, stream: true });
    for await (const chunk of stream)
      for (const { index, delta } of chunk.choices) streamed[index] += delta.content ?? "";
    expect(streamed).toEqual(texts);
  });

  it("list every generated token once, also the one that ends the answer, whole and streamed", async () => {
    const asks = { model, messages: asked("What is shown here?", dress), logprobs: true } as const;
    const whole = await client.chat.completions.create(asks);
    const listed = whole.choices[0]!.logprobs!.content!;
    expect(listed).toHaveLength(whole.usage!.completion_tokens);
    expect(whole.choices[0]!.finish_reason).toBe("stop");
    expect(Buffer.from(listed.flatMap(({ bytes }) => bytes!)).toString()).toBe(
      `${whole.choices[0]!.message.content}${listed.at(-1)!.token}`,
    );
    const streamed: typeof listed = [];
    for await (const { choices } of await client.chat.completions.create({ ...asks, stream: true }))
      streamed.push(...(choices[0]?.logprobs?.content ?? []));
    expect(streamed).toEqual(listed);
    const { output, usage } = await client.responses.create({
      model,
      input: "What is shown here?",
      top_logprobs: 1,
    });
    const [part] = output.flatMap((item) => (item.type === "message" ? item.content : []));
    expect(part).toMatchObject({ type: "output_text", logprobs: { length: usage!.output_tokens } });
    const plain = await client.completions.create({ model, prompt: "A dress is", max_tokens: 12, logprobs: 1 });
    expect(plain.choices[0]!.logprobs!.tokens).toHaveLength(plain.usage!.completion_tokens);
  });

  it("report logprobs that add up, stop at stop strings, and end at max_tokens", async () => {
    const messages = asked("What colour is it?", dress);
    const { choices } = await client.chat.completions.create({ model, messages, logprobs: true, top_logprobs: 2 });
    const { content } = choices[0]!.logprobs!;
    expect(content!.map(({ token }) => token).join("")).toBe(`${choices[0]!.message.content}<|im_end|>`);
    for (const { token, bytes, logprob, top_logprobs } of content!) {
      expect(Buffer.from(bytes!).toString()).toBe(token);
      expect(top_logprobs).toHaveLength(2);
      expect(top_logprobs[0]).toEqual({ token, bytes, logprob });
      expect(logprob).toBeLessThanOrEqual(0);
    }
    const stopped = await client.chat.completions.create({ model, messages, stop: ["."] });
    expect(stopped.choices[0]).toMatchObject({
      finish_reason: "stop",
      message: { content: choices[0]!.message.content!.replace(".", "") },
    });
    const cut = await client.chat.completions.create({ model, messages, max_completion_tokens: 1 });
    expect(cut.choices[0]!.finish_reason).toBe("length");
    expect(cut.usage!.completion_tokens).toBe(1);
  });

  it("are steered by logit_bias and penalties", async () => {
    const messages = asked("What colour is it?", dress);
    const plain = await client.chat.completions.create({ model, messages });
    const [first] = tiny.tokenizer.encode(plain.choices[0]!.message.content!);
    const biased = await client.chat.completions.create({ model, messages, logit_bias: { [first!]: -100 } });
    expect(biased.choices[0]!.message.content).not.toBe(plain.choices[0]!.message.content);
  });

  it("read a picture that was uploaded once, by its id, several times", async () => {
    const file = await client.files.create({
      file: new File([image("dress.jpg")], "dress.jpg", { type: "image/jpeg" }),
      purpose: "vision",
    });
    expect(file).toMatchObject({ object: "file", filename: "dress.jpg", bytes: image("dress.jpg").length });
    const byData = await client.chat.completions.create({ model, messages: asked("What is it?", dress) });
    const byUrl = await client.chat.completions.create({ model, messages: asked("What is it?", file.id) });
    const byPart = await client.chat.completions.create({
      model,
      messages: [
        {
          role: "user",
          content: [
            { type: "file", file: { file_id: file.id } },
            { type: "text", text: "What is it?" },
          ],
        },
      ],
    });
    expect(byUrl.choices).toEqual(byData.choices);
    expect(byPart.choices).toEqual(byData.choices);
    expect((byPart as any).ocellus.images[0].cached).toBe(true);
    expect((await client.files.list()).data.map(({ id }) => id)).toEqual([file.id]);
    const { guards, ...kept } = (file as any).ocellus; // the guards' word belongs to the upload
    expect(guards).toEqual([]);
    expect(await client.files.retrieve(file.id)).toEqual({ ...file, ocellus: kept });
    const content = await client.files.content(file.id);
    expect(Buffer.from(await content.arrayBuffer()).equals(image("dress.jpg"))).toBe(true);
    expect(content.headers.get("content-type")).toBe("image/jpeg");
    expect(await client.files.delete(file.id)).toEqual({ id: file.id, object: "file", deleted: true });
    await expect(client.files.retrieve(file.id)).rejects.toThrow(OpenAI.NotFoundError);
  });

  it("know a pinned picture before it is asked about, until the file is deleted", async () => {
    const upload = (pin: string) => {
      const form = new FormData();
      form.set("file", new File([image("boots.jpg")], "boots.jpg"));
      form.set("pin", pin);
      return fetch(`${server.url}/v1/files`, { method: "POST", body: form });
    };
    expect((await upload("perhaps")).status).toBe(400);
    const file = (await (await upload("true")).json()) as { id: string; ocellus: object };
    expect(file.ocellus).toMatchObject({ pinned: true });
    const pinned = tiny.stats.features.pinnedBytes;
    expect(pinned).toBeGreaterThan(0);
    const first = await client.chat.completions.create({ model, messages: asked("What is it?", file.id) });
    expect((first as any).ocellus.cache).toMatchObject({ vision: "hit", images: [{ from: "memory" }] });
    await client.files.delete(file.id);
    expect(tiny.stats.features.pinnedBytes).toBe(0);
  });

  it("end when the client hangs up, streaming or not, and free the slot", async () => {
    const messages = asked("Describe it.", dress);
    const long = { model, messages, max_tokens: 1500, temperature: 1.5, logit_bias: endless };
    const stream = await client.chat.completions.create({ ...long, stream: true });
    for await (const _ of stream) break;
    const controller = new AbortController();
    const whole = client.chat.completions.create(long, { signal: controller.signal });
    await until(() => expect(tiny.stats.running).toBeGreaterThan(0));
    controller.abort();
    await expect(whole).rejects.toThrow(OpenAI.APIUserAbortError);
    await until(() => expect(tiny.stats.running).toBe(0));
    expect(server.gate(model).stats).toEqual({ running: 0, waiting: 0 });
  });
});

describe("responses", () => {
  const input = [
    {
      role: "user" as const,
      content: [
        { type: "input_image" as const, image_url: dress, detail: "auto" as const },
        { type: "input_text" as const, text: "What colour is it?" },
      ],
    },
  ];

  it("say what chat completions say", async () => {
    const chat = await client.chat.completions.create({ model, messages: asked("What colour is it?", dress) });
    const response = await client.responses.create({ model, input });
    expect(response.output_text).toBe(chat.choices[0]!.message.content);
    expect(response).toMatchObject({ status: "completed", object: "response", model });
    expect(response.usage!.total_tokens).toBe(chat.usage!.total_tokens);
    const { cached_tokens } = response.usage!.input_tokens_details; // chat completions have read it before
    expect([cached_tokens, (response as any).ocellus.cache.prefix_tokens]).toEqual([cached_tokens, cached_tokens]);
    expect(cached_tokens).toBeGreaterThan(0);
  });

  it("stream the events that the client's own accumulator puts together", async () => {
    const stream = client.responses.stream({ model, input: "What is this?", instructions: "Be brief." });
    const types: string[] = [];
    let text = "";
    for await (const event of stream) {
      types.push(event.type);
      if (event.type === "response.output_text.delta") text += event.delta;
    }
    const response = await stream.finalResponse();
    expect(response.output_text).toBe(text);
    expect(text).not.toBe("");
    expect(types.filter((type, i) => type !== types[i - 1])).toEqual([
      ...["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"],
      ...["response.output_text.delta", "response.output_text.done", "response.content_part.done"],
      ...["response.output_item.done", "response.completed"],
    ]);
  });

  it("are incomplete when max_output_tokens ends them", async () => {
    const response = await client.responses.create({ model, input: "What is this?", max_output_tokens: 1 });
    expect(response).toMatchObject({ status: "incomplete", incomplete_details: { reason: "max_output_tokens" } });
  });
});

describe("completions", () => {
  it("go on from each prompt, with n choices for each", async () => {
    const prompt = ["<|im_start|>user\nWhat is this?<|im_end|>\n<|im_start|>assistant\n", "It is"];
    const { choices, usage } = await client.completions.create({ model, prompt, n: 2, max_tokens: 5, logprobs: 1 });
    expect(choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    expect(choices[0]!.text).toBe(choices[1]!.text); // greedy
    expect(choices[0]!.logprobs!.tokens!.join("")).toBe(`${choices[0]!.text}<|im_end|>`);
    expect(usage!.prompt_tokens).toBe(
      prompt.reduce((sum, text) => sum + tiny.tokenizer.encode(text, { addSpecialTokens: true }).length, 0),
    );
    const stream = await client.completions.create({ model, prompt: prompt[1]!, max_tokens: 5, stream: true });
    let text = "";
    for await (const chunk of stream) text += chunk.choices[0]?.text ?? "";
    expect(text).toBe(choices[2]!.text);
  });
});

it("models are listed and described", async () => {
  const { data } = await client.models.list();
  expect(data).toMatchObject([
    { id: model, object: "model", owned_by: "ocellus", ocellus: { kind: "chat", vision: true } },
  ]);
  expect(await client.models.retrieve(model)).toEqual(data[0]);
  await expect(client.models.retrieve("gpt-4")).rejects.toThrow(OpenAI.NotFoundError);
});

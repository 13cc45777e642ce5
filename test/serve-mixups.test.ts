/** Many at once, of every kind, against the same model asked one at a time: no one gets another's answer, whatever the others do. */
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { inParallel, postChat, questionAt, requestOf } from "../bench/support/questions.js";
import { until } from "../src/core/base/until.testkit.js";
import type { VisionLanguageModel } from "../src/core/runtime/index.js";
import type { ChatChunk, ChatCompletion } from "../src/protocol/index.js";
import { temporaryFolder } from "./support/folders.js";
import { loadTiny, startServer, type TestServer } from "./support/server.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());

let tiny: VisionLanguageModel;
let alone: VisionLanguageModel;
let server: TestServer;
beforeAll(async () => {
  tiny = await loadTiny({ graphThreads: true, imageThreads: 1 });
  alone = await loadTiny();
  server = await startServer({ tiny });
});
afterAll(async () => {
  await server.close();
  await tiny.close();
  await alone.close();
});

it("240 questions about distinct pictures, 24 at once, among broken pictures and clients that hang up", async () => {
  const kinds = [whole, streamed, broken, choices, hangUp];
  const served: (readonly string[] | undefined)[] = [];
  await inParallel(240, 24, async (number) => {
    served[number] = await kinds[number % kinds.length]!(number);
  });
  for (const [number, texts] of served.entries()) {
    if (!texts) continue;
    const { url, text } = await questionAt(number);
    const right = await alone.answer([{ role: "user", content: [{ type: "image", image: url }, text] }], { maxTokens });
    expect(new Set(texts), `question ${number}`).toEqual(new Set([right.text]));
  }
  await until(() => expect(tiny.stats.running).toBe(0));
  expect(server.gate("tiny").stats).toEqual({ running: 0, waiting: 0 });
  expect(server.services.budget.bytes).toBe(0);
});

const maxTokens = 16;
const ask = async (number: number, extra: object = {}, signal?: AbortSignal) =>
  postChat(server.url, requestOf(await questionAt(number), { max_tokens: maxTokens, ...extra }), signal);

async function whole(number: number, extra: object = {}): Promise<string[]> {
  const { choices } = (await (await ask(number, extra)).json()) as ChatCompletion;
  return choices.map(({ message }) => message.content ?? "");
}

const choices = (number: number) => whole(number, { n: 3 });

async function streamed(number: number): Promise<string[]> {
  const lines = (await (await ask(number, { stream: true })).text()).split("\n");
  const chunks = lines.flatMap((line) => (line.startsWith("data: {") ? [JSON.parse(line.slice(6)) as ChatChunk] : []));
  return [chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("")];
}

/** Cut in the middle: what it begins like is a picture. */
async function broken(number: number): Promise<undefined> {
  const { url, text } = await questionAt(number);
  const response = await postChat(server.url, requestOf({ url: url.slice(0, 120), text }));
  expect(response.status).toBe(400);
  await response.text();
}

async function hangUp(number: number): Promise<undefined> {
  const stream = number % 2 === 0;
  await ask(number, { stream, max_tokens: 500, temperature: 1.5 }, AbortSignal.timeout(number % 60))
    .then((response) => response.text())
    .catch(() => {});
}

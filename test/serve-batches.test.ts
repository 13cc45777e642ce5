/** /v1/batches by OpenAI's official client: a file in, a file of answers and one of failures out, behind keys and guardrails. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import OpenAI from "openai";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createKey, KeyRing, keyFileText } from "../src/server/index.js";
import { temporaryFolder } from "./support/folders.js";
import { forbiddenWord, openGuards, strictPolicy, type Witness, witness } from "./support/guards.js";
import { scriptedModel } from "./support/scripted-model.js";
import { startServer, type TestServer } from "./support/server.js";

const [alice, bob] = [createKey("alice"), createKey("bob")];
const endpoint = "/v1/chat/completions";
/** More requests than the key may send in a minute. */
const [total, requestsPerMinute] = [600, 500];
let model: Witness;
let server: TestServer;
let client: OpenAI;
beforeEach(async () => {
  model = witness();
  const guards = await openGuards(temporaryFolder(), await strictPolicy());
  const keys = KeyRing.of([alice.key, bob.key]);
  server = await startServer({ model }, { requestsPerMinute }, { guards, keys });
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: alice.secret, maxRetries: 0 });
});
afterEach(() => server.close());

const line = (custom_id: string, content: string, more: object = {}) =>
  JSON.stringify({
    custom_id,
    method: "POST",
    url: endpoint,
    body: { messages: [{ role: "user", content }] },
    ...more,
  });

async function created(text: string, asking = client) {
  const file = await asking.files.create({ file: new File([text], "in.jsonl"), purpose: "batch" });
  return asking.batches.create({ input_file_id: file.id, endpoint, completion_window: "24h", metadata: { a: "b" } });
}

async function ended(id: string): Promise<OpenAI.Batch> {
  for (let asked = 0; asked < 400; asked++) {
    const batch = await client.batches.retrieve(id);
    if (!["validating", "in_progress", "finalizing", "cancelling"].includes(batch.status)) return batch;
    await new Promise((turn) => setTimeout(turn, 100));
  }
  throw new Error("the batch did not end");
}
async function linesOf(
  id: string | undefined,
): Promise<{ custom_id: string; response: { status_code: number; body: any } }[]> {
  const text = id === undefined ? "" : await (await client.files.content(id)).text();
  return text
    .split("\n")
    .filter((written) => written !== "")
    .map((written) => JSON.parse(written));
}

describe("a batch", () => {
  it("answers each request as its route does, beyond the rate limit, and keeps failures apart", async () => {
    const lines = Array.from({ length: total }, (_, i) => line(`${i}`, i === 7 ? forbiddenWord : "hi"));
    lines[9] = line("9", "hi", { body: { messages: [] } });
    const { id, status } = await created(lines.join("\n"));
    expect(status).toBe("validating");
    const batch = await ended(id);
    expect(batch).toMatchObject({
      ...{ object: "batch", endpoint, status: "completed", metadata: { a: "b" } },
      request_counts: { total, completed: total - 2, failed: 2 },
    });
    const answers = await linesOf(batch.output_file_id);
    const failures = await linesOf(batch.error_file_id);
    expect([...answers, ...failures].map(({ custom_id }) => Number(custom_id)).sort((a, b) => a - b)).toEqual([
      ...Array(total).keys(),
    ]);
    for (const { response } of answers) {
      expect(response.status_code).toBe(200);
      expect(response.body.choices[0].message.content).toBe("a quiet answer");
    }
    const codes = Object.fromEntries(failures.map(({ custom_id, response }) => [custom_id, response.body.error.code]));
    expect(codes).toEqual({ 7: "content_filter", 9: "invalid_request" });
    expect(model.seen.join()).not.toContain(forbiddenWord);
  });

  it.each<[string, string, object]>([
    ["no JSON", "{", { code: "invalid_json_line", line: 1 }],
    [
      "another route",
      line("1", "hi", { url: "/v1/embeddings" }),
      { code: "mismatched_endpoint", line: 1, param: "url" },
    ],
    ["one id twice", [line("1", "hi"), "", line("1", "ho")].join("\n"), { code: "duplicate_custom_id", line: 3 }],
    ["nothing", "\n", { code: "empty_file", line: null }],
  ])("fails as a whole where its file has %s", async (_, text, problem) => {
    const batch = await ended((await created(text)).id);
    expect(batch.status).toBe("failed");
    expect(batch.errors!.data).toEqual([expect.objectContaining(problem)]);
    expect(model.seen).toEqual([]);
  });

  it("belongs to its key, in a list too", async () => {
    const ids = [];
    for (let i = 0; i < 3; i++) ids.unshift((await created(line("1", "hi"))).id);
    const other = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: bob.secret, maxRetries: 0 });
    await expect(other.batches.retrieve(ids[0]!)).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    expect((await other.batches.list()).data).toEqual([]);
    const first = await client.batches.list({ limit: 2 });
    expect(first.data.map(({ id }) => id)).toEqual(ids.slice(0, 2));
    const seen: string[] = [];
    for await (const { id } of client.batches.list({ limit: 2 })) seen.push(id);
    expect(seen).toEqual(ids);
  });

  it("takes a file of its own key and purpose", async () => {
    const batch = { input_file_id: "file-none", endpoint, completion_window: "24h" } as const;
    await expect(client.batches.create(batch)).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    const { id } = server.services.files.add("alice", "a.jsonl", "batch_output", new TextEncoder().encode("{}"));
    await expect(client.batches.create({ ...batch, input_file_id: id })).rejects.toBeInstanceOf(OpenAI.BadRequestError);
  });
});

it("a cancelled batch keeps what was answered", async () => {
  const scripted = scriptedModel();
  const slow = await startServer({ scripted });
  try {
    const file = await slow.client.files.create({
      file: new File([["1", "2", "3"].map((id) => line(id, id)).join("\n")], "in.jsonl"),
      purpose: "batch",
    });
    const { id } = await slow.client.batches.create({ input_file_id: file.id, endpoint, completion_window: "24h" });
    await scripted.say();
    const counts = async () => (await slow.client.batches.retrieve(id)).request_counts!.completed;
    while ((await counts()) < 1) await new Promise((turn) => setTimeout(turn, 10));
    expect((await slow.client.batches.cancel(id)).status).toBe("cancelling");
    let batch = await slow.client.batches.retrieve(id);
    for (let asked = 0; asked < 400 && batch.status === "cancelling"; asked++) {
      await new Promise((turn) => setTimeout(turn, 10));
      batch = await slow.client.batches.retrieve(id);
    }
    expect(batch).toMatchObject({ status: "cancelled", request_counts: { total: 3, completed: 1 } });
    expect(await (await slow.client.files.content(batch.output_file_id!)).text()).toContain('"custom_id":"');
    expect(scripted.running).toEqual([]);
  } finally {
    await slow.close();
  }
});

it("a batch ends when its key is removed, and what was answered is there for the next key of that name", async () => {
  const path = join(temporaryFolder(), "keys.json");
  const next = createKey("alice");
  const [now, seconds] = [performance.now.bind(performance), { passed: 0 }];
  const clock = vi.spyOn(performance, "now").mockImplementation(() => now() + 1000 * seconds.passed);
  const write = (...keys: (typeof next)[]) => {
    writeFileSync(path, keyFileText(keys.map(({ key }) => key)));
    seconds.passed += 5; // the file is looked at again
  };
  write(alice);
  const scripted = scriptedModel();
  const keyed = await startServer({ scripted }, {}, { keys: await KeyRing.open(path) });
  const asking = ({ secret }: typeof next) => new OpenAI({ baseURL: `${keyed.url}/v1`, apiKey: secret, maxRetries: 0 });
  const until = async (isTrue: () => boolean | Promise<boolean>) => {
    for (let turn = 0; turn < 400 && !(await isTrue()); turn++) await new Promise((end) => setTimeout(end, 10));
  };
  try {
    const { id } = await created(Array.from({ length: 20 }, (_, i) => line(`${i}`, `${i}`)).join("\n"), asking(alice));
    await until(() => scripted.running.length === 2);
    write();
    await scripted.say();
    await until(() => scripted.running.length === 0);
    expect(scripted.running).toEqual([]);
    write(next);
    const isOver = async () => (await asking(next).batches.retrieve(id)).status === "failed";
    await until(isOver);
    const { output_file_id, ...batch } = await asking(next).batches.retrieve(id);
    expect(batch).toMatchObject({
      errors: { data: [{ code: "unauthorized" }] },
      request_counts: { total: 20, completed: 1, failed: 0 },
    });
    expect(await (await asking(next).files.content(output_file_id!)).text()).toContain('"custom_id":"');
  } finally {
    clock.mockRestore();
    await keyed.close();
  }
});

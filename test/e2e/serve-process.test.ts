/** The server as a process: what a kill leaves behind, and what a polite stop does not. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { until } from "../../src/core/base/until.testkit.js";
import { endless } from "../support/endless.js";
import { repository, temporaryFolder } from "../support/folders.js";
import { type ServeProcess, serveProcess } from "../support/serve-process.js";

const env = { OCELLUS_CACHE: temporaryFolder() };
const args = ["--threads", "1", "--log-level", "error"];
const bytes = readFileSync(join(repository, "examples/pictures/dress.jpg"));
const content = [
  { type: "image_url", image_url: { url: `data:image/jpeg;base64,${bytes.toString("base64")}` } },
  { type: "text", text: "What colour is it?" },
];
/** Takes its time: the tokens that would end it are forbidden. */
const long = { max_tokens: 1500, temperature: 1.5, logit_bias: endless };

function ask({ url }: ServeProcess, extra: object = {}): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ messages: [{ role: "user", content }], ...extra }),
  });
}

const textOf = async (response: Response) => ((await response.json()) as any).choices[0].message.content as string;

async function running({ url }: ServeProcess): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  return Number(/^ocellus_num_requests_running\{.*\} (\d+)$/m.exec(metrics)?.[1]);
}

describe("ocellus serve", () => {
  it("serves an embedding model beside it, and near-duplicates to requests that ask for them", async () => {
    const clip = join(repository, "test/golden/clip/gelu");
    const server = await serveProcess([...args, "--embedding-model", `clip=${clip}`], env);
    const response = await fetch(`${server.url}/v1/embeddings`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "clip", input: "red" }),
    });
    expect(response.status).toBe(200);
    expect((await ask(server, { max_tokens: 4, ocellus: { reuse: "near" } })).status).toBe(200);
    expect(await server.stop()).toBe(0);
  });

  it("killed under load loses its running answers and nothing else: the next one starts clean and answers alike", async () => {
    const first = await serveProcess(args, env);
    const answer = await textOf(await ask(first));
    const packed = readdirSync(join(env.OCELLUS_CACHE, "packed"));
    const lost = Array.from({ length: 12 }, (_, i) =>
      ask(first, { ...long, stream: i % 2 === 0 }).then((response) => response.text()),
    );
    const ends = Promise.allSettled(lost);
    await until(async () => expect(await running(first)).toBe(8));
    expect(await first.stop("SIGKILL")).toBe("SIGKILL");
    expect((await ends).every(({ status }) => status === "rejected")).toBe(true);
    const second = await serveProcess(args, env);
    expect(await textOf(await ask(second))).toBe(answer);
    expect(readdirSync(join(env.OCELLUS_CACHE, "packed"))).toEqual(packed);
    expect(await second.stop()).toBe(0);
  });

  it("told to stop finishes what it has begun, takes nothing new, and says nothing went wrong", async () => {
    const server = await serveProcess(args, env);
    const begun = Array.from({ length: 4 }, () => ask(server, { ...long, max_tokens: 300, stream: true }));
    await until(async () => expect(await running(server)).toBeGreaterThan(0));
    const responses = await Promise.all(begun); // their first words are here
    const exit = server.stop("SIGTERM");
    for (const text of await Promise.all(responses.map((response) => response.text()))) {
      expect(text).toContain('"finish_reason":"length"');
      expect(text.trimEnd().endsWith("data: [DONE]")).toBe(true);
    }
    expect(await exit).toBe(0);
    await expect(ask(server)).rejects.toThrow();
    expect(server.log()).toBe("");
  });

  it("told to stop ends what takes longer than it is given", async () => {
    const server = await serveProcess([...args, "--drain-ms", "1"], env);
    const text = ask(server, { ...long, stream: true }).then((response) => response.text());
    await until(async () => expect(await running(server)).toBe(1));
    const exit = server.stop("SIGTERM");
    expect(await text).toMatch(/"code":"unavailable"|"finish_reason":"length"/);
    expect(await exit).toBe(0);
  });
});

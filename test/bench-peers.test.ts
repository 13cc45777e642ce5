/** The bench beside other servers: its client and its verdicts, and the whole of it at tiny shapes beside a stand-in. */
import { execFile } from "node:child_process";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask, paceOf } from "../bench/peers/load.js";
import { fullShapes, type Row, rowsOf } from "../bench/peers/rows.js";
import { judge, type RowResult } from "../bench/peers/table.js";
import { repository, temporaryFolder } from "./support/folders.js";

/** Answers with `max_tokens` words, one an event, and has no schemas. */
const standIn = createServer(async (request, response) => {
  if (request.method === "GET") return response.end(JSON.stringify({ data: [{ id: "stand-in" }] }));
  const body = JSON.parse(await text(request)) as { max_tokens: number; response_format?: object };
  if (body.response_format) return response.writeHead(400).end("no schemas here");
  await stream(response, body.max_tokens);
});

async function stream(response: ServerResponse, count: number): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream" });
  const send = (event: object) => response.write(`data: ${JSON.stringify(event)}\n\n`);
  send({ choices: [{ delta: { role: "assistant", content: "" } }] });
  for (let i = 0; i < count; i++) {
    send({ choices: [{ delta: { content: "wörd " } }] });
    await new Promise((done) => setTimeout(done, 2));
  }
  send({ choices: [{ delta: {}, finish_reason: "length" }], usage: { prompt_tokens: 7, completion_tokens: count } });
  response.end("data: [DONE]\n\n");
}

let url: string;
beforeAll(async () => {
  await new Promise<void>((listening) => standIn.listen(0, "127.0.0.1", listening));
  url = `http://127.0.0.1:${(standIn.address() as AddressInfo).port}`;
});
afterAll(() => standIn.close());

describe("ask", () => {
  it("counts tokens and times the first text, not the event before it", async () => {
    const answer = await ask({ url, model: "stand-in" }, { text: "?", maxTokens: 5 });
    expect(answer).toMatchObject({ text: "wörd ".repeat(5), tokens: 5, promptTokens: 7 });
    expect(answer.firstMs).toBeLessThan(answer.totalMs);
    expect(paceOf({ ...answer, tokens: 5, firstMs: 100, totalMs: 2100 })).toBe(2);
  });

  it("fails with what the server says", async () => {
    const question = { text: "?", maxTokens: 1, responseFormat: { type: "json_object" } };
    await expect(ask({ url, model: "stand-in" }, question)).rejects.toThrow(/400.*no schemas/);
  });
});

describe("judge", () => {
  const rows = rowsOf(fullShapes);
  const verdictsOf = (id: string, measured: Parameters<typeof judge>[1]) =>
    judge(rows, measured, "ocellus").find((row) => row.id === id)?.verdicts;

  it("holds times against the shortest of the others, and rates against the peer that the goal names", () => {
    const image = { ocellus: [2, 9, 1], vllm: [4, 4, 4], "llama.cpp": [2.5, 3, 3.5] };
    expect(verdictsOf("image", { image })).toEqual([{ against: "llama.cpp", ratio: 1.5, goal: 1.5, isMet: true }]);
    const decode = { ocellus: [23], vllm: [8], "llama.cpp": [20] };
    expect(verdictsOf("decode", { decode })).toEqual([
      { against: "llama.cpp", ratio: 23 / 20, goal: 1.2, isMet: false },
      { against: "vllm", ratio: 23 / 8, goal: 3, isMet: false },
    ]);
  });

  it("holds a row against a limit", () => {
    const measured = { "lean-memory": { ocellus: [3.1, 3.3] } };
    expect(verdictsOf("lean-memory", measured)).toMatchObject([{ ratio: 3.2 / 3, isMet: false }]);
  });

  it("says nothing about what was not measured", () => {
    expect(verdictsOf("image", { image: { ocellus: [2] } })).toEqual([]);
    expect(verdictsOf("image", { image: { vllm: [2] } })).toEqual([]);
    expect(verdictsOf("image", {})).toBeUndefined();
    const ids = rows.map(({ id }: Row) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

interface Report {
  readonly servers: readonly { readonly name: string }[];
  readonly rows: readonly RowResult[];
  readonly missing: readonly { readonly name: string; readonly command: string }[];
  readonly failures: readonly { readonly peer: string; readonly what: string; readonly message: string }[];
}

it("measures ours beside a server that runs already, and names what is missing or fails", async () => {
  const folder = temporaryFolder();
  const args = ["peers", "--quick", "--json", "--rounds", "1", "--work", folder, "--home", join(folder, "none")];
  const command = ["--import", "tsx", "bench/run.ts", ...args, "--peer", `vllm=${url}`, "--peers", "ocellus,llama.cpp"];
  const { stdout } = await promisify(execFile)(process.execPath, command, { cwd: repository });
  const report = JSON.parse(stdout.trimEnd().split("\n").at(-1)!) as Report;
  expect(report.servers.map(({ name }) => name)).toEqual(["ocellus", "vllm"]);
  expect(report.missing).toMatchObject([{ name: "llama.cpp" }]);
  expect(report.failures).toMatchObject([
    { peer: "vllm", what: "json", message: expect.stringContaining("no schemas") },
  ]);
  expect(report.rows.map(({ id }) => id)).toEqual(rowsOf(fullShapes).map(({ id }) => id));
  for (const { medians } of report.rows) expect(medians.ocellus).toBeGreaterThan(0);
  expect(report.rows.filter(({ medians }) => "vllm" in medians).map(({ id }) => id)).toEqual([
    ...["image", "known-image", "large-image", "clients", "slowest", "decode", "prefill"],
  ]);
  expect(report.rows.find(({ id }) => id === "known-image")!.verdicts).toMatchObject([{ against: "vllm", goal: 5 }]);
});

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { BatchQueue, TakenRequest } from "../../../batch-queue/index.js";
import { temporaryFolder } from "../../../core/base/temporary-folder.testkit.js";
import type { Server } from "../../../server/index.js";
import type { Terminal } from "../../ui/terminal.js";
import { checkBatch } from "./batch-input.js";
import { checkLine } from "./batch-queue.js";
import { answerQueue, type Work } from "./batch-worker.js";

const lineOf = (custom_id: string) =>
  JSON.stringify({ custom_id, method: "POST", url: "/v1/chat/completions", body: { model: "m" } });

describe("the input of a queue", () => {
  it("is refused by its line where a database cannot hold an id, before anything is stored", async () => {
    const file = join(temporaryFolder(), "requests.jsonl");
    for (const id of ["a\0b", "\ud800", "\udc00 x"]) {
      writeFileSync(file, `${lineOf("fine 😀")}\n${lineOf(id)}\n`);
      await expect(checkBatch(file)).rejects.toMatchObject({
        code: "invalid_file",
        message: expect.stringContaining(`${file}:2`),
      });
    }
    writeFileSync(file, `${lineOf("fine 😀")}\n`);
    expect(await checkBatch(file)).toEqual(new Set(["fine 😀"]));
  });

  it("has a bound for a line with its images in it, counted in bytes", () => {
    expect(checkLine("éé", 4)).toBe("éé");
    expect(() => checkLine("éé!", 4)).toThrow(expect.objectContaining({ code: "too_large" }));
  });
});

describe("a worker", () => {
  it("answers all others when one line, one answer or one result makes it throw", async () => {
    const lines = [lineOf("a"), "{", lineOf("bad answer"), lineOf("not kept"), lineOf("b")];
    const taken = lines.map((line, i) => ({ jobId: `${i}`, batch: "x", batchId: "1", customId: `${i}`, line }));
    const ends: [string, string][] = [];
    const end = (how: string) => async (request: TakenRequest, result: unknown) => {
      if (how === "kept" && request.line.includes("not kept"))
        throw Object.assign(new Error("refused"), { code: "22021" });
      if (how === "postponed") expect(JSON.parse(result as string).response.status_code).toBe(500);
      ends.push([request.jobId, how]);
      return true;
    };
    const queue = {
      ...{ park: async () => {}, giveBack: async () => {}, hasWork: async () => false },
      ...{ take: async () => taken.splice(0), keep: end("kept"), postpone: end("postponed") },
    } as unknown as BatchQueue;
    let asked = 0;
    const server = { fetch: async () => new Response(++asked === 2 ? "no JSON" : "{}") } as unknown as Server;
    const counts = { answered: 0, failed: 0, postponed: 0 };
    const flags = { untilEmpty: true, json: true, concurrency: 1 } as unknown as Work["flags"];
    const terminal = { signal: new AbortController().signal } as unknown as Terminal;
    await answerQueue({ queue, server, flags, terminal, counts });
    expect(ends.sort()).toEqual([
      ["0", "kept"],
      ["1", "postponed"],
      ["2", "postponed"],
      ["3", "postponed"],
      ["4", "kept"],
    ]);
    expect(counts).toEqual({ answered: 2, failed: 0, postponed: 3 });
  });
});

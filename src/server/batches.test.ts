/** Batches among each other and within their memory: the server's routes are a function that answers when the test says so. */
import { describe, expect, it } from "vitest";
import { checkBatchLines } from "./batch-lines.js";
import { Batches, type BatchOwner } from "./batches.js";
import { FileStore } from "./files.js";

const endpoint = "/v1/chat/completions";
const line = (custom_id: number) =>
  JSON.stringify({ custom_id: `${custom_id}`, method: "POST", url: endpoint, body: { id: custom_id } });
const linesOf = (count: number) => Array.from({ length: count }, (_, i) => line(i)).join("\n");
const bytesOf = (text: string) => new TextEncoder().encode(text);
const turn = () => new Promise((resolve) => setImmediate(resolve));

interface Asked extends BatchOwner {
  readonly id: number;
  readonly signal: AbortSignal;
}

/** @param answer the status and body of a request */
function batchesWith(
  answer: (asked: Asked) => Promise<[number, unknown]>,
  { maxBytes = 2 ** 20, maxOutputBytes = 2 ** 19 } = {},
) {
  const files = new FileStore(maxBytes);
  const ask = async (request: Request, asker: BatchOwner) => {
    const { id } = (await request.json()) as { id: number };
    const [status, body] = await answer({ ...asker, id, signal: request.signal });
    return new Response(JSON.stringify(body), { status });
  };
  const batches = new Batches({ files, ask, maxOutputBytes, ending: new AbortController().signal });
  const create = (owner: string, count: number, maxConcurrent?: number) => {
    const { id: input_file_id } = files.add(owner, "in.jsonl", "batch", bytesOf(linesOf(count)));
    return batches.create({ owner, maxConcurrent }, { endpoint, input_file_id, metadata: null });
  };
  const ended = async (owner: string, id: string) => {
    for (let asked = 0; asked < 20_000; asked++) {
      const batch = batches.get(owner, id);
      if (["completed", "failed", "cancelled"].includes(batch.status)) return batch;
      await turn();
    }
    throw new Error("the batch did not end");
  };
  const written = (owner: string, id: string | undefined) =>
    id === undefined ? [] : new TextDecoder().decode(files.get(owner, id).bytes).trimEnd().split("\n");
  return { files, batches, create, ended, written };
}

/** Until the request is ended. */
const never = ({ signal }: Asked) =>
  new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason));
  });

describe("batches of several keys", () => {
  it("take turns at each request", async () => {
    const order: string[] = [];
    const { create, ended } = batchesWith(async ({ owner }) => {
      order.push(owner);
      await turn();
      return [200, {}];
    });
    const large = create("alice", 200);
    const small = create("bob", 10);
    await ended("bob", small.id);
    expect(order.lastIndexOf("bob")).toBeLessThan(60);
    expect((await ended("alice", large.id)).request_counts).toEqual({ total: 200, completed: 200, failed: 0 });
  });

  it("have no more turns at once than the key may have answers", async () => {
    let [running, most] = [0, 0];
    const { create, ended } = batchesWith(async () => {
      most = Math.max(most, ++running);
      await turn();
      running--;
      return [200, {}];
    });
    await ended("alice", create("alice", 30, 3).id);
    expect(most).toBe(3);
  });
});

describe("answers that are there", () => {
  it("are kept where the rest has no room, which is counted in bytes; what is being answered ends", async () => {
    let ending = 0;
    const { create, ended, written } = batchesWith(
      async (asked) => {
        if (asked.id < 6) return [200, "寺".repeat(200)];
        return never(asked).finally(() => ending++);
      },
      { maxOutputBytes: 3000 },
    );
    const batch = await ended("alice", create("alice", 20).id);
    expect(batch).toMatchObject({ status: "failed", errors: { data: [{ code: "too_large" }] } });
    expect(batch.request_counts.completed).toBe(4); // of some 700 bytes
    expect(written("alice", batch.output_file_id)).toHaveLength(4);
    expect(ending).toBeGreaterThan(0);
  });

  it("of a key that holds less continue", async () => {
    const { create, ended } = batchesWith(
      async ({ owner }) => {
        await turn();
        return [200, "x".repeat(owner === "alice" ? 1000 : 10)];
      },
      { maxOutputBytes: 10_000 },
    );
    const [large, small] = [create("alice", 40), create("bob", 40)];
    const all = [await ended("alice", large.id), await ended("bob", small.id)];
    expect(all.map(({ status }) => status)).toEqual(["failed", "completed"]);
  });

  it("and failures are both kept, and others make room", async () => {
    const { files, create, ended, written } = batchesWith(
      async ({ id }) => (id === 0 ? [200, "a".repeat(800)] : [400, "b".repeat(800)]),
      { maxBytes: 4000, maxOutputBytes: 2000 },
    );
    for (const owner of ["bob", "carol", "dave"]) files.add(owner, "a.jsonl", "batch", new Uint8Array(770));
    const { output_file_id, error_file_id } = await ended("alice", create("alice", 2).id);
    expect([output_file_id, error_file_id].map((id) => written("alice", id).length)).toEqual([1, 1]);
  });

  it.each<[string, string, (asked: Asked, files: FileStore) => void]>([
    ["its key is removed", "unauthorized", () => {}],
    [
      "its file is deleted",
      "not_found",
      ({ owner }, files) => {
        for (const { id } of files.list(owner)) files.remove(owner, id);
      },
    ],
  ])("are kept when %s meanwhile", async (_, code, happens) => {
    const { files, create, ended, written } = batchesWith(async (asked) => {
      await turn();
      if (asked.id < 3) return [200, {}];
      happens(asked, files);
      return code === "unauthorized" ? [401, {}] : [200, {}];
    });
    const batch = await ended("alice", create("alice", 30).id);
    expect(batch).toMatchObject({ status: "failed", errors: { data: [{ code }] } });
    expect(batch.request_counts.completed).toBeGreaterThanOrEqual(3);
    expect(written("alice", batch.output_file_id)).toHaveLength(batch.request_counts.completed);
  });
});

it("an input is checked in slices, between which others have their turn", async () => {
  const input = bytesOf(linesOf(5000));
  let turns = 0;
  let isChecked = false;
  const count = async () => {
    for (; !isChecked; turns++) await turn();
  };
  const counting = count();
  expect(await checkBatchLines(() => input, endpoint)).toEqual({ total: 5000, problems: [] });
  isChecked = true;
  await counting;
  expect(turns).toBeGreaterThan(input.length / 2 ** 17);
});

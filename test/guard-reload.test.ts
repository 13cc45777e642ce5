/** Policies that change under load: every request is under one whole policy, from its first check to its last. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { until } from "../src/core/base/until.testkit.js";
import { Guards } from "../src/guardrails/index.js";
import { temporaryFolder } from "./support/folders.js";
import { embeddingWitness, witness } from "./support/guards.js";
import { startServer } from "./support/server.js";

/** Four guards, named by their policy: a request that has seen them all has seen this policy, and no other. */
const policyOf = (letter: string) => {
  const names = ["1", "2", "3", "4"].map((n) => `${letter}${n}`);
  const guards = Object.fromEntries(names.map((name) => [name, { type: "words", lists: [], allow: [name] }]));
  return JSON.stringify({ guards, audit: { file: "audit.jsonl" } }, null, 1);
};
const [a, b] = [policyOf("a"), policyOf("b")] as const;

interface Told {
  readonly ocellus: { readonly guards: readonly { readonly name: string; readonly stage: string }[] };
}

it("no request sees half a policy, and a broken file changes nothing and says its line", async () => {
  const folder = temporaryFolder();
  const path = join(folder, "policy.json");
  const put = (text: string) => {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  };
  put(a);
  const problems: string[] = [];
  const guards = await Guards.open(path, { refreshMs: 5, onProblem: (problem) => problems.push(problem) });
  const model = witness();
  model.generate = async function* (prepared) {
    for await (const event of witness().generate(prepared)) {
      await sleep(15); // the policy changes between question and answer
      yield event;
    }
  };
  const embedder = embeddingWitness();
  const embedText = async (text: string) => {
    await sleep(15);
    return embedder.embedText(text);
  };
  const server = await startServer({ model }, { maxQueue: 1000 }, { guards });
  server.pool.add("clip", { ...embedder, embedText });

  let isOver = false;
  const seen = new Map<string, number>();
  const ask = async (route: string, body: object, stages: number) => {
    while (!isOver) {
      const response = await server.post(route, body);
      expect(response.status).toBe(200);
      const { guards: reports } = ((await response.json()) as Told).ocellus;
      const letters = new Set(reports.map(({ name }) => name[0]));
      expect([...letters], JSON.stringify(reports)).toHaveLength(1);
      expect(reports).toHaveLength(4 * stages);
      const [letter] = letters;
      seen.set(letter!, (seen.get(letter!) ?? 0) + 1);
    }
  };
  const messages = [{ role: "user", content: "hi" }];
  const load = [
    ...[1, 2, 3, 4].map(() => ask("/v1/chat/completions", { messages }, 2)),
    ...[1, 2].map(() => ask("/v1/embeddings", { input: ["one", "two", "three", "four"] }, 1)),
  ];
  for (let round = 0; round < 20; round++) {
    const [before, text] = round % 2 === 0 ? [guards.policy.version, b] : [guards.policy.version, a];
    // As an editor writes it in place, in two pieces: what is there between them is no policy.
    const half = Math.floor((text.length * (round + 1)) / 22);
    writeFileSync(path, text.slice(0, half));
    await until(() => expect(guards.state().problem).toBeDefined());
    expect(guards.state().problem).toMatch(/policy\.json:\d+: not JSON/);
    expect(guards.policy.version, "the one before stays").toBe(before);
    put(text);
    await until(() => expect(guards.policy.version).not.toBe(before));
    expect(guards.state().problem).toBeUndefined();
    await sleep(20);
  }
  isOver = true;
  await Promise.all(load);
  await server.close();
  await guards.close();
  expect(problems.length).toBeGreaterThanOrEqual(20);
  expect(problems[0]).toMatch(/^the changed policy is not in force: .*policy\.json:\d+: not JSON/);
  expect(Math.min(seen.get("a") ?? 0, seen.get("b") ?? 0), "both were in force").toBeGreaterThan(10);
  const policies = new Map<string, Set<string>>();
  for (const line of readFileSync(join(folder, "audit.jsonl"), "utf8").trimEnd().split("\n")) {
    const { request, policy } = JSON.parse(line) as { request: string; policy: string };
    policies.set(request, (policies.get(request) ?? new Set()).add(policy));
  }
  expect([...policies.values()].every(({ size }) => size === 1)).toBe(true);
});

import { expect, it } from "vitest";
import { until } from "../core/base/until.testkit.js";
import type { EngineClient } from "./client.js";
import { PinnedEngine } from "./pinned.js";

it("asks again for a connection that was opened while it asked, and waits for the answer to that", async () => {
  const engine = { numConnections: 1, version: "1" };
  const questions: ((error?: unknown) => void)[] = [];
  const reported = () => {
    const { version } = engine; // as it was when it was asked
    return new Promise((resolve) => questions.push(() => resolve({ version })));
  };
  const client = { name: "gpu", reported } as unknown as EngineClient;
  Object.defineProperty(client, "numConnections", { get: () => engine.numConnections });
  const pinned = new PinnedEngine(client, { version: "1" });
  const first = pinned.confirm();
  Object.assign(engine, { numConnections: 2, version: "2" }); // started again, and another request is sent to it
  const second = pinned.confirm();
  questions[0]!();
  await first;
  await until(() => expect(questions.length).toBe(2));
  questions[1]!();
  await expect(second).rejects.toMatchObject({ code: "unavailable", details: { fault: "identity" } });
});

it("asks nothing while no connection is new", async () => {
  let asked = 0;
  const reported = async () => {
    asked++;
    return { version: "1" };
  };
  const client = { name: "gpu", numConnections: 3, reported };
  const pinned = new PinnedEngine(client as unknown as EngineClient, { version: "1" });
  for (let i = 0; i < 3; i++) await pinned.confirm();
  expect(asked).toBe(1);
});

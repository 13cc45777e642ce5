/** Server processes on one database follow every change, agree, share one analysis, and may be killed at any moment. */
import { createServer } from "node:http";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { until } from "../../src/core/base/until.testkit.js";
import { replay, rollBack, startCanary } from "../../src/rollout/index.js";
import { noPostgres, startPostgres, type TestPostgres } from "../../src/rollout/postgres.testkit.js";
import { temporaryFolder } from "../support/folders.js";
import type { ServeProcess } from "../support/serve-process.js";
import { adminState, command, type SharedRegistry, sharedRegistry, versionFor } from "../support/several-servers.js";

let postgres: TestPostgres | undefined;
beforeAll(async () => {
  if (!noPostgres) postgres = await startPostgres();
});
afterAll(() => postgres?.stop());

const databases = [
  { name: "SQLite", missing: false, databaseUrl: async () => undefined },
  { name: "PostgreSQL", missing: noPostgres, databaseUrl: () => postgres!.freshDatabase() },
];
const timeout = 240_000;
const users = Array.from({ length: 12 }, (_, i) => `user ${i}`);

/** Somebody who is told of decisions. */
async function receiver() {
  const decisions: { kind: string; text: string }[] = [];
  const server = createServer(async (request, response) => {
    decisions.push(JSON.parse(Buffer.concat(await request.toArray()).toString()));
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
  });
  const { port } = server.address() as { port: number };
  return { url: `http://127.0.0.1:${port}`, decisions };
}

for (const { name, missing, databaseUrl } of databases) {
  describe.skipIf(missing)(`servers on ${name}`, () => {
    const folder = temporaryFolder();
    const running: ServeProcess[] = [];
    let shared: SharedRegistry;
    const serve = async (...args: string[]) => {
      const server = await shared.serve(...args);
      running.push(server);
      return server;
    };
    const versionsAt = (server: ServeProcess) => Promise.all(users.map((user) => versionFor(server, user)));
    /** All have the newest entry, and serve it. */
    const untilAllFollow = (servers: readonly ServeProcess[]) =>
      until(async () => {
        const { seq } = await shared.registry.refresh();
        for (const server of servers)
          expect(await adminState(server)).toMatchObject({ seq, aliases: [{ is_in_force: true }] });
      });

    beforeAll(async () => {
      shared = await sharedRegistry(join(folder, name), await databaseUrl());
    }, timeout);
    afterEach(async () => {
      for (const server of running.splice(0)) await server.stop("SIGKILL");
    });
    afterAll(() => shared?.registry.close());

    it("follow each other and the command line, and agree on who gets what", { timeout }, async () => {
      const { url, decisions } = await receiver();
      const [a, b] = await Promise.all([serve("--webhook-url", url), serve("--webhook-url", url)]);
      expect(await command(a, "deploy", { version: "v2" })).toBe(200);
      await untilAllFollow([a, b]);
      for (const server of [a, b]) expect(await versionsAt(server)).toEqual(users.map(() => "v2"));
      await shared.registry.run("test", startCanary("prod", "v1", { steps: [0.5], analysis: false }));
      await untilAllFollow([a, b]);
      const split = await versionsAt(a);
      expect(new Set(split)).toEqual(new Set(["v1", "v2"]));
      expect(await versionsAt(b)).toEqual(split);
      expect(await command(b, "promote")).toBe(200);
      await untilAllFollow([a, b]);
      for (const server of [a, b]) expect(await versionsAt(server)).toEqual(users.map(() => "v1"));
      await until(() => expect(decisions).toHaveLength(3));
      expect(decisions.map(({ kind }) => kind)).toEqual(["deployed", "canary_started", "promoted"]);
      expect(decisions[2]!.text).toBe("prod serves v1, promoted");
    });

    it("share one analysis, whose evidence outlives any of them", { timeout }, async () => {
      const [a, b] = await Promise.all([serve(), serve()]);
      await shared.registry.run("test", startCanary("prod", "v2", { steps: [0.5], analysis: true }));
      await untilAllFollow([a, b]);
      const untilSeen = (servers: readonly ServeProcess[], count: number) =>
        until(async () => {
          for (const server of servers) {
            const { error } = (await adminState(server)).aliases[0]!.canary?.verdict?.figures ?? {};
            expect((error?.num_canary ?? 0) + (error?.num_stable ?? 0)).toBe(count);
          }
        });
      await versionsAt(a);
      await versionsAt(b);
      await untilSeen([a, b], 24);
      await a.stop("SIGKILL");
      const again = await serve();
      await untilSeen([again, b], 24);
      await versionsAt(again);
      await untilSeen([again, b], 36);
      await shared.registry.run("test", rollBack("prod"));
    });

    it("are killed in the middle of commands, and the next one starts with what was acknowledged", {
      timeout,
    }, async () => {
      let [a, b] = await Promise.all([serve(), serve()]);
      for (let kill = 0; kill < 2; kill++) {
        const { seq, aliases } = await shared.registry.refresh();
        const version = aliases.get("prod")!.tag === "v1" ? "v2" : "v1";
        const commands = [["canary", { version }], ["pause"], [kill % 2 ? "rollback" : "promote"]] as const;
        let numAcknowledged = 0;
        const asking = (async () => {
          for (const [name, body] of commands) {
            if ((await command(a, name, body).catch(() => 0)) !== 200) return;
            numAcknowledged++;
          }
        })();
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 60));
        await a.stop("SIGKILL");
        await asking;
        a = await serve();
        await untilAllFollow([a, b]);
        const history = await shared.registry.history();
        expect(replay(history)).toEqual(shared.registry.state);
        const kinds = history.slice(seq).map(({ event }) => event.kind);
        const wanted = ["canary_started", "paused", kill % 2 ? "rolled_back" : "promoted"];
        expect(kinds).toEqual(wanted.slice(0, kinds.length));
        expect([0, 1]).toContain(kinds.length - numAcknowledged); // what was on its way may have happened
        expect((await adminState(a)).aliases).toEqual((await adminState(b)).aliases);
        expect(await versionsAt(a)).toEqual(await versionsAt(b));
        if (shared.registry.state.aliases.get("prod")!.canary) await shared.registry.run("test", rollBack("prod"));
      }
    });
  });
}

/** One journal, many writers and readers: on SQLite and, where it is installed, PostgreSQL, through the same queries. */

import { sql } from "kysely";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ocellusError } from "../core/base/ocellus-error.testkit.js";
import { until } from "../core/base/until.testkit.js";
import { deploy, publishVersion, type RegistryCommand, rollBack } from "./commands.js";
import { openDatabase } from "./open-database.js";
import { noPostgres, startPostgres, type TestPostgres } from "./postgres.testkit.js";
import { manifestOf, openRegistry, temporaryFolder } from "./registry.testkit.js";
import type { RegistryState } from "./state.js";

let postgres: TestPostgres | undefined;
beforeAll(async () => {
  if (!noPostgres) postgres = await startPostgres();
});
afterAll(() => postgres?.stop());

const databases = [
  { name: "SQLite", missing: false, databaseUrl: async () => undefined },
  { name: "PostgreSQL", missing: noPostgres, databaseUrl: () => postgres!.freshDatabase() },
];

for (const { name, missing, databaseUrl } of databases) {
  describe.skipIf(missing)(`a journal in ${name}`, () => {
    /** Each with its own connection, as processes have. */
    async function openSeveral(count: number) {
      const shared = { folder: await temporaryFolder(), databaseUrl: await databaseUrl() };
      return Promise.all(Array.from({ length: count }, () => openRegistry(shared)));
    }

    it("puts fifty commands at once into one order, and everybody reads the same state", async () => {
      const registries = await openSeveral(3);
      const commands = Array.from({ length: 50 }, (_, i) => publishVersion(manifestOf(`v${i % 40}`)));
      await Promise.all(commands.map((command, i) => registries[i % 3]!.run(`user ${i}`, command)));
      const states = await Promise.all(registries.map((registry) => registry.refresh()));
      expect(states[0]!.seq).toBe(40); // ten came second and changed nothing
      expect(states[0]!.versions.size).toBe(40);
      expect(states).toEqual([states[0], states[0], states[0]]);
      const history = await registries[0]!.history();
      expect(history.map((entry) => entry.seq)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    });

    it("judges a command that lost a race by the newer state", async () => {
      const [a, b] = (await openSeveral(2)) as [Registry, Registry];
      for (const tag of ["v1", "v2"]) await a.run("x", publishVersion(manifestOf(tag)));
      await a.run("x", deploy("prod", "v1"));
      await a.run("x", deploy("prod", "v2"));
      const results = await Promise.allSettled([a.run("x", rollBack("prod")), b.run("y", rollBack("prod"))]);
      expect(results.map((result) => result.status).sort()).toEqual(["fulfilled", "rejected"]);
      expect((await a.refresh()).aliases.get("prod")!.tag).toBe("v1");
    });

    it("tells the others without being asked", async () => {
      const [a, b] = (await openSeveral(2)) as [Registry, Registry];
      const seen: RegistryState[] = [];
      await b.follow(
        (state) => seen.push(state),
        (error) => expect.unreachable(String(error)),
      );
      await a.run("x", publishVersion(manifestOf("v1")));
      await until(() => expect(seen.at(-1)?.versions.has("v1")).toBe(true));
    });

    it("takes nothing that it would not understand later", async () => {
      const [registry] = (await openSeveral(1)) as [Registry];
      const nonsense: RegistryCommand = () => [{ kind: "deployed", alias: "no good", tag: "v1" }];
      await expect(registry.run("x", nonsense)).rejects.toThrow(ocellusError("invalid_request", { field: "alias" }));
      expect(await registry.history()).toEqual([]);
    });

    it("has what each server says of an alias now, until the server ends", async () => {
      const [a, b] = (await openSeveral(2)) as [Registry, Registry];
      const report = { server: "box:1", alias: "prod", seq: 3, state: "loading", detail: "v2 is loaded" } as const;
      await a.reports.put(report);
      await a.reports.put({ ...report, server: "box:2" });
      const served = { ...report, seq: 4, state: "serving", detail: "v2 was loaded" } as const;
      await a.reports.put(served);
      expect(await b.reports.read()).toEqual([served, { ...report, server: "box:2" }]);
      await a.reports.forget("box:2");
      expect(await b.reports.read()).toEqual([served]);
    });

    it("keeps what it has over a new start", async () => {
      const folder = await temporaryFolder();
      const shared = { folder, databaseUrl: await databaseUrl() };
      const first = await openRegistry(shared);
      const state = await first.run("x", publishVersion(manifestOf("v1")));
      await first.close();
      expect((await openRegistry(shared)).state).toEqual(state);
    });
  });
}

describe.skipIf(noPostgres)("a broken connection", () => {
  it("is opened again, and listened to", async () => {
    const databaseUrl = await postgres!.freshDatabase();
    const shared = { folder: await temporaryFolder(), databaseUrl };
    const [a, b] = [await openRegistry(shared), await openRegistry(shared)];
    const listening = async () => {
      const client = new pg.Client({ connectionString: databaseUrl });
      await client.connect();
      const found = await client.query("select pid from pg_stat_activity where query = 'listen ocellus_journal'");
      await client.end();
      return found.rows.map(({ pid }) => pid);
    };
    await b.follow(
      () => {},
      () => {},
    );
    const [before] = await listening();
    await postgres!.breakConnections(databaseUrl);
    const another = expect.toSatisfy((pid) => pid !== before);
    await until(async () => expect(await listening()).toEqual([another]));
    await a.run("x", publishVersion(manifestOf("v1")));
    await until(() => expect(b.state.versions.has("v1")).toBe(true));
  });

  it("ends a transaction whose connection breaks between two queries, and not the process", async () => {
    const url = await postgres!.freshDatabase();
    const { db, close } = await openDatabase(url);
    const broken = db.transaction().execute(async (transaction) => {
      await sql`select 1`.execute(transaction);
      await postgres!.breakConnections(url);
      await new Promise((heard) => setTimeout(heard, 100)); // without a listener that would end this process
      await sql`select 1`.execute(transaction);
    });
    await expect(broken).rejects.toThrow(Error);
    expect((await sql`select 1 as one`.execute(db)).rows).toEqual([{ one: 1 }]);
    await close();
  });
});

type Registry = Awaited<ReturnType<typeof openRegistry>>;

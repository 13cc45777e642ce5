/** Rollbacks while the journal cannot be written: a trigger in the database refuses entries as a full disk does. */
import { join } from "node:path";
import Database from "libsql";
import { expect, it } from "vitest";
import { deploy, publishVersion, rollBack } from "./commands.js";
import type { PendingRollbackChange } from "./pending-rollbacks.js";
import { manifestOf, openRegistry, temporaryFolder } from "./registry.testkit.js";

/** `prod` served v1, v2 and serves v3; `fail` and `heal` are the disk's. */
async function served() {
  const folder = await temporaryFolder();
  const told: PendingRollbackChange["kind"][] = [];
  const [server, other] = [
    await openRegistry({ folder, onPendingRollback: ({ kind }) => void told.push(kind) }),
    await openRegistry({ folder }),
  ];
  for (const tag of ["v1", "v2", "v3"]) {
    await other.run("test", publishVersion(manifestOf(tag)));
    await other.run("test", deploy("prod", tag));
  }
  const database = new Database(join(folder, "registry.db"));
  const fail = () =>
    void database.exec("create trigger full before insert on journal begin select raise(abort, 'disk is full'); end");
  const heal = () => void database.exec("drop trigger full");
  const tag = () => server.state.aliases.get("prod")!.tag;
  await server.refresh();
  return { server, other, told, fail, heal, tag };
}

const kinds = async (registry: Awaited<ReturnType<typeof served>>["server"]) =>
  (await registry.history(6)).map(({ actor, event }) => [actor, event.kind, "to" in event ? event.to : undefined]);

it("are in force in a server, written when that is possible, each of them, and before any other command", async () => {
  const { server, other, told, fail, heal, tag } = await served();
  fail();
  await server.run("alice", rollBack("prod"));
  const [first] = [server.state.aliases.get("prod")];
  await server.refresh();
  expect([tag(), server.held, server.state.aliases.get("prod") === first]).toEqual(["v2", ["prod"], true]);
  await server.run("bob", rollBack("prod"));
  expect([tag(), told, await kinds(server)]).toEqual(["v1", ["held", "held"], []]);
  await expect(server.run("alice", deploy("prod", "v3"))).rejects.toMatchObject({ code: "io" });
  await expect(server.run("alice", rollBack("prod"))).rejects.toMatchObject({ code: "invalid_request" });
  heal();
  await server.run("alice", deploy("test", "v3"));
  expect([tag(), server.held, told]).toEqual(["v1", [], ["held", "held", "written"]]);
  const written = [
    ["alice", "rolled_back", "v2"],
    ["bob", "rolled_back", "v1"],
    ["alice", "deployed", undefined],
  ];
  expect(await kinds(server)).toEqual(written);
  expect((await other.refresh()).aliases.get("prod")).toEqual(server.state.aliases.get("prod"));
});

it("give way to what was written about the alias meanwhile", async () => {
  const { server, other, told, fail, heal, tag } = await served();
  fail();
  await server.run("alice", rollBack("prod"));
  heal();
  await other.run("bob", rollBack("prod"));
  await other.run("bob", deploy("prod", "v3"));
  await server.refresh();
  expect([tag(), server.held, told]).toEqual(["v3", [], ["held", "overruled"]]);
  await server.run("alice", deploy("test", "v3"));
  expect((await kinds(server)).map(([, kind]) => kind)).toEqual(["rolled_back", "deployed", "deployed"]);
});

it("are forgotten as lost when the process ends, and refused where none are held: by commands", async () => {
  const { server, other, told, fail } = await served();
  fail();
  await expect(other.run("carol", rollBack("prod"))).rejects.toMatchObject({ code: "io" });
  expect(other.state.aliases.get("prod")!.tag).toBe("v3");
  await server.run("alice", rollBack("prod"));
  await server.close();
  expect([told, await kinds(other)]).toEqual([["held", "lost"], []]);
});

it("clocks that jump leave the history in its order, each time as it was written", async () => {
  const times = [3000, 1000, 2000, 500, 2500];
  const registry = await openRegistry({ now: () => times[registry.state.seq]! });
  for (const tag of ["v1", "v2"]) await registry.run("test", publishVersion(manifestOf(tag)));
  for (const tag of ["v1", "v2"]) await registry.run("test", deploy("prod", tag));
  await registry.run("test", rollBack("prod"));
  const history = await registry.history();
  expect(history.map(({ seq, at }) => [seq, at])).toEqual(times.map((at, i) => [i + 1, at]));
  expect(registry.state.aliases.get("prod")).toMatchObject({ tag: "v1", since: 2500 });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OcellusError } from "../core/base/index.js";
import { ocellusError } from "../core/base/ocellus-error.testkit.js";
import { pause, promote, resume, setShare, startCanary } from "./canary-commands.js";
import {
  deploy,
  endShadow,
  noteComparison,
  publishVersion,
  type RegistryCommand,
  removeVersion,
  rollBack,
  startShadow,
} from "./commands.js";
import type { JournalEntry } from "./events.js";
import { manifestOf } from "./registry.testkit.js";
import { resolveName, splitPoint } from "./resolve.js";
import { apply, emptyState, type RegistryState, replay, tagsInUse } from "./state.js";

/** Runs commands in order; those that are refused change nothing. */
function runAll(commands: readonly RegistryCommand[]): { state: RegistryState; journal: JournalEntry[] } {
  let state = emptyState;
  const journal: JournalEntry[] = [];
  for (const command of commands) {
    for (const event of unlessRefused(command, state)) {
      const entry = { seq: state.seq + 1, at: journal.length, actor: "alice", event };
      state = apply(state, entry);
      journal.push(entry);
    }
  }
  return { state, journal };
}

function unlessRefused(command: RegistryCommand, state: RegistryState) {
  try {
    return command(state);
  } catch (error) {
    if (error instanceof OcellusError) return [];
    throw error;
  }
}

const comparison = {
  ...{ served: "v1", numPairs: 4, numExact: 2, numFailed: 1, numDropped: 3, similarity: 0.7, sameUntil: 0.6 },
  ...{ numWords: { served: 5, mirrored: 6 }, firstTokenMs: { served: 20, mirrored: 30 } },
};
const plan = { steps: [0.05, 0.25, 1], analysis: false };
const tag = fc.constantFrom("v1", "v2", "v3", "both");
const alias = fc.constantFrom("prod", "both");
const command: fc.Arbitrary<RegistryCommand> = fc.oneof(
  { weight: 3, arbitrary: tag.map((t) => publishVersion(manifestOf(t))) },
  tag.map((t) => removeVersion(t)),
  { weight: 2, arbitrary: fc.tuple(alias, tag).map(([a, t]) => deploy(a, t)) },
  { weight: 2, arbitrary: fc.tuple(alias, tag).map(([a, t]) => startCanary(a, t, plan)) },
  fc.tuple(alias, fc.constantFrom(0.1, 0.5, 1)).map(([a, share]) => setShare(a, share)),
  alias.map((a) => pause(a)),
  alias.map((a) => resume(a)),
  alias.map((a) => promote(a)),
  alias.map((a) => rollBack(a)),
  fc.tuple(alias, tag, fc.constantFrom(0.5, 1)).map(([a, t, share]) => startShadow(a, t, share)),
  fc.tuple(alias, tag).map(([a, t]) => noteComparison(a, t, comparison)),
  alias.map((a) => endShadow(a)),
);
const commands = fc.array(command, { maxLength: 60 });

describe("the journal and the state", () => {
  it("are two spellings of one thing: replaying gives the state, from any point on", () => {
    fc.assert(
      fc.property(commands, fc.nat(), (list, cut) => {
        const { state, journal } = runAll(list);
        expect(replay(journal)).toEqual(state);
        const at = journal.length === 0 ? 0 : cut % journal.length;
        expect(replay(journal.slice(at), replay(journal.slice(0, at)))).toEqual(state);
        expect(replay(JSON.parse(JSON.stringify(journal)))).toEqual(state);
      }),
    );
  });

  it("never points at a version that is not there, and keeps what a way back needs", () => {
    fc.assert(
      fc.property(commands, (list) => {
        const { state } = runAll(list);
        for (const used of tagsInUse(state).keys()) expect([...state.versions.keys()]).toContain(used);
        for (const { tag: served, canary, previous } of state.aliases.values()) {
          expect(canary?.tag).not.toBe(served);
          expect(previous).not.toContain(served);
        }
      }),
    );
  });

  it("never gives a name two meanings: what is an alias is no version's tag, and never was", () => {
    fc.assert(
      fc.property(commands, (list) => {
        const { aliases, versions, retired } = runAll(list).state;
        for (const name of aliases.keys()) expect(versions.has(name) || retired.has(name)).toBe(false);
      }),
    );
  });

  it("lets an alias be deployed to whose name a version has taken, in a journal of an earlier release", () => {
    const entry = (seq: number, event: JournalEntry["event"]) => ({ seq, at: 0, actor: "a", event });
    const { state } = runAll([
      publishVersion(manifestOf("v1")),
      deploy("prod", "v1"),
      publishVersion(manifestOf("v2")),
    ]);
    const old = apply(state, entry(4, { kind: "published", manifest: manifestOf("prod") }));
    expect(deploy("prod", "v2")(old)).toEqual([{ kind: "deployed", alias: "prod", tag: "v2" }]);
  });

  it("refuses a journal with a hole", () => {
    const entry: JournalEntry = { seq: 2, at: 0, actor: "a", event: { kind: "published", manifest: manifestOf("v1") } };
    expect(() => replay([entry])).toThrow(ocellusError("internal", { expected: 1, found: 2 }));
  });
});

describe("commands", () => {
  const start = [publishVersion(manifestOf("v1")), publishVersion(manifestOf("v2")), deploy("prod", "v1")];
  const after = (...more: RegistryCommand[]) => runAll([...start, ...more]).state;

  it("publish a tag once: the same bytes again change nothing, others are refused, also after its removal", () => {
    const state = after();
    expect(publishVersion({ ...manifestOf("v1"), createdBy: "bob" })(state)).toEqual([]);
    expect(() => publishVersion(manifestOf("v1", "other"))(state)).toThrow(
      ocellusError("invalid_request", { tag: "v1", digest: expect.any(String) }),
    );
    const removed = after(removeVersion("v2"));
    expect(() => publishVersion(manifestOf("v2"))(removed)).toThrow(
      ocellusError("invalid_request", { tag: "v2", retired: true }),
    );
  });

  it("roll a canary back to what everybody else has, and without one to the version before", () => {
    const canary = after(startCanary("prod", "v2", plan));
    expect(resolveName(apply(canary, entryOf(canary, rollBack("prod"))), "prod", "x")?.tag).toBe("v1");
    const promoted = after(startCanary("prod", "v2", plan), promote("prod"));
    expect(promoted.aliases.get("prod")).toMatchObject({ tag: "v2", previous: ["v1"], canary: undefined });
    const back = after(startCanary("prod", "v2", plan), promote("prod"), rollBack("prod"));
    expect(back.aliases.get("prod")).toMatchObject({ tag: "v1", previous: [] });
    expect(() => rollBack("prod")(back)).toThrow(ocellusError("invalid_request", { alias: "prod", previous: [] }));
  });

  it("remember that a way back was tried and turned back, until it serves again", () => {
    const turned = [deploy("prod", "v2"), startCanary("prod", "v1", plan), rollBack("prod")];
    expect(after(...turned).aliases.get("prod")).toMatchObject({ tag: "v2", previous: ["v1"], turnedBack: ["v1"] });
    expect(after(...turned, rollBack("prod")).aliases.get("prod")).toMatchObject({ tag: "v1", turnedBack: [] });
    expect(after(...turned, deploy("prod", "v1")).aliases.get("prod")).toMatchObject({ tag: "v1", turnedBack: [] });
  });

  it("say what is in the way, and what to do", () => {
    const state = after(startCanary("prod", "v2", plan));
    expect(() => deploy("prod", "v2")(state)).toThrow(ocellusError("invalid_request", { alias: "prod", canary: "v2" }));
    expect(() => startCanary("prod", "v2", plan)(state)).toThrow(
      ocellusError("invalid_request", { alias: "prod", canary: "v2" }),
    );
    expect(() => removeVersion("v2")(state)).toThrow(
      ocellusError("invalid_request", { tag: "v2", alias: "prod", use: "canary" }),
    );
    expect(() => removeVersion("v1")(state)).toThrow(
      ocellusError("invalid_request", { tag: "v1", alias: "prod", use: "serves" }),
    );
    expect(() => startCanary("prod", "v1", plan)(after())).toThrow(
      ocellusError("invalid_request", { alias: "prod", tag: "v1", use: "serves" }),
    );
    expect(() => startCanary("prod", "v2", { steps: [0.5, 0.2], analysis: false })(after())).toThrow(
      ocellusError("invalid_request", { field: "steps", found: [0.5, 0.2] }),
    );
    expect(() => deploy("prod", "v11")(state)).toThrow(
      ocellusError("not_found", { tag: "v11", nearest: expect.arrayContaining(["v1"]) }),
    );
    expect(() => promote("prot")(state)).toThrow(ocellusError("not_found", { alias: "prot", nearest: ["prod"] }));
    expect(() => deploy("v2", "v1")(state)).toThrow(ocellusError("invalid_request", { alias: "v2", tag: "v2" }));
  });
});

describe("a shadow", () => {
  const start = [publishVersion(manifestOf("v1")), publishVersion(manifestOf("v2")), deploy("prod", "v1")];
  const after = (...more: RegistryCommand[]) => runAll([...start, ...more]);

  it("has a share that can be changed, and ends with it", () => {
    expect(after(startShadow("prod", "v2")).state.aliases.get("prod")).toMatchObject({ shadow: "v2" });
    const { state, journal } = after(
      startShadow("prod", "v2", 0.2),
      startShadow("prod", "v2", 0.2),
      startShadow("prod", "v2"),
    );
    expect(state.aliases.get("prod")).toMatchObject({ shadow: "v2", shadowShare: undefined });
    expect(journal.map(({ event }) => event.kind).slice(3)).toEqual(["shadow_started", "shadow_started"]);
    const ended = after(startShadow("prod", "v2", 0.2), endShadow("prod")).state;
    expect(ended.aliases.get("prod")).toMatchObject({ shadow: undefined, shadowShare: undefined });
  });

  it("leaves its newest figures behind, as long as the version is there", () => {
    const noted = noteComparison("prod", "v2", comparison);
    const { state } = after(
      startShadow("prod", "v2"),
      noted,
      noteComparison("prod", "v2", { ...comparison, numPairs: 9 }),
    );
    expect(state.comparisons.get("v2")).toEqual({ ...comparison, numPairs: 9 });
    expect(after(endShadow("prod"), removeVersion("v2"), noted).state.comparisons.size).toBe(0);
  });
});

function entryOf(state: RegistryState, command: RegistryCommand): JournalEntry {
  return { seq: state.seq + 1, at: 0, actor: "a", event: command(state)[0]! };
}

describe("the split", () => {
  const canaryAt = (share: number) =>
    runAll([
      publishVersion(manifestOf("v1")),
      publishVersion(manifestOf("v2")),
      deploy("prod", "v1"),
      startCanary("prod", "v2", { steps: [0.05], analysis: false }),
      setShare("prod", share),
    ]).state;

  it("is sticky, and a share that grows keeps everybody it had", () => {
    fc.assert(
      fc.property(fc.string(), (unit) => {
        const roles = [0.05, 0.25, 0.5, 1].map((share) => resolveName(canaryAt(share), "prod", unit)!.role);
        expect(roles.join()).toMatch(/^(stable,?)*(canary,?)*$/);
        expect(roles.at(-1)).toBe("canary");
        expect(resolveName(canaryAt(0.25), "prod", unit)).toEqual(resolveName(canaryAt(0.25), "prod", unit));
      }),
    );
  });

  it("gives a share within its binomial bounds: 20,000 users, five standard deviations", () => {
    const numUsers = 20_000;
    for (const share of [0.01, 0.05, 0.25, 0.5]) {
      for (let canary = 1; canary <= 5; canary++) {
        let inside = 0;
        for (let user = 0; user < numUsers; user++)
          inside += splitPoint("prod", canary, `user-${user}`) < share ? 1 : 0;
        const deviation = Math.sqrt(numUsers * share * (1 - share));
        expect(Math.abs(inside - numUsers * share)).toBeLessThan(5 * deviation);
      }
    }
  });

  it("draws again for each canary: not always the same users try what is new", () => {
    const both = Array.from({ length: 10_000 }, (_, user) =>
      [7, 8].every((seq) => splitPoint("prod", seq, `${user}`) < 0.1),
    ).filter(Boolean).length;
    expect(both).toBeGreaterThan(50); // a tenth of a tenth: 100
    expect(both).toBeLessThan(150);
  });

  it("knows a version by its tag and nothing by another name", () => {
    expect(resolveName(canaryAt(0.5), "v2", "u")).toMatchObject({ tag: "v2", role: "named" });
    expect(resolveName(canaryAt(0.5), "v3", "u")).toBeUndefined();
  });
});

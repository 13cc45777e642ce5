import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seeded } from "../rollout/analysis/seeded.testkit.js";
import { BackendHealth, defaultHealth, ejectOutliers } from "./backend-health.js";
import { Circuit, defaultCircuit, type Outcome } from "./circuit.js";

const { failures, successes, openMs, maxOpenMs } = defaultCircuit;

function circuitAt(clock: { now: number }): Circuit {
  return new Circuit(defaultCircuit, () => clock.now);
}

function fail(circuit: Circuit, times: number): void {
  for (let i = 0; i < times; i++) circuit.begin()("failure");
}

describe("a circuit breaker", () => {
  it("opens after failures in a row, and not after as many with a success between", () => {
    const circuit = circuitAt({ now: 0 });
    fail(circuit, failures - 1);
    circuit.begin()("success");
    fail(circuit, failures - 1);
    expect(circuit.state).toBe("closed");
    fail(circuit, 1);
    expect([circuit.state, circuit.admits, circuit.waitMs]).toEqual(["open", false, openMs]);
  });

  it("tries one request at a time, and closes after some that succeed", () => {
    const clock = { now: 0 };
    const circuit = circuitAt(clock);
    fail(circuit, failures);
    clock.now = openMs;
    for (let i = 0; i < successes; i++) {
      expect([circuit.state, circuit.admits]).toEqual(["half-open", true]);
      const end = circuit.begin();
      expect(circuit.admits).toBe(false);
      end("success");
    }
    expect(circuit.state).toBe("closed");
  });

  it("doubles its pause with each trial that fails, up to a limit", () => {
    const clock = { now: 0 };
    const circuit = circuitAt(clock);
    fail(circuit, failures);
    for (const times of [1, 2, 4, 8, 16, 32, 64, 128]) {
      expect(circuit.waitMs).toBe(Math.min(maxOpenMs, times * openMs));
      clock.now += circuit.waitMs;
      circuit.begin()("failure");
    }
  });

  it("lets a client that leaves a trial decide nothing", () => {
    const clock = { now: 0 };
    const circuit = circuitAt(clock);
    fail(circuit, failures);
    clock.now = openMs;
    circuit.begin()("neutral");
    expect([circuit.state, circuit.admits]).toEqual(["half-open", true]);
  });

  it("never runs two trials, never stays shut, and hears nothing of requests from before", () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("begin" as const) }),
      fc.record({
        kind: fc.constant("end" as const),
        which: fc.nat(),
        how: fc.constantFrom<Outcome[]>("success", "failure", "neutral"),
      }),
      fc.record({ kind: fc.constant("wait" as const), ms: fc.nat(2 * openMs) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const clock = { now: 0 };
        const circuit = circuitAt(clock);
        const running: { end: (outcome: Outcome) => void; onTrial: boolean }[] = [];
        for (const each of steps) {
          if (each.kind === "wait") clock.now += each.ms;
          else if (each.kind === "begin" && circuit.admits) {
            const onTrial = circuit.state === "half-open";
            if (onTrial) expect(running.filter((one) => one.onTrial)).toEqual([]);
            running.push({ end: circuit.begin(), onTrial });
          } else if (each.kind === "end" && running.length > 0) {
            const [one] = running.splice(each.which % running.length, 1);
            const before = circuit.state;
            one!.end(each.how);
            if (before === "half-open" && !one!.onTrial) expect(circuit.state).toBe("half-open");
          }
        }
        for (const { end } of running) end("neutral");
        clock.now += maxOpenMs;
        expect(circuit.admits).toBe(true);
      }),
    );
  });
});

function pool(count: number, clock = { now: 0 }): BackendHealth[] {
  return Array.from({ length: count }, () => {
    const health = new BackendHealth(defaultHealth, () => clock.now);
    health.noteProbe();
    return health;
  });
}

function serve(health: BackendHealth, requests: number, failed: (i: number) => boolean): void {
  for (let i = 0; i < requests; i++) {
    health.begin()(failed(i) ? "failure" : "success");
  }
}

describe("the health of a backend", () => {
  it("starts with its first probe, and takes two to change its mind", () => {
    const health = new BackendHealth(defaultHealth, () => 0);
    expect([health.state, health.isUsable]).toEqual(["starting", false]);
    const probes: (string | undefined)[] = [undefined, "refused", undefined, "refused", "hangs", undefined, undefined];
    const states = probes.map((problem) => {
      health.noteProbe(problem);
      return health.state;
    });
    expect(states).toEqual(["up", "up", "up", "up", "down", "down", "up"]);
    expect(health.reason).toBe("hangs");
  });

  it("leaves a backend alone that says it is full, for as long as it says, without a failure", () => {
    const clock = { now: 0 };
    const [health] = pool(1, clock);
    health!.noteBusy(300);
    expect([health!.state, health!.waitMs]).toEqual(["busy", 300]);
    clock.now = 300;
    expect(health!.isUsable).toBe(true);
  });
});

describe("outliers", () => {
  const judge = (all: readonly BackendHealth[]) => {
    ejectOutliers(all, defaultHealth.outliers);
    return all.map(({ state }) => state);
  };
  const every = (n: number) => (i: number) => i % n === n - 1;

  it("ejects the one that fails a share of its requests, for a while", () => {
    const clock = { now: 0 };
    const all = pool(5, clock);
    for (const [i, health] of all.entries()) serve(health, 60, i === 2 ? every(3) : () => false);
    expect(judge(all)).toEqual(["up", "up", "ejected", "up", "up"]);
    clock.now = defaultHealth.outliers.ejectMs;
    expect(all.every(({ isUsable }) => isUsable)).toBe(true);
  });

  it("ejects none when all fail alike, none that was asked little, and none that is alone", () => {
    const alike = pool(5);
    for (const health of alike) serve(health, 60, every(3));
    expect(judge(alike)).not.toContain("ejected");
    const quiet = pool(5);
    for (const [i, health] of quiet.entries()) serve(health, i === 0 ? 19 : 60, i === 0 ? every(2) : () => false);
    expect(judge(quiet)).not.toContain("ejected");
    const [alone] = pool(1);
    serve(alone!, 60, every(2));
    expect(judge([alone!])).not.toContain("ejected");
  });

  it("never ejects more than its share of the pool, however they do", () => {
    const rates = fc.array(fc.constantFrom(0, 0.05, 0.5, 0.8), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(rates, fc.nat(), (ofEach, seed) => {
        const random = seeded(seed);
        const clock = { now: 0 };
        const all = pool(ofEach.length, clock);
        for (let round = 0; round < 4; round++) {
          for (const [i, health] of all.entries()) serve(health, 40, () => random() < ofEach[i]!);
          judge(all);
          const most = Math.floor(defaultHealth.outliers.maxEjectedShare * all.length);
          expect(all.filter(({ isEjected }) => isEjected).length).toBeLessThanOrEqual(most);
          clock.now += 5000;
        }
      }),
      { numRuns: 40 },
    );
  });

  it("wrongly ejects a backend that is as good as the others less than once in a hundred judgements", () => {
    const random = seeded(7);
    let [ejected, judgements] = [0, 0];
    for (let round = 0; round < 100; round++) {
      const all = pool(10);
      for (const health of all) serve(health, 100, () => random() < 0.05);
      ejected += judge(all).filter((state) => state === "ejected").length;
      judgements += all.length;
    }
    expect(ejected / judgements).toBeLessThan(0.01);
  });
});

import { afterEach, describe, expect, it } from "vitest";
import { OcellusError } from "../../base/index.js";
import { ocellusError } from "../../base/ocellus-error.testkit.js";
import { type CallMethods, Calls, type Port, serveCalls } from "./calls.js";

const ports: InstanceType<typeof MessageChannel>["port1"][] = [];
afterEach(() => {
  for (const port of ports.splice(0)) port.close();
});

/** Both ends, with a channel between them as a page and its worker have one. */
function between(methods: CallMethods): Calls {
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  serveCalls(port1 as unknown as Port, methods);
  const calls = new Calls(port2 as unknown as Port);
  for (const port of [port1, port2]) port.start();
  return calls;
}

async function all<T>(events: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const event of events) found.push(event);
  return found;
}

/** Runs until it is given up. */
const endless = ({ signal }: { signal: AbortSignal }) =>
  new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(new Error("given up"))));

describe("calls between a page and its worker", () => {
  it("give each caller its own result, in whichever order they end", async () => {
    const resolvers: (() => void)[] = [];
    const calls = between({
      wait: (_, value: number) => new Promise((resolve) => resolvers.push(() => resolve(value))),
      release: async () => void resolvers.toReversed().map((resolve) => resolve()),
    });
    const ended: number[] = [];
    const asked = [1, 2, 3].map((value) => calls.call("wait", [value]).then((got) => ended.push(got as number)));
    await calls.call("release", []);
    await Promise.all(asked);
    expect(ended).toEqual([3, 2, 1]);
  });

  it("keep the code and the details of an error, and say what another one was", async () => {
    const calls = between({
      refuse: async () => {
        throw new OcellusError("too_large", "too much", { details: { most: 3, found: [4] } });
      },
      fail: async () => {
        throw new TypeError("a fault of ours");
      },
    });
    await expect(calls.call("refuse", [])).rejects.toThrow(ocellusError("too_large", { most: 3, found: [4] }));
    await expect(calls.call("fail", [])).rejects.toThrow(ocellusError("internal"));
    await expect(calls.call("unknown", [])).rejects.toThrow(ocellusError("internal"));
  });

  it("answer also where a result, an event or an error's details cannot be sent", async () => {
    const calls = between({
      result: async () => () => {},
      event: async ({ tell }) => tell(() => {}),
      details: async () => {
        throw new OcellusError("invalid_file", "with a function", { details: { found: () => {} } });
      },
    });
    await expect(calls.call("result", [])).rejects.toThrow(ocellusError("internal"));
    await expect(calls.call("event", [])).rejects.toThrow(ocellusError("internal"));
    await expect(calls.call("details", [])).rejects.toThrow(ocellusError("invalid_file", {}));
  });

  it("refuse arguments that cannot be sent, and carry on", async () => {
    const calls = between({ echo: async (_, value: unknown) => value });
    const refused = ocellusError("invalid_request", { method: "echo" });
    await expect(calls.call("echo", [() => {}])).rejects.toThrow(refused);
    expect(await calls.call("echo", [1])).toBe(1);
  });

  it("stream events in their order, before the end or the failure", async () => {
    const calls = between({
      count: async ({ tell }, to: number, fails: boolean) => {
        for (let i = 1; i <= to; i++) tell(i);
        if (fails) throw new OcellusError("io", "broken off");
      },
    });
    expect(await all(calls.stream("count", [5, false]))).toEqual([1, 2, 3, 4, 5]);
    const seen: unknown[] = [];
    const failing = async () => {
      for await (const event of calls.stream("count", [3, true])) seen.push(event);
    };
    await expect(failing()).rejects.toThrow(ocellusError("io"));
    expect(seen).toEqual([1, 2, 3]);
  });

  it("end at once for a caller that gives up, and are given up in the worker", async () => {
    const given: string[] = [];
    const calls = between({
      endless: (running) => endless(running).catch((error: Error) => void given.push(error.message)),
      stream: async (running) => {
        running.tell("first");
        await endless(running).catch((error: Error) => void given.push(error.message));
      },
      given: async () => given,
    });
    const controller = new AbortController();
    const asked = calls.call("endless", [], { signal: controller.signal });
    controller.abort();
    await expect(asked).rejects.toThrow(ocellusError("aborted"));
    await expect(calls.call("endless", [], { signal: AbortSignal.abort() })).rejects.toThrow(ocellusError("aborted"));
    for await (const event of calls.stream("stream", [])) {
      expect(event).toBe("first");
      break;
    }
    expect(await calls.call("given", [])).toEqual(["given up", "given up"]);
  });

  it("fail with what they were ended with, those that wait and those that come later", async () => {
    const calls = between({ endless });
    const waiting = [calls.call("endless", []), all(calls.stream("endless", []))];
    calls.end(new OcellusError("unavailable", "gone", { details: { lost: "x" } }));
    calls.end(new OcellusError("closed", "later"));
    for (const call of [...waiting, calls.call("endless", [])])
      await expect(call).rejects.toThrow(ocellusError("unavailable", { lost: "x" }));
  });
});

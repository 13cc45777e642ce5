/** Engines elsewhere, as far as a server tells of them: whoever provides models that have some says what they are doing. */
import { OcellusError } from "../core/base/index.js";
import type { WireBackendStates } from "../protocol/index.js";

type WireBackend = WireBackendStates["data"][number]["backends"][number];

/** Some engines behind one model. */
export interface BackendsOfModel {
  readonly model: string;
  /** Requests that wait for one of them. */
  readonly waiting: number;
  readonly backends: readonly {
    readonly name: string;
    readonly url: string;
    readonly state: WireBackend["state"];
    readonly reason?: string | undefined;
    readonly running: number;
    readonly maxConcurrent: number;
    readonly weight: number;
  }[];
}

export interface BackendStates {
  readonly states: readonly BackendsOfModel[];
  /** Why a changed file of them is not in force. */
  readonly problem: string | undefined;
}

/** @throws `not_found` where there are none */
export function wireBackends(backends: BackendStates | undefined): WireBackendStates {
  if (!backends)
    throw new OcellusError("not_found", "this server has no backends; start it with `ocellus serve --backends FILE`");
  const { states, problem } = backends;
  const data = states.map(({ model, waiting, backends: all }) => ({
    ...{ model, num_requests_waiting: waiting },
    backends: all.map(({ running, maxConcurrent, reason, ...rest }) => ({
      ...{ ...rest, num_requests_running: running, max_concurrent: maxConcurrent },
      ...(reason !== undefined && { reason }),
    })),
  }));
  return { object: "list", data, ...(problem !== undefined && { problem }) };
}

/** By model, how many can be asked: no names and no addresses, for anyone may read it. */
export function backendCounts({ states }: BackendStates): Record<string, { usable: number; total: number }> {
  const isUsable = ({ state }: BackendsOfModel["backends"][number]) => state === "up" || state === "trial";
  return Object.fromEntries(
    states.map(({ model, backends }) => [
      model,
      { usable: backends.filter(isUsable).length, total: backends.filter(({ state }) => state !== "leaving").length },
    ]),
  );
}

/** What a scraper reads of the backends. Labels are names of the backends file: their number is bounded. */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { Report } from "./backend.js";
import type { GatewayModelState } from "./gateway.js";
import type { GatewayListener } from "./listener.js";

/** Few: each is a series for every backend. */
const seconds = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export class GatewayMetrics implements GatewayListener {
  readonly #requests;
  readonly #firstToken;
  readonly #retries;
  readonly #hedges;

  constructor(registry: Registry, states: () => readonly GatewayModelState[]) {
    const of = <L extends string>(name: string, help: string, ...labelNames: L[]) => ({
      ...{ name: `ocellus_backend_${name}`, help, labelNames, registers: [registry] },
    });
    const both = ["model", "backend"] as const;
    this.#requests = new Counter(of("requests_total", "Requests sent to a backend.", ...both, "outcome"));
    const firstToken = of("time_to_first_token_seconds", "From sending to the first token.", ...both);
    this.#firstToken = new Histogram({ ...firstToken, buckets: seconds });
    this.#retries = new Counter(of("retries_total", "Requests sent to another backend after this one.", ...both));
    this.#hedges = new Counter(of("hedges_total", "Requests sent to a second backend beside a late one.", "model"));
    const running: Gauge<"model" | "backend"> = new Gauge({
      ...of("num_requests_running", "Requests that run at a backend.", ...both),
      collect: () => each(states(), running, ({ running: count }) => count),
    });
    const usable: Gauge<"model" | "backend"> = new Gauge({
      ...of("usable", "1 when a backend may be sent requests, else 0.", ...both),
      collect: () => each(states(), usable, ({ state }) => Number(state === "up" || state === "trial")),
    });
    const waiting: Gauge<"model"> = new Gauge({
      ...of("num_requests_waiting", "Requests that wait for a place at a backend.", "model"),
      collect: () => {
        waiting.reset();
        for (const state of states()) waiting.set({ model: state.model }, state.waiting);
      },
    });
  }

  onEnd(model: string, backend: string, { outcome, firstTokenMs }: Report): void {
    this.#requests.inc({ model, backend, outcome });
    if (firstTokenMs !== undefined) this.#firstToken.observe({ model, backend }, firstTokenMs / 1000);
  }

  onRetry(model: string, backend: string): void {
    this.#retries.inc({ model, backend });
  }

  onHedge(model: string): void {
    this.#hedges.inc({ model });
  }
}

/** Backends come and go. */
function each(
  states: readonly GatewayModelState[],
  gauge: Gauge<"model" | "backend">,
  read: (backend: GatewayModelState["backends"][number]) => number,
): void {
  gauge.reset();
  for (const { model, backends } of states)
    for (const backend of backends) gauge.set({ model, backend: backend.name }, read(backend));
}

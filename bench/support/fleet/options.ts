/** What a simulated fleet is like, and what came of it. */
import type { PolicyName } from "./policies.js";

export interface FleetOptions {
  readonly policy: PolicyName;
  readonly backends: number;
  readonly gateways: number;
  readonly seed: number;
  /** Share of the engines' places that the requests would fill if every image were cached. */
  readonly load: number;
  readonly requestsPerBackend: number;
  readonly imagesPerBackend: number;
  /** Exponent of the law by which images are asked for: the k-th most popular by k to the minus this. */
  readonly zipf: number;
  /** Encoded images that an engine keeps. */
  readonly cachedImages: number;
  /** Share of the engines that crash once. */
  readonly crashing: number;
  /** Whether every engine is restarted in turn. */
  readonly deploys: boolean;
}

export const defaultFleet: Omit<FleetOptions, "policy" | "backends"> = {
  ...{ gateways: 3, seed: 1, load: 0.7, requestsPerBackend: 200, imagesPerBackend: 100, zipf: 0.9, cachedImages: 25 },
  ...{ crashing: 0, deploys: false },
};

export interface FleetResult {
  /** Of the images that engines were asked about, those that they had encoded. */
  readonly hitRate: number;
  /** Requests of the busiest engine, as a multiple of the mean. */
  readonly imbalance: number;
  readonly firstTokenMs: { readonly p50: number; readonly p99: number };
  readonly answered: number;
  /** Sent to another engine before their first token. */
  readonly retried: number;
  /** Answers that broke off after their first token: no one may repeat those. */
  readonly brokenOff: number;
  /** No engine took them. */
  readonly refused: number;
}

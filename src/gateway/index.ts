export { BackendHealth, defaultHealth, ejectOutliers } from "./backend-health.js";
export type { BackendConfig, Timeouts } from "./backends-file.js";
export type { OpenEngine, OpenedEngine, RoutedRequest } from "./engine.js";
export { Gateway, type GatewayOptions } from "./gateway.js";
export { GatewayMetrics } from "./gateway-metrics.js";
export type { ChooseBackend } from "./pool.js";
export { type Candidate, defaultRouting, type Hash, hashOf, leastLoaded, route } from "./routing.js";

export { isLoopback } from "./access.js";
export { createApp } from "./app.js";
export { BrowserModels } from "./browser-models.js";
export { type ServerConfig, serverConfigSchema } from "./config.js";
export { type ApiKey, createKey, KeyRing, keyFileText, readKeys } from "./keys.js";
export { type Listening, listen } from "./listen.js";
export { ModelCatalog } from "./model-catalog.js";
export { ModelPool } from "./model-pool.js";
export type { Assignment, Caller, Lease, ListedModel, ModelProvider, ProvidedModel } from "./model-provider.js";
export type { RequestListener } from "./request-events.js";
export { type CreateServerOptions, createServer, type Server } from "./server.js";
export { createServices, type ServerOptions, type Services, useVersions } from "./services.js";
export { SharedRateLimits } from "./shared-rate-limits.js";
export { Deployments, type DeploymentsOptions } from "./versions/deployments.js";
export { VersionDiffs } from "./versions/diffs.js";
export { VersionFigures } from "./versions/figures.js";
export { type GoldenCase, GoldenRunner } from "./versions/golden.js";
export { MemoryBudget, type Need } from "./versions/memory-budget.js";
export { Rollouts } from "./versions/rollouts.js";
export { Shadows, type ShadowsOptions } from "./versions/shadows.js";
export type { Versions } from "./versions/version-listener.js";
export {
  type DeliveryOutcome,
  WebhookDispatcher,
  type WebhookDispatcherOptions,
} from "./versions/webhook-dispatcher.js";

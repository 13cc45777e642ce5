export { isLoopback } from "./access.js";
export { createApp } from "./app.js";
export { type ServerConfig, serverConfigSchema } from "./config.js";
export { type ApiKey, createKey, KeyRing, keyFileText, readKeys } from "./keys.js";
export { type Listening, listen } from "./listen.js";
export type { ChatModel, EmbeddingModel } from "./models.js";
export { createServices, type ServerOptions, type Services } from "./services.js";

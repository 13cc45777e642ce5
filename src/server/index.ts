export { createApp } from "./app.js";
export { type ServerConfig, serverConfigSchema } from "./config.js";
export { Lifecycle } from "./lifecycle.js";
export { type Listening, listen } from "./listen.js";
export { type ChatModel, ModelShelf, type ServedModel } from "./models.js";
export type { Services } from "./services.js";

export * from "./portable.js";
export { templateScript } from "./template-script.js";
export type { TemplateData, TemplateMethods } from "./template-worker.js";
export { video } from "./video-part.js";

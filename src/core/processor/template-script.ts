/** A worker that renders chat templates: the first half of a `TextWork`. */
export const templateScript = ["template-worker", import.meta.url] as const;

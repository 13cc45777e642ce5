/**
 * Keeps the demo's own files, so that it works without a network, and gives them the headers that WebAssembly threads need on
 * hosts that cannot (GitHub Pages). The model's files are in the browser's storage already. `files` and `version` are written in
 * by the build.
 */
const files = [];
const version = "";
const prefix = "ocellus-demo-";

const isolated = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "same-origin",
};

addEventListener("install", (event) => {
  event.waitUntil(caches.open(prefix + version).then((cache) => cache.addAll(files)));
});

addEventListener("activate", (event) => {
  const clear = async () => {
    const old = (await caches.keys()).filter((name) => name.startsWith(prefix) && name !== prefix + version);
    await Promise.all(old.map((name) => caches.delete(name)));
    await clients.claim();
  };
  event.waitUntil(clear());
});

addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  if (method !== "GET" || !url.startsWith(registration.scope) || url.startsWith(`${registration.scope}model/`)) return;
  event.respondWith(answer(event.request));
});

async function answer(request) {
  const cache = await caches.open(prefix + version);
  const found = (await cache.match(request, { ignoreSearch: true })) ?? (await fetch(request));
  if (found.type === "opaqueredirect" || found.status === 0) return found;
  const headers = new Headers(found.headers);
  for (const [name, value] of Object.entries(isolated)) headers.set(name, value);
  const { status, statusText } = found;
  return new Response(found.body, { status, statusText, headers });
}

/** The page of test/browser.test.ts: the browser's entry as a global, for tests to call. */
import * as web from "../../../src/core/runtime/web/index.js";

const { Worker } = globalThis as unknown as { Worker: new (url: URL, options: { type: "module" }) => web.ModelWorker };

/** From the sources a worker's script has another ending. */
const worker = () =>
  new Worker(new URL("../../../src/core/runtime/web/model-worker.ts", import.meta.url), { type: "module" });

/** The files of a model that the test serves. */
async function filesOf(name: string): Promise<Record<string, Blob>> {
  const names = (await (await fetch(`/models/${name}/`)).json()) as string[];
  const blobs = await Promise.all(
    names.map(async (file) => [file, await (await fetch(`/models/${name}/${file}`)).blob()]),
  );
  return Object.fromEntries(blobs);
}

export const page = {
  ...web,
  filesOf,
  load: async (name: string, options: web.LoadWebOptions = {}) =>
    web.loadModel(await filesOf(name), { worker, ...options }),
  loadHere: async (name: string, options: web.WebModelOptions = {}) =>
    web.loadModelHere(await web.memorySource(await filesOf(name)), options),
};
export type Page = typeof page;

Object.assign(globalThis, { ocellus: page });

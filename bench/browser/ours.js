/** The page of `ocellus/web` for bench/browser.ts. */
import { loadModel } from "../../src/core/runtime/web/index.ts";

const worker = () =>
  new Worker(new URL("../../src/core/runtime/web/model-worker.ts", import.meta.url), { type: "module" });

globalThis.bench = {
  async open({ modelUrl, wasmPaths, device, threads }) {
    const model = await loadModel(modelUrl, { wasmPaths, worker, device, threads });
    return async (prompt, maxTokens) => {
      const [started, times] = [performance.now(), []];
      let text = "";
      const options = { maxTokens, sampling: { temperature: 0 } };
      for await (const event of model.chat([{ role: "user", content: prompt }], options)) {
        if (event.type === "text") {
          times.push(performance.now() - started);
          text += event.text;
        } else if (event.type === "end")
          return {
            firstMs: event.timings.firstTokenMs,
            tokensPerSecond: event.timings.tokensPerSecond,
            ...event.usage,
            seenFirstMs: times[0],
            text,
          };
      }
    };
  },
};

/** The page of transformers.js for bench/browser.ts. */
import { env, pipeline, TextStreamer } from "@huggingface/transformers";

globalThis.bench = {
  async open({ modelUrl, wasmPaths, device, threads }) {
    const { origin, pathname } = new URL(modelUrl);
    Object.assign(env, { allowLocalModels: false, remoteHost: `${origin}/`, remotePathTemplate: "{model}/" });
    Object.assign(env.backends.onnx.wasm, { wasmPaths, numThreads: threads });
    const name = pathname.replaceAll(/^\/|\/$/g, "");
    const generate = await pipeline("text-generation", name, {
      device: device === "cpu" ? "wasm" : device,
      dtype: "q4",
    });
    return async (prompt, maxTokens) => {
      const [started, times] = [performance.now(), []];
      const streamer = new TextStreamer(generate.tokenizer, {
        skip_prompt: true,
        token_callback_function: () => times.push(performance.now() - started),
      });
      const options = { max_new_tokens: maxTokens, do_sample: false, repetition_penalty: 1, streamer };
      const [{ generated_text: turns }] = await generate([{ role: "user", content: prompt }], options);
      const [first, last] = [times[0], times.at(-1)];
      const tokensPerSecond = ((times.length - 1) * 1000) / (last - first);
      return {
        firstMs: first,
        seenFirstMs: first,
        tokensPerSecond,
        completionTokens: times.length,
        text: turns.at(-1).content,
      };
    };
  },
};

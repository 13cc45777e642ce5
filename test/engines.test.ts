/**
 * What the client relies on, of recorded engines and of the stand-in; with CI_ENGINES=1 (`npm run engines`) of the real ones too, as
 * far as they are installed (bench/peers/install.sh).
 */
import { describe, expect, it, onTestFinished } from "vitest";
import { startStandIn } from "../src/engines/stand-in.testkit.js";
import { type Observed, observe } from "./engines/contract.js";
import { readRecording, replay } from "./engines/exchanges.js";
import { isInstalled, realEngines, startEngine } from "./engines/real.js";

const load = ["cacheUsage", "running", "waiting"];
const text = { finish: "length", hasUsage: true, hasText: true };

/** By name, of those that were recorded. */
const expected: Readonly<Record<string, Observed>> = {
  vllm: {
    ...{ reported: ["max_model_len", "model", "root", "version"], load, text },
    can: ["images", "schema", "tools", "logprobs", "usage"],
    namedImage: { named: true, sameTokens: true },
    ...{ unknownImage: "invalid_request 400", tooLong: "too_large 400", otherModel: "unavailable 404" },
  },
  "llama.cpp": {
    reported: "build_info model model_path n_ctx n_ctx_train n_embd n_params size total_slots".split(" "),
    ...{ load: ["running", "waiting"], text },
    can: ["images", "schema", "logprobs", "usage"], // its calls come whole, which random weights do not write
    namedImage: { named: false, sameTokens: true },
    ...{ unknownImage: "unavailable 500", tooLong: "too_large 400", otherModel: "answered" },
  },
};
const engines = realEngines.filter(({ name }) => name in expected);

describe("an engine's contract holds", () => {
  it.each(engines)("for $name, as it was recorded", async ({ name, kind }) => {
    const recording = readRecording(name);
    const { url, close } = await replay(recording);
    onTestFinished(close);
    expect(await observe(kind, url, recording.model)).toEqual(expected[name]);
  });

  it.each(engines.filter(({ kind }) => kind === "vllm"))("for the stand-in of $name", async ({ name, kind }) => {
    const { can } = expected[name]!;
    const all = ["images", "schema", "tools", "logprobs"] as const;
    const engine = await startStandIn({ kind, lacks: all.filter((what) => !can.includes(what)), maxModelLen: 2048 });
    expect(await observe(kind, engine.url, "stand-in")).toEqual(expected[name]);
  });

  it.runIf(process.env.CI_ENGINES).each(realEngines)(
    "for $name itself",
    async (engine) => {
      expect(isInstalled(engine.name), `${engine.name}: bash bench/peers/install.sh`).toBe(true);
      const running = await startEngine(engine);
      onTestFinished(() => running[Symbol.asyncDispose]());
      expect(await observe(engine.kind, running.url, running.model)).toMatchObject(
        expected[engine.name] ?? { text: { hasText: true } },
      );
    },
    900_000,
  );
});

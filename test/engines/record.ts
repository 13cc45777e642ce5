/**
 * Records what real engines answer: `npx tsx test/engines/record.ts [vllm] [llama.cpp] [transformers]` writes recorded/NAME.json, which
 * test/engines.test.ts plays back. Folders of this machine are taken out; of pages only what the client reads is kept.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { engineTraits } from "../../src/engines/index.js";
import { observe } from "./contract.js";
import { type Exchange, type Recording, recorder } from "./exchanges.js";
import { realEngines, startEngine } from "./real.js";

const wanted = process.argv.slice(2);
for (const engine of realEngines.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
  const running = await startEngine(engine);
  const kept: Record<string, Exchange> = {};
  const proxy = await recorder(running.url, kept);
  try {
    const { kind, name } = engine;
    const { model } = running;
    console.log(name, JSON.stringify(await observe(kind, proxy.url, model), undefined, 1));
    const clean = (text: string) =>
      text.replaceAll(running.checkpoint, "/models/small").replaceAll(/\/[^"\s]*\/small/g, "/models/small");
    const exchanges = Object.fromEntries(
      Object.entries(kept).map(([key, { body, ...rest }]) => [key, { ...rest, body: clean(shortened(key, body)) }]),
    );
    const recording: Recording = { kind, version: running.version, model: clean(model), exchanges };
    writeFileSync(
      join(import.meta.dirname, "recorded", `${name}.json`),
      `${JSON.stringify(recording, undefined, 1)}\n`,
    );
  } finally {
    await proxy.close();
    await running[Symbol.asyncDispose]();
  }
}

/** Pages of metrics and of settings have hundreds of lines that no one reads here. */
function shortened(key: string, body: string): string {
  const { metrics, reports } = engineTraits[realEngines.find(({ kind }) => kind === "llama-server")!.kind];
  if (key === "/metrics") {
    const names = Object.values(engineTraits).flatMap((traits) => Object.values(traits.metrics ?? metrics ?? {}));
    return `${body
      .split("\n")
      .filter((line) => names.some((name) => line.includes(name)))
      .join("\n")}\n`;
  }
  const page = reports.find(({ path }) => path === key);
  if (!page) return body;
  const all = JSON.parse(body) as Record<string, unknown>;
  return JSON.stringify(Object.fromEntries(page.members.map((member) => [member, all[member]])));
}

/** The bundled demo model as versions of a registry, and users who ask their alias about pictures: for benches of versions. */
import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";
import { disturb } from "../../test/support/disturbed.js";

const box = resolve(import.meta.dirname, "../../checkpoints/ocellus-tiny");

/** Publishes `fp32`, `int4` and `damaged`, which is int4 of weights of which one matrix is disturbed. @returns the registry's folder */
export function publishBundled(folder: string, noise: number): string {
  const registry = join(folder, "registry");
  const damaged = join(folder, "damaged");
  disturb(box, damaged, noise);
  for (const [tag, checkpoint, weights] of [
    ["fp32", box, "fp32"],
    ["int4", box, "int4"],
    ["damaged", damaged, "int4"],
  ] as const) {
    ocellus("pack", checkpoint, "--weights", weights, "--into", join(folder, `packed-${tag}`));
    ocellus("rollout", "publish", join(folder, `packed-${tag}`), "--tag", tag, "--registry", registry);
  }
  return registry;
}

export function ocellus(...args: string[]): void {
  const bin = resolve(import.meta.dirname, "../../src/cli/bin.ts");
  const run = spawnSync(process.execPath, ["--import", import.meta.resolve("tsx"), bin, ...args], { encoding: "utf8" });
  if (run.status !== 0) throw new Error(`ocellus ${args.join(" ")}: ${run.stderr}`);
}

/** One question to `prod`, to its end. */
export async function askProd(url: string, user: string, image: string, text: string): Promise<void> {
  const content = [
    { type: "image_url", image_url: { url: image } },
    { type: "text", text },
  ];
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "prod", user, messages: [{ role: "user", content }], max_tokens: 32 }),
  });
  await response.arrayBuffer();
  if (response.status >= 500) console.log(`request failed with ${response.status}`);
}

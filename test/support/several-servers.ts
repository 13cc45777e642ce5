/** Several `ocellus serve` processes on one registry, and what they say of it; the versions in it are the bundled demo model. */
import { join } from "node:path";
import { pack, parsePlan } from "../../src/core/pack/index.js";
import type { WireAdminState } from "../../src/protocol/index.js";
import { deploy, Registry } from "../../src/rollout/index.js";
import { repository } from "./folders.js";
import { type ServeProcess, serveProcess } from "./serve-process.js";

export interface SharedRegistry {
  /** As the command line has it. */
  readonly registry: Registry;
  serve(...args: readonly string[]): Promise<ServeProcess>;
}

/** `v1` and `v2`; prod serves the first. The folder is the caller's to remove. */
export async function sharedRegistry(folder: string, databaseUrl?: string): Promise<SharedRegistry> {
  const env = { OCELLUS_CACHE: join(folder, "cache"), OCELLUS_WEBHOOK_SECRET: "between you and me" };
  const checkpoint = join(repository, "checkpoints/ocellus-tiny");
  const { path: packed } = await pack(checkpoint, { plan: parsePlan("int4"), into: join(folder, "packed") });
  const place = join(folder, "registry");
  const registry = await Registry.open({ folder: place, databaseUrl });
  const about = { family: "qwen3_vl_resampler", quantization: "int4", createdBy: "test" };
  for (const tag of ["v1", "v2"]) await registry.publish(packed, { ...about, tag });
  await registry.run("test", deploy("prod", "v1"));
  const database = databaseUrl === undefined ? [] : ["--database-url", databaseUrl];
  const fixed = ["--registry", place, ...database, "--threads", "1", "--log-level", "warn", "--insecure-local-admin"];
  return { registry, serve: (...args) => serveProcess([...fixed, ...args], env) };
}

/** The version that answers a user. */
export async function versionFor({ url }: ServeProcess, user: string): Promise<string | null> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "prod", user, messages: [{ role: "user", content: "?" }], max_tokens: 1 }),
  });
  await response.arrayBuffer();
  return response.headers.get("x-ocellus-version");
}

export async function adminState({ url }: ServeProcess): Promise<WireAdminState> {
  return (await fetch(`${url}/admin/v1/state`)).json() as Promise<WireAdminState>;
}

/** A command over HTTP, about prod. */
export async function command({ url }: ServeProcess, name: string, body: object = {}): Promise<number> {
  const response = await fetch(`${url}/admin/v1/aliases/prod/${name}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  await response.arrayBuffer();
  return response.status;
}

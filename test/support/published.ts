/** The bundled demo model as several versions of one registry, packed in several formats; and a server with room for so many of them. */
import { join } from "node:path";
import { estimateNeeds } from "../../src/cli/commands/serve/serve-versions.js";
import { serveConfigSchema } from "../../src/cli/commands/serve/settings.js";
import { pack, parsePlan } from "../../src/core/pack/index.js";
import { deploy, Registry } from "../../src/rollout/index.js";
import { repository } from "./folders.js";
import { type ServeProcess, serveProcess } from "./serve-process.js";

const formats = { v1: "int4", v2: "int8", v3: "int4", v4: "nf4" } as const;
const blocks = { v1: 32, v2: 32, v3: 128, v4: 32 } as const;
/** Small, so that a version's own weight counts in the estimate. */
const prefixCacheBytes = 2 ** 20;

export interface Published {
  readonly registry: Registry;
  /** Of the largest version. */
  readonly needBytes: number;
  serve(numVersions: number, ...args: string[]): Promise<ServeProcess>;
}

/** Tags v1 to v4; `prod` serves v1. @param folder of the caller's own */
export async function publishVersions(folder: string): Promise<Published> {
  const registryFolder = join(folder, "registry");
  const registry = await Registry.open({ folder: registryFolder });
  const config = serveConfigSchema.parse({ prefixCacheBytes });
  const needs: number[] = [];
  for (const tag of ["v1", "v2", "v3", "v4"] as const) {
    const into = join(folder, tag);
    const plan = parsePlan(formats[tag], { blockSize: blocks[tag] });
    await pack(join(repository, "checkpoints/ocellus-tiny"), { plan, into });
    await registry.publish(into, { tag, family: "box", quantization: formats[tag], createdBy: "test" });
    needs.push((await estimateNeeds(into, config))[0]!.bytes);
  }
  await registry.run("test", deploy("prod", "v1"));
  const needBytes = Math.max(...needs);
  return {
    ...{ registry, needBytes },
    serve: (numVersions, ...args) => {
      const memory = [
        "--memory-bytes",
        `${Math.ceil((numVersions + 0.3) * needBytes)}`,
        "--prefix-cache-bytes",
        `${prefixCacheBytes}`,
      ];
      return serveProcess([
        "--registry",
        registryFolder,
        "--insecure-local-admin",
        "--log-level",
        "warn",
        ...memory,
        ...args,
      ]);
    },
  };
}

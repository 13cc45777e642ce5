/** What every way of using a checkpoint does first: open it, read its tensors and side files, understand its config. */
import { checkpointDigest, openCheckpoint } from "../../src/core/checkpoint/index.js";
import { familyOf } from "../../src/core/models/index.js";

export async function load(path: string): Promise<void> {
  const checkpoint = await openCheckpoint(path);
  try {
    const config = await checkpoint.readJson("config.json");
    if (config !== undefined) familyOf(config).parseConfig(config);
    for (const name of checkpoint.names()) await checkpoint.read(name);
    await checkpointDigest(checkpoint);
  } finally {
    await checkpoint.close();
  }
}

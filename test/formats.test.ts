/** The same weights as one safetensors, sharded safetensors and sharded PyTorch files give the same answers, bit for bit. */
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { openCheckpoint, writeSafetensors } from "../src/core/checkpoint/index.js";
import { fixtureRequest, fixtureTensor, openTestDecoder, tokensOf } from "./support/decoder.js";
import { goldenFolder, temporaryFolder } from "./support/folders.js";

describe("checkpoint formats", () => {
  const folder = temporaryFolder();
  const single = join(goldenFolder, "gqa-tied");
  const sharded = join(folder, "sharded");

  beforeAll(async () => {
    mkdirSync(sharded);
    copyFileSync(join(single, "config.json"), join(sharded, "config.json"));
    const checkpoint = await openCheckpoint(single);
    const names = [...checkpoint.names()];
    const weight_map: Record<string, string> = {};
    for (const [i, part] of [names.filter((_, n) => n % 3 !== 0), names.filter((_, n) => n % 3 === 0)].entries()) {
      const file = `model-0000${i + 1}-of-00002.safetensors`;
      await writeSafetensors(join(sharded, file), await Promise.all(part.map((name) => checkpoint.read(name))));
      for (const name of part) weight_map[name] = file;
    }
    await checkpoint.close();
    writeFileSync(join(sharded, "model.safetensors.index.json"), JSON.stringify({ metadata: {}, weight_map }));
  });

  it.each(["fp32", "int8", "int4"])("answer alike in %s", async (weights) => {
    const answers: number[][] = [];
    for (const [i, source] of [single, sharded, join(goldenFolder, "gqa-tied-bin")].entries()) {
      const decoder = await openTestDecoder(source, join(folder, `${weights}-${i}`), weights);
      answers.push(await tokensOf(decoder.engine(), await fixtureRequest(decoder.packed, "gqa-tied")));
      await decoder.close();
    }
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
    if (weights === "fp32") expect(answers[0]).toEqual([...(await fixtureTensor("gqa-tied", "greedy_ids"))]);
  });
});

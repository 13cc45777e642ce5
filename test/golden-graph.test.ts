/** The graphs of the smallest random model, printed: a change of any node shows as a diff of this text. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { printGraph, recordingCatalog } from "../src/core/graph/index.js";
import { familyOf } from "../src/core/models/index.js";
import { buildGraphs, formatOf, parsePlan } from "../src/core/pack/index.js";
import { goldenFolder } from "./support/folders.js";

describe.each(["fp32", "int4"])("the graphs of qwen3_vl_resampler in %s", (weights) => {
  const json: unknown = JSON.parse(readFileSync(join(goldenFolder, "gqa-tied/config.json"), "utf8"));
  const family = familyOf(json);
  const catalog = recordingCatalog((name, columns) =>
    formatOf(parsePlan(weights), { name, part: family.parts(name), columns }),
  );
  const graphs = buildGraphs(family, family.parseConfig(json), catalog);

  it.each(["vision", "decoder"] as const)("print as before: %s", async (which) => {
    await expect(printGraph(graphs[which]!)).toMatchFileSnapshot(`golden/qwen3_vl_resampler/${which}.${weights}.txt`);
  });
});

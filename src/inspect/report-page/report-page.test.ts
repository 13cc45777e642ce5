import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CheckpointDescription, describeCheckpoint } from "../describe.js";
import { diffCheckpoints } from "../diff.js";
import { examine, type HealthFinding } from "../health.js";
import { StatisticsSum, type TensorStatistics } from "../tensor-statistics.js";
import { writeCheckpoint, writeSparseCheckpoint } from "../unknown-family.testkit.js";
import { diffPage } from "./diff-page.js";
import { inspectPage } from "./inspect-page.js";
import { layerGrids } from "./layer-grids.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "ocellus-report-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const evil = `</script><img src=x onerror="broken()">.weight`;

/** What the page's script will find. */
function dataOf(page: string): any {
  return JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/s.exec(page)![1]!);
}

describe("inspectPage", () => {
  it("holds every tensor with its room, file, statistics and 64 bins in thousandths of the fullest", async () => {
    const shapes = { "visual.blocks.0.w": [4, 32], "model.layers.0.mlp.up.weight": [8, 64], "model.norm.weight": [8] };
    const path = await writeCheckpoint(join(folder, "a"), shapes, { model_type: "strange" });
    const data = dataOf(inspectPage(await examine(path, {})));
    expect(data.rooms.map(({ title }: any) => title)).toEqual(["vision tower", "decoder"]);
    expect(data.tensors.map(({ name, room }: any) => [name, room])).toEqual([
      ["visual.blocks.0.w", 0],
      ["model.layers.0.mlp.up.weight", 1],
      ["model.norm.weight", 1],
    ]);
    const { values, file, sizeBytes } = data.tensors[1];
    expect([data.files[file], sizeBytes]).toEqual(["model.safetensors", 1024]);
    expect([values.bins.length, Math.max(...values.bins)]).toEqual([64, 1000]);
    expect(values.rms).toBeCloseTo(Math.SQRT1_2, 2); // of a sine
    expect(values.int4Error).toBeGreaterThan(0);
  });

  it("points from findings to tensors, and to nothing where a tensor is missing", async () => {
    const path = await writeCheckpoint(join(folder, "b"), { "x.weight": [4, 4] }, {}, () => 0);
    const { healthy, findings } = dataOf(inspectPage(await examine(path, {})));
    expect(healthy).toBe(false);
    expect(findings).toMatchObject([{ severity: "bad", kind: "zero", tensors: ["x.weight"], at: [0] }]);
  });

  it("lets no name end the script or become markup", async () => {
    const path = await writeCheckpoint(join(folder, `<b>`), { [evil]: [4, 4] }, { model_type: "</title><b>" });
    const page = inspectPage(await examine(path, {}));
    expect(dataOf(page).tensors[0].name).toBe(evil);
    expect(page).not.toMatch(/<img|<b>|<\/title><b/);
    expect(page.match(/<script/g)).toHaveLength(2);
  });

  it("takes less than 1 MB for 750 tensors", async () => {
    const name = (i: number) => `model.language_model.layers.${Math.floor(i / 10)}.self_attn.proj_${i % 10}.weight`;
    const shapes = Object.fromEntries(Array.from({ length: 750 }, (_, i) => [name(i), [8, 64]]));
    const path = await writeCheckpoint(join(folder, "many"), shapes, {}, (_, i) => Math.sin(i * i) ** 3);
    expect(inspectPage(await examine(path, {})).length).toBeLessThan(1e6);
  });
});

describe("a page of very many tensors", () => {
  const shapesOf = (count: number) => new Map(Array.from({ length: count }, (_, i) => [`x.${i}.w`, [1, 1 + (i % 7)]]));

  it("holds the 20,000 largest of a checkpoint, and says how many are left out", async () => {
    const path = join(folder, "huge");
    writeSparseCheckpoint(path, shapesOf(20_010), {}, 2);
    const description = await describeCheckpoint(path);
    const said = { code: "constant_vectors", values: { count: 2 } };
    const finding = {
      severity: "note",
      kind: "duplicate",
      message: "equal",
      said,
      tensors: [...shapesOf(20_010).keys()],
    };
    const findings = Array.from({ length: 1500 }, () => finding as HealthFinding);
    const page = inspectPage({ healthy: true, findings, description, statistics: statisticsOf(description) });
    const data = dataOf(page);
    expect(data.tensors).toHaveLength(20_000);
    expect(data.leftOut).toMatchObject({ values: { count: 10, all: 20_010, what: "smallest" } });
    expect({ numNotes: data.numNotes, findings: data.findings.length }).toEqual({ numNotes: 1500, findings: 1000 });
    expect(data.findings[0]).toMatchObject({ numTensors: 20_010, tensors: { length: 100 } });
    expect(page.length).toBeLessThan(12e6);
  });

  it("holds the first 2,000 names and values of a difference", async () => {
    const [a, b] = [join(folder, "none"), join(folder, "some")];
    writeSparseCheckpoint(a, new Map([["y", [1]]]), {}, 1);
    writeSparseCheckpoint(
      b,
      shapesOf(2500),
      Object.fromEntries(Array.from({ length: 499 }, (_, i) => [`k${i}`, i])),
      1,
    );
    const diff = await diffCheckpoints(a, b, { quick: true });
    const data = dataOf(diffPage({ ...diff, configs: Array.from({ length: 5 }, () => diff.configs).flat() }));
    expect([data.names.length, data.namesLeftOut.text]).toEqual([2000, "501 names of 2501 are left out"]);
    expect([data.configs.length, data.configsLeftOut.text]).toEqual([2000, "495 values of 2495 are left out"]);
  });
});

/** The same for every tensor, as if nothing had been counted: what a page needs. */
function statisticsOf({ tensors }: CheckpointDescription): TensorStatistics[] {
  const empty = new StatisticsSum(tensors[0]!).finish();
  return tensors.map(({ name, dtype, shape }) => ({ ...empty, name, dtype, shape }));
}

describe("diffPage", () => {
  it("says what changed, tensor by tensor and name by name", async () => {
    const shapes = { "resampler.layers.0.q.weight": [8, 8], "resampler.layers.1.q.weight": [8, 8], [evil]: [4] };
    const a = await writeCheckpoint(join(folder, "c"), shapes, { x: 1 });
    const b = await writeCheckpoint(join(folder, "d"), { ...shapes, [evil]: [5], "new.weight": [2] }, {}, (name, i) =>
      name.includes(".1.") ? 2 * Math.sin(i + 1) : Math.sin(i + 1),
    );
    const page = diffPage(await diffCheckpoints(a, b));
    const { heading, facts, tensors, rooms, grids, names, configs } = dataOf(page);
    expect(heading).toBe("The resampler moved; 1 tensor added; 1 tensor reshaped; the configs differ.");
    expect(facts).toBe("c → d");
    expect(rooms).toMatchObject([{ title: "resampler", numChanged: 1, numTensors: 2 }]);
    expect(tensors[0]).toMatchObject({ name: "resampler.layers.1.q.weight", relative: 0.5, isEqual: false, room: 0 });
    expect(grids).toEqual([
      { stack: "resampler.layers", layers: [0, 1], kinds: [{ kind: "q.weight", tensors: [1, 0] }], numMore: 0 },
    ]);
    expect(names).toEqual([
      ["added", "new.weight", "bf16 [2]"],
      ["reshaped", evil, "[4] → [5]"],
    ]);
    expect(configs).toEqual([{ file: "config.json", path: "x", a: "1" }]);
    expect(page).not.toContain("<img");
  });

  it("has only headers and configs where no values were read", async () => {
    const path = join(folder, "sparse");
    writeSparseCheckpoint(path, new Map([["x.weight", [8, 8]]]), {}, 1);
    expect(dataOf(diffPage(await diffCheckpoints(path, path, { quick: true })))).toMatchObject({
      tensors: [],
      rooms: [],
    });
  });
});

describe("layerGrids", () => {
  it("orders stacks as the data flow and layers by number, with gaps where a layer has no such tensor", () => {
    const names = [
      "m.layers.10.a",
      "m.layers.2.a",
      "m.layers.2.b",
      "visual.blocks.0.w",
      "visual.blocks.1.w",
      "alone.0.a",
    ];
    const tensors = names.map((name) => ({ name }));
    expect(layerGrids(tensors, () => true)).toEqual([
      { stack: "visual.blocks", layers: [0, 1], kinds: [{ kind: "w", tensors: [3, 4] }], numMore: 0 },
      {
        stack: "m.layers",
        layers: [2, 10],
        kinds: [
          { kind: "a", tensors: [1, 0] },
          { kind: "b", tensors: [2, -1] },
        ],
        numMore: 0,
      },
    ]);
  });

  it("leaves out experts by the hundred, and stacks deeper than any model", () => {
    const experts = Array.from({ length: 200 }, (_, i) => ({ name: `m.layers.${i % 2}.experts.${i >> 1}.w` }));
    expect(layerGrids(experts, () => true)).toMatchObject([{ kinds: { length: 64 }, numMore: 36 }]);
    const deep = Array.from({ length: 600 }, (_, i) => ({ name: `m.layers.${i}.w` }));
    expect(layerGrids(deep, () => true)).toEqual([]);
  });
});

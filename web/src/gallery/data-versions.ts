/** What the gallery's server answers about versions: one alias with a canary and a shadow, another that is not in force. */
import type {
  WireAdminState,
  WireAlias,
  WireComparison,
  WireDiff,
  WireFigures,
  WireHistory,
  WireMeasured,
  WireVersion,
} from "../../../src/protocol/index.js";

const comparison: WireComparison = {
  ...{
    served: "v2",
    num_pairs: 120,
    num_exact: 88,
    num_failed: 1,
    num_dropped: 3,
    similarity: 0.947,
    same_until: 0.81,
  },
  num_words: { served: 41, mirrored: 39 },
  first_token_ms: { served: 210, mirrored: 188 },
};

const version = (name: string, more: Partial<WireVersion> = {}): WireVersion => ({
  ...{ version: name, digest: "c0ffee".repeat(10), family: "qwen3_vl", quantization: "int4", bytes: 1.3e9 },
  ...{ created_by: "alice@laptop", created_at: "2026-10-30T08:00:00Z", is_signed: true, is_loaded: true },
  ...more,
});

const figures = (canary: number, stable: number) => ({
  ...{
    canary,
    stable,
    num_canary: 240,
    num_stable: 980,
    users_canary: 61,
    users_stable: 244,
    p_worse: 0.31,
    p_not_fine: 0.02,
  },
});

const prod: WireAlias = {
  ...{ name: "prod", version: "v2", since: "2026-11-01T10:00:00Z", previous: ["v1"], is_in_force: true },
  canary: {
    ...{ version: "v3", share: 0.25, steps: [0.05, 0.25, 0.5, 1], uses_analysis: true, is_paused: false },
    ...{ step_since: "2026-11-02T09:00:00Z", step_seconds: 1800, comparison },
    verdict: {
      ...{ decision: "wait", reason: "not enough answers to tell" },
      figures: { error: figures(0.004, 0.003), malformed: figures(0.02, 0.011) },
    },
  },
  ...{ shadow: "v4", comparison },
};

export const adminState: WireAdminState = {
  ...{ object: "ocellus.admin.state", seq: 9 },
  aliases: [
    prod,
    {
      name: "staging",
      version: "v4",
      since: "2026-11-02T08:00:00Z",
      previous: [],
      is_in_force: false,
      is_unrecorded: true,
    },
  ],
  versions: [
    ...["v1", "v2"].map((name) => version(name)),
    version("v3", {
      lineage: { base: "sha256:67f6".padEnd(71, "0"), data: "a847".padEnd(64, "0"), recipe: { blocks: 2 } },
    }),
    version("v4", { is_loaded: false, failure: "model.safetensors: expected 1.3 GB, found 0.9 GB", is_signed: false }),
  ],
};

const base = { actor: "alice@laptop", at: "2026-11-02T09:00:00Z", alias: "prod" };
export const history: WireHistory = {
  object: "list",
  data: [
    { ...base, seq: 9, kind: "share_changed", share: 0.25, actor: "canary-analysis", reason: "as good as v2 at 5%" },
    { ...base, seq: 8, kind: "canary_started", version: "v3", steps: [0.05, 0.25, 0.5, 1] },
    { ...base, seq: 7, kind: "deployed", version: "v2" },
    { ...base, seq: 6, kind: "published", version: "v3" },
  ],
  has_more: true,
};

const times = Array.from({ length: 30 }, (_, i) => new Date(Date.UTC(2026, 10, 2, 9, 0, 20 * i)).toISOString());
const measured = (level: number, i: number): WireMeasured => ({
  error: { value: 0.01 * level, low: 0, high: 0.03 * level, count: 40 },
  first_token_ms_p50: { value: 180 * level + 20 * Math.sin(i), low: 150 * level, high: 240 * level, count: 40 },
  tokens_per_second_p50: { value: 24 / level + Math.cos(i), low: 20 / level, high: 28 / level, count: 40 },
});
export const figuresOverTime: WireFigures = {
  ...{ object: "ocellus.admin.figures", alias: "prod", from: times[0]!, to: times.at(-1)!, step_s: 20 },
  series: (["stable", "canary"] as const).map((role, place) => ({
    ...{ version: `v${place + 2}`, role, total: measured(1 + 0.2 * place, 0) },
    points: times.map((at, i) => ({ at, ...measured(1 + 0.2 * place, i) })),
  })),
};

const none = { count: 0, data: [] };
export const diff: WireDiff = {
  ...{ object: "ocellus.admin.diff", a: "v2", b: "v3", summary: "only the decoder moved" },
  clauses: [{ code: "only_moved", values: { parts: ["decoder"] } }],
  configs: { count: 1, data: [{ file: "config.json", path: "text_config.rope_theta", a: "1000000", b: "5000000" }] },
  ...{ added: { count: 1, data: [{ name: "lm_head.weight", dtype: "bf16", shape: [151_936, 2048] }] } },
  ...{ removed: none, respelled: none, reshaped: none, retyped: none },
  values: {
    state: "done",
    parts: [
      {
        ...{ part: "decoder", title: "decoder", num_tensors: 196, num_changed: 56, relative: 0.021 },
        ...{ not_finite_a: 0, not_finite_b: 0 },
        modules: {
          count: 2,
          data: [0.4, 1].map((share, i) => ({
            ...{ module: `layers.${i}`, num_tensors: 7, num_changed: 2, relative: 0.021 * share },
            ...{ not_finite_a: 0, not_finite_b: 0 },
          })),
        },
      },
    ],
    tensors: {
      count: 40,
      data: [
        {
          ...{ name: "layers.1.self_attn.q_proj.weight", shape: [2048, 2048], relative: 0.021, max_abs: 0.13 },
          ...{ not_finite_a: 0, not_finite_b: 0, num_values: 4_194_304, num_changed: 4_000_000, rank: 16 },
        },
      ],
    },
  },
};

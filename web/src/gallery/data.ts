/** What the gallery's server answers: small, fixed, and of every kind that a room can show. */
import type {
  GuardState,
  ModelDescription,
  Moderation,
  WireCollection,
  WireDuplicates,
  WireHit,
  WireModel,
} from "../../../src/protocol/index.js";
import type { ApiDocument } from "../api-docs/document.js";

const ocellus: WireModel["ocellus"] = {
  ...({ kind: "chat", model_type: "qwen3_vl", weights: "int4", version: "6f0d2c91ab7e44d3" } as const),
  ...{ vision: true, tools: true, max_length: 32_768, device: "cpu" },
};
const made = { object: "model", created: 1_790_000_000, owned_by: "ocellus" } as const;
export const models: readonly WireModel[] = [
  { id: "qwen3-vl-2b", ...made, ocellus: { ...ocellus, browser_bytes: 9e8 } },
  { id: "ocellus-tiny", ...made, ocellus: { ...ocellus, model_type: "ocellus_tiny", weights: "fp32" } },
  { id: "clip-vit-base", ...made, ocellus: { ...ocellus, kind: "embedding", model_type: "clip", tools: false } },
];

function part(
  name: ModelDescription["parts"][number]["part"],
  numParameters: number,
  numLayers: number,
): ModelDescription["parts"][number] {
  const tensors = ["attn.qkv.weight", "attn.proj.weight", "mlp.fc1.weight"].map((tensor) => ({
    ...{ name: `${name}.blocks.*.${tensor}`, shape: [1024, 3072], dtype: "bf16", count: Math.max(1, numLayers) },
  }));
  return {
    ...{ part: name, title: name, num_parameters: numParameters, num_layers: numLayers, tensors },
    stored: { bytes: numParameters * 2, dtypes: ["bf16"] },
    loaded: { bytes: numParameters * 0.6, dtypes: ["int4", "f32"] },
  };
}

export const description: ModelDescription = {
  ...{ object: "ocellus.model_description", id: "qwen3-vl-2b", num_parameters: 2_130_000_000, num_tensors: 625 },
  parts: [
    part("vision", 405e6, 24),
    part("connector", 25e6, 0),
    part("embedding", 311e6, 0),
    part("decoder", 1389e6, 28),
  ],
  answers: [
    { question: "patch", answer: "16 × 16", tensor: "visual.patch_embed.proj.weight" },
    { question: "vocabulary", answer: "151,936", tensor: "model.embed_tokens.weight" },
    { question: "query to key heads", answer: "16 : 8", tensor: "layers.0.self_attn.k_proj.weight" },
  ],
  memory: {
    formats: [
      { weights: "int4", block_size: 32, bytes: 1.3e9 },
      { weights: "int8", block_size: 32, bytes: 2.3e9 },
      { weights: "fp32", block_size: 32, bytes: 8.5e9 },
    ],
    kv_bytes_per_thousand_tokens: 114_688_000,
  },
};

const recent = {
  ...{ time: "2026-11-02T09:31:12Z", request: "req_4a1f", route: "/v1/chat/completions", ms: 1.2 },
  sha256: "9b".repeat(32),
} as const;
export const guards: GuardState = {
  ...{ object: "ocellus.guards", policy: "1d0c5e83b2f9", on_failure: "block" },
  problem: "guards.2.type: expected one of words, pii, nsfw; found wordz",
  guards: [
    {
      name: "words",
      type: "words",
      version: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      stages: ["input", "output"],
    },
    { name: "personal-data", type: "pii", version: "4", stages: ["output"] },
  ],
  rules: [{ guard: "words", stage: "input", threshold: 0.5, action: "block" }],
  recent: [
    { ...recent, guard: "words", stage: "input", subject: "text", verdict: "block", category: "weapons", score: 0.93 },
    { ...recent, guard: "known", stage: "input", subject: "image", verdict: "flag", category: "violence", score: 0.71 },
    { ...recent, guard: "personal-data", stage: "output", subject: "text", verdict: "redact", category: "phone" },
  ],
};

export const moderation: Moderation = {
  ...{ id: "modr_1", model: "guards" },
  results: [
    {
      flagged: true,
      ...{ categories: { weapons: true }, category_scores: { weapons: 0.93 }, category_applied_input_types: {} },
      ocellus: {
        ...{ verdict: "block", num_findings: 1, guards: [] },
        findings: [
          {
            ...{ guard: "words", category: "weapons", score: 0.93, action: "block", part: 0 },
            reason: "a listed word",
            span: { start: 4, end: 9 },
          },
        ],
      },
    },
  ],
};

export const collections: readonly WireCollection[] = [
  { name: "shop", num_entries: 5, model: "clip-vit-base" } as unknown as WireCollection,
];
const entry = (id: number, source: string) => ({
  ...{ id, source, metadata: { shelf: "A" }, pixels: "9b".repeat(32), width: 600, height: 900 },
  added: "2026-10-30T08:00:00Z",
});
export const hits: readonly WireHit[] = [
  { ...entry(1, "photos/dress.jpg"), score: 1 },
  { ...entry(2, "photos/a-very-long-name-of-a-picture-that-has-to-break-somewhere.jpg"), page: 3, score: 0.871 },
];
export const duplicates = [
  { by: "pixels", score: 1, entries: [entry(1, "dress.jpg"), entry(5, "copy.jpg")] },
] as unknown as WireDuplicates;

/** As prom-client writes them. */
export const metrics = [
  ["ocellus_num_requests_running", 3],
  ["ocellus_num_requests_waiting", 1],
  ["ocellus_num_slots", 8],
  ["ocellus_completion_tokens_total", 48_211],
  ["process_resident_memory_bytes", 3.4e9],
  ["ocellus_kv_cache_bytes", 4.1e8],
  ["ocellus_encoder_cache_bytes", 9.6e7],
  ["ocellus_files_bytes", 1.2e7],
  ["ocellus_images_total", 96, { cached: "true" }],
  ["ocellus_requests_total", 412, { route: "/v1/chat/completions", status: "200" }],
].map(([name, value, labels = {}]) => ({ name, values: [{ value, labels }] }));

const answer = { 200: { content: { "application/json": { schema: { $ref: "#/components/schemas/Answer" } } } } };
const body = { content: { "application/json": { schema: { $ref: "#/components/schemas/Request" } } } };
export const apiDocument: ApiDocument = {
  info: { version: "0.1.0" },
  paths: {
    "/v1/chat/completions": {
      post: {
        ...{ operationId: "postChatCompletions", summary: "Answer a conversation with images.", requestBody: body },
        responses: answer,
      },
    },
    "/v1/files/{id}": {
      delete: {
        ...{
          operationId: "deleteFilesById",
          summary: "Forget it.",
          parameters: [{ name: "id", in: "path", required: true }],
        },
        responses: answer,
      },
    },
    "/health/live": { get: { operationId: "getHealthLive", summary: "The process answers.", responses: answer } },
  },
  components: {
    schemas: {
      Request: {
        type: "object",
        required: ["model", "messages"],
        properties: {
          model: { type: "string" },
          messages: { type: "array", items: { type: "object", properties: { role: { const: "user" } } } },
          max_tokens: { anyOf: [{ type: "integer", minimum: 1, maximum: 1_000_000 }, { type: "null" }] },
          detail: { enum: ["low", "high"] },
        },
      },
      Answer: { type: "object", required: ["id"], properties: { id: { type: "string" }, text: {} } },
    },
  },
};

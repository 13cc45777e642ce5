/** The API described for programs: one row a route, schemas from `protocol`. A test compares the rows with the routes. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import {
  adminStateSchema,
  aliasStateSchema,
  allowProposalAnswerSchema,
  allowProposalSchema,
  answeredRequestSchema,
  canaryRequestSchema,
  chatChunkSchema,
  chatCompletionSchema,
  chatRequestSchema,
  collectionChangeSchema,
  collectionCreateSchema,
  collectionEntriesSchema,
  collectionEntryListSchema,
  collectionListSchema,
  collectionRemovalSchema,
  collectionRemovedSchema,
  collectionSearchSchema,
  collectionStatsSchema,
  completionRequestSchema,
  completionSchema,
  deletedSchema,
  deployRequestSchema,
  diffRequestSchema,
  duplicateListSchema,
  embeddingListSchema,
  embeddingRequestSchema,
  errorBodySchema,
  figuresSchema,
  fileDeletedSchema,
  fileListSchema,
  fileSchema,
  guardStateSchema,
  historySchema,
  hitListSchema,
  ignoredHeader,
  matchRequestSchema,
  matchSchema,
  modelDescriptionSchema,
  modelListSchema,
  modelSchema,
  moderationRequestSchema,
  moderationSchema,
  pauseRequestSchema,
  promoteRequestSchema,
  redactedSchemaAnswerSchema,
  redactedSchemaRequestSchema,
  responseRequestSchema,
  responseSchema,
  rollbackRequestSchema,
  shadowRequestSchema,
  uploadedFileSchema,
  versionDiffSchema,
} from "../protocol/index.js";

interface Row {
  readonly method: "get" | "post" | "delete";
  readonly path: string;
  readonly summary: string;
  readonly request?: z.ZodType;
  readonly form?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly answer?: z.ZodType;
  /** One event of the stream, where `stream: true` asks for one. */
  readonly event?: z.ZodType;
  /** Of an answer that is no JSON. */
  readonly mediaType?: string;
}

const uploadSchema = z.object({
  file: z.string().meta({ format: "binary" }),
  purpose: z.enum(["vision", "user_data"]).optional(),
});
const healthSchema = z.object({ status: z.enum(["ok", "loading", "draining"]) });
const liveSchema = z.object({ status: z.literal("ok"), version: z.string() });
const responseEventSchema = z.object({ type: z.string(), sequence_number: z.number() });

const rows: readonly Row[] = [
  {
    method: "post",
    path: "/v1/chat/completions",
    summary: "Answer a conversation with pictures.",
    request: chatRequestSchema,
    answer: chatCompletionSchema,
    event: chatChunkSchema,
  },
  {
    method: "post",
    path: "/v1/responses",
    summary: "The same, as items and named events (OpenAI's newer API).",
    request: responseRequestSchema,
    answer: responseSchema,
    event: responseEventSchema,
  },
  {
    method: "post",
    path: "/v1/completions",
    summary: "Continue a text, without turns or pictures.",
    request: completionRequestSchema,
    answer: completionSchema,
    event: completionSchema,
  },
  {
    method: "post",
    path: "/v1/embeddings",
    summary: "Directions of texts and pictures in one space (needs an embedding model).",
    request: embeddingRequestSchema,
    answer: embeddingListSchema,
  },
  {
    method: "post",
    path: "/v1/moderations",
    summary: "What the guards make of texts and pictures, and why.",
    request: moderationRequestSchema,
    answer: moderationSchema,
  },
  {
    method: "get",
    path: "/v1/ocellus/guards",
    summary: "The policy of the guards that is in force, and your recent verdicts.",
    answer: guardStateSchema,
  },
  {
    method: "post",
    path: "/v1/ocellus/guards/proposals",
    summary: "Say that something was no hit; a person decides.",
    request: allowProposalSchema,
    answer: allowProposalAnswerSchema,
  },
  {
    method: "post",
    path: "/v1/ocellus/guards/schema",
    summary: "A JSON schema as answers satisfy it once guards have redacted them.",
    request: redactedSchemaRequestSchema,
    answer: redactedSchemaAnswerSchema,
  },
  { method: "get", path: "/v1/models", summary: "The models of this server.", answer: modelListSchema },
  { method: "get", path: "/v1/models/{id}", summary: "One of them.", answer: modelSchema },
  {
    method: "get",
    path: "/v1/ocellus/models/{id}/description",
    summary: "What is inside it: parts, layers, tensors, formats and memory.",
    answer: modelDescriptionSchema,
  },
  {
    method: "post",
    path: "/v1/files",
    summary: "Upload a picture to ask about later.",
    form: uploadSchema,
    answer: uploadedFileSchema,
  },
  { method: "get", path: "/v1/files", summary: "Your uploaded pictures.", answer: fileListSchema },
  { method: "get", path: "/v1/files/{id}", summary: "One of them.", answer: fileSchema },
  { method: "get", path: "/v1/files/{id}/content", summary: "Its bytes.", mediaType: "image/*" },
  { method: "delete", path: "/v1/files/{id}", summary: "Forget it.", answer: fileDeletedSchema },
  {
    method: "get",
    path: "/v1/ocellus/collections",
    summary: "The collections of this server.",
    answer: collectionListSchema,
  },
  {
    method: "post",
    path: "/v1/ocellus/collections",
    summary: "Make a collection; the model that will make its vectors is recorded.",
    request: collectionCreateSchema,
    answer: collectionStatsSchema,
  },
  {
    method: "get",
    path: "/v1/ocellus/collections/{collection}",
    summary: "What it holds.",
    answer: collectionStatsSchema,
  },
  {
    method: "delete",
    path: "/v1/ocellus/collections/{collection}",
    summary: "Remove it with everything in it.",
    answer: deletedSchema,
  },
  {
    method: "get",
    path: "/v1/ocellus/collections/{collection}/entries",
    summary: "Its entries by their ids.",
    query: z.object({ after: z.string().optional(), limit: z.string().optional() }),
    answer: collectionEntryListSchema,
  },
  {
    method: "post",
    path: "/v1/ocellus/collections/{collection}/entries",
    summary: "Add pictures and PDFs.",
    request: collectionEntriesSchema,
    answer: collectionChangeSchema,
  },
  {
    method: "post",
    path: "/v1/ocellus/collections/{collection}/entries/delete",
    summary: "Remove entries by their labels, or all of some sources.",
    request: collectionRemovalSchema,
    answer: collectionRemovedSchema,
  },
  {
    method: "delete",
    path: "/v1/ocellus/collections/{collection}/entries/{id}",
    summary: "Remove one entry.",
    answer: deletedSchema,
  },
  {
    method: "get",
    path: "/v1/ocellus/collections/{collection}/entries/{id}/picture",
    summary: "A small copy of its picture.",
    mediaType: "image/webp",
  },
  {
    method: "post",
    path: "/v1/ocellus/collections/{collection}/search",
    summary: "The entries most like a picture, or found by words.",
    request: collectionSearchSchema,
    answer: hitListSchema,
  },
  {
    method: "get",
    path: "/v1/ocellus/collections/{collection}/duplicates",
    summary: "Entries with the same picture; with min_score also those that look alike.",
    query: z.object({ min_score: z.string().optional() }),
    answer: duplicateListSchema,
  },
  {
    method: "post",
    path: "/v1/ocellus/match",
    summary: "Does a text belong to a picture? A score, a verdict and a reason.",
    request: matchRequestSchema,
    answer: matchSchema,
  },
  {
    method: "get",
    path: "/admin/v1/state",
    summary: "Versions and aliases, canaries with their judge's figures, and what this server has loaded.",
    answer: adminStateSchema,
  },
  {
    method: "get",
    path: "/admin/v1/history",
    summary: "What happened to versions and aliases, and why; the newest first.",
    query: z.object({ before: z.string().optional(), limit: z.string().optional() }),
    answer: historySchema,
  },
  {
    method: "get",
    path: "/admin/v1/aliases/{alias}/figures",
    summary: "What the answers of its versions were like over the last minutes, side by side, with 95 % intervals.",
    query: z.object({ minutes: z.string().optional() }),
    answer: figuresSchema,
  },
  {
    method: "get",
    path: "/admin/v1/diff",
    summary: "What differs between two versions by headers and configs; and by values, where these were read.",
    query: z.object({ a: z.string(), b: z.string() }),
    answer: versionDiffSchema,
  },
  {
    method: "post",
    path: "/admin/v1/diff",
    summary: "Begin to compare every value of two versions; ask again how far it is.",
    request: diffRequestSchema,
    answer: versionDiffSchema,
  },
  {
    method: "get",
    path: "/admin/v1/requests/{id}",
    summary: "Which version answered a request, and why.",
    answer: answeredRequestSchema,
  },
  {
    method: "post",
    path: "/admin/v1/aliases/{alias}/deploy",
    summary: "Let an alias serve a version to everybody.",
    request: deployRequestSchema,
    answer: aliasStateSchema,
  },
  {
    method: "post",
    path: "/admin/v1/aliases/{alias}/canary",
    summary: "Try a version with a share of the users; or change the share of the one that is tried.",
    request: canaryRequestSchema,
    answer: aliasStateSchema,
  },
  {
    method: "post",
    path: "/admin/v1/aliases/{alias}/promote",
    summary: "Let the canary serve everybody.",
    request: promoteRequestSchema,
    answer: aliasStateSchema,
  },
  {
    method: "post",
    path: "/admin/v1/aliases/{alias}/rollback",
    summary: "End the canary; without one, return to the version before.",
    request: rollbackRequestSchema,
    answer: aliasStateSchema,
  },
  {
    method: "post",
    path: "/admin/v1/aliases/{alias}/pause",
    summary: "Let the canary's judge stand still; the split stays.",
    request: pauseRequestSchema,
    answer: aliasStateSchema,
  },
  {
    method: "post",
    path: "/admin/v1/aliases/{alias}/resume",
    summary: "Let it go on.",
    request: pauseRequestSchema,
    answer: aliasStateSchema,
  },
  {
    method: "post",
    path: "/admin/v1/aliases/{alias}/shadow",
    summary: "Ask a version what an alias is asked, and compare the answers, which nobody is given; or end that.",
    request: shadowRequestSchema,
    answer: aliasStateSchema,
  },
  { method: "get", path: "/health/live", summary: "The process answers.", answer: liveSchema },
  {
    method: "get",
    path: "/health/ready",
    summary: "Questions are welcome; 503 while models load or the server is being stopped.",
    answer: healthSchema,
  },
  { method: "get", path: "/metrics", summary: "Numbers for Prometheus.", mediaType: "text/plain" },
];

export type OpenApiDocument = ReturnType<OpenAPIHono["getOpenAPI31Document"]>;

export function openApiDocument(version: string): OpenApiDocument {
  const app = new OpenAPIHono();
  for (const row of rows) app.openAPIRegistry.registerPath(describe(row));
  app.openAPIRegistry.registerComponent("securitySchemes", "key", { type: "http", scheme: "bearer" });
  return app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Ocellus",
      version,
      description:
        "OpenAI's API for a vision-language model of your own. What is ours in answers stands under `ocellus`; " +
        `parameters without effect are named in the header \`${ignoredHeader}\`, unknown ones are refused.`,
      license: { name: "Apache-2.0", url: "https://www.apache.org/licenses/LICENSE-2.0" },
    },
    servers: [{ url: "/" }],
    security: [{ key: [] }, {}],
  });
}

type PathConfig = Parameters<OpenAPIHono["openAPIRegistry"]["registerPath"]>[0];

function describe({ method, path, summary, request, form, query, answer, event, mediaType }: Row): PathConfig {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
  const body = request
    ? { "application/json": { schema: request } }
    : form && { "multipart/form-data": { schema: form } };
  return {
    method,
    path,
    summary,
    operationId: operationId(method, path),
    request: {
      ...(names.length > 0 && { params: z.object(Object.fromEntries(names.map((name) => [name, z.string()]))) }),
      ...(query && { query }),
      ...(body && { body: { content: body, required: true } }),
    },
    responses: {
      200: {
        description: "The answer.",
        content: {
          ...(answer && { "application/json": { schema: answer } }),
          ...(event && { "text/event-stream": { schema: event } }),
          ...(mediaType && { [mediaType]: { schema: z.string() } }),
        },
      },
      ...(path === "/health/ready" && {
        503: { description: "Not yet, or not any more.", content: { "application/json": { schema: healthSchema } } },
      }),
      "4XX": { description: "Refused.", content: { "application/json": { schema: errorBodySchema } } },
      "5XX": { description: "Failed.", content: { "application/json": { schema: errorBodySchema } } },
    },
  };
}

/** `post /v1/chat/completions` → `postChatCompletions`. */
function operationId(method: string, path: string): string {
  const words = path
    .replace("/v1", "")
    .replace(/\{(\w+)\}/g, "by_$1")
    .split(/[/_]/);
  return method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}

/**
 * The settings of a server: every limit with its default and its help text for `ocellus serve --help`.
 * `cli` fills it from flags, environment and a file.
 */
import { z } from "zod";

const MiB = 2 ** 20;
const count = z.number().int().min(1);

export const serverConfigSchema = z.strictObject({
  host: z.string().default("127.0.0.1").describe("address to listen on; 0.0.0.0 for all interfaces"),
  port: z.number().int().min(0).max(65_535).default(8080).describe("port to listen on; 0 picks a free one"),
  // Some phone photos in base64.
  maxBodyBytes: count.default(32 * MiB).describe("size limit of one request body"),
  maxBodiesBytes: count.default(256 * MiB).describe("size limit of all request bodies in memory"),
  bodyIdleMs: count.default(30_000).describe("longest pause while a body is sent"), // a phone between two cells
  maxImageBytes: count.default(20 * MiB).describe("size limit of one image file"), // OpenAI's limit
  // The largest phone sensor in common use.
  maxImagePixels: count.default(50e6).describe("pixel limit of one decoded image"),
  decodeMs: count.default(20_000).describe("time limit for decoding and resizing one image"), // an AVIF of the largest size on a slow core
  maxImages: count.default(64).describe("images per request"),
  maxVideos: count.default(4).describe("videos per request"),
  maxVideoBytes: count.default(64 * MiB).describe("size limit of one video file"), // minutes from a phone
  maxVideoSeconds: count.default(3600).describe("length limit of one video"),
  videoMs: count.default(60_000).describe("time limit for each pass of ffmpeg over one video"),
  // Two of the largest pictures that any family takes, or forty common photos.
  maxPixelBytes: count
    .default(1024 * MiB)
    .describe("size limit of all resized images that wait for the vision encoder"),
  allowImageUrls: z.boolean().default(false).describe("fetch images and videos by http(s) URL, from public hosts only"),
  // "nas.lan" is its port 80 or 443; another one is named: "nas.lan:8080".
  imageHosts: z
    .array(z.string().refine(isHost, "expected HOST or HOST:PORT in lower case, as an address has it"))
    .default([])
    .describe("private hosts to allow in image and video URLs, HOST or HOST:PORT"),
  imageTimeoutMs: count.default(10_000).describe("time limit for fetching one image or video"),
  collections: z
    .string()
    .optional()
    .describe("folder of the image collections to search (default: none; see `ocellus index`)"),
  collectionsReadOnly: z.boolean().default(false).describe("reject changes to collections"),
  maxFilesBytes: count.default(256 * MiB).describe("size limit of all uploaded files in memory"),
  insecureLocalAdmin: z
    .boolean()
    .default(false)
    .describe("allow /admin/v1 without a key from this machine; unsafe behind a proxy or beside other users"),
  metricsKey: z
    .enum(["none", "api", "admin"])
    .default("none")
    .describe("key required for /metrics: none, api (--keys-file) or admin (--admin-keys-file)"),
  metricsNames: z
    .enum(["ocellus", "vllm"])
    .default("ocellus")
    .describe("names at /metrics: ocellus; vllm, for the load under vLLM's names too, which inference routers read"),
  requestsPerMinute: count.optional().describe("request rate limit per key, or per client address without keys"),
  requestsPerDay: count.optional().describe("request quota a day, as above; it fills evenly"),
  maxConcurrent: count.optional().describe("concurrent requests per key; further ones wait"),
  corsOrigins: z.array(z.url()).default([]).describe("origins allowed by CORS"),
  maxQueue: z.number().int().min(0).default(256).describe("requests that may wait per model; further ones get 429"),
  shadowQueue: z
    .number()
    .int()
    .min(0)
    .default(64)
    .describe("requests that may wait to be mirrored; further ones are skipped"),
  // Some requests with large pictures, or very many with small ones.
  shadowBytes: z
    .number()
    .int()
    .min(0)
    .default(64 * MiB)
    .describe("size limit of the requests that wait to be mirrored"),
  shadowRunning: count.default(1).describe("mirrored requests at once"),
  // Longer than proxies keep theirs (60 s as a rule): the server must not close first, while a request may be on its way.
  keepAliveMs: count.default(75_000).describe("time an idle connection stays open"),
  // The patience of most proxies; Kubernetes kills after thirty seconds.
  deadlineMs: count.default(300_000).describe("time limit of a request, from arrival to the end of its answer"),
  drainMs: count
    .default(30_000)
    .describe("time for running requests to finish when the server stops or a version is unloaded"),
});

export type ServerConfig = z.infer<typeof serverConfigSchema>;

/** As an address spells it, so that the two can be compared letter by letter. */
function isHost(text: string): boolean {
  return URL.canParse(`http://${text}/`) && new URL(`http://${text}/`).host === text;
}

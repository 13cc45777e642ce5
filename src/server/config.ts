/**
 * What a server is told: every limit with its default and its meaning, which is also what `ocellus serve --help` prints.
 * `cli` fills it from flags, environment and a file.
 */
import { z } from "zod";

const MiB = 2 ** 20;
const count = z.number().int().min(1);

export const serverConfigSchema = z.strictObject({
  host: z.string().default("127.0.0.1").describe("address to listen on; 0.0.0.0 for all"),
  port: z.number().int().min(0).max(65_535).default(8080).describe("port to listen on; 0 takes a free one"),
  // Some phone photos in base64.
  maxBodyBytes: count.default(32 * MiB).describe("of one request"),
  maxBodiesBytes: count.default(256 * MiB).describe("of all requests that are in work or waiting"),
  bodyIdleMs: count.default(30_000).describe("that a body may pause while it is sent"), // a phone between two cells
  maxImageBytes: count.default(20 * MiB).describe("of one picture as a file"), // OpenAI's limit
  // The largest phone sensor in common use.
  maxImagePixels: count.default(50e6).describe("of one picture when decoded"),
  decodeMs: count.default(20_000).describe("for decoding and fitting one picture"), // an AVIF of the largest size on a slow core
  maxImages: count.default(64).describe("in one request"),
  // Two of the largest pictures that any family takes, or forty common photos.
  maxPixelBytes: count.default(1024 * MiB).describe("of all pictures that are fitted for a model and not encoded yet"),
  allowImageUrls: z.boolean().default(false).describe("fetch pictures by http(s) address, from public machines only"),
  // "nas.lan" is its port 80 or 443; another one is named: "nas.lan:8080".
  imageHosts: z
    .array(z.string().refine(isHost, "expected HOST or HOST:PORT in lower case, as an address has it"))
    .default([])
    .describe("hosts of a private network whose pictures are fetched by address, HOST or HOST:PORT"),
  imageTimeoutMs: count.default(10_000).describe("for fetching one picture"),
  collections: z
    .string()
    .optional()
    .describe("folder of collections to find pictures in (default: none; see index list)"),
  collectionsReadOnly: z.boolean().default(false).describe("collections are searched and not changed"),
  maxFilesBytes: count.default(256 * MiB).describe("of all uploaded pictures, kept in memory"),
  insecureLocalAdmin: z
    .boolean()
    .default(false)
    .describe("let programs of this machine change versions without an admin key; not beside a proxy or other users"),
  metricsKey: z
    .enum(["none", "api", "admin"])
    .default("none")
    .describe("which key /metrics asks for: none, api (one of --keys-file), admin (one of --admin-keys-file)"),
  requestsPerMinute: count.optional().describe("of each key (of each address without keys)"),
  maxConcurrent: count.optional().describe("answers of one key at once; those beyond wait"),
  corsOrigins: z.array(z.url()).default([]).describe("web pages of other origins that may ask"),
  maxQueue: z.number().int().min(0).default(256).describe("answers that may wait for their turn; then 429"),
  shadowQueue: z.number().int().min(0).default(64).describe("questions that wait to be mirrored; further ones are not"),
  // Some requests with large pictures, or very many with small ones.
  shadowBytes: z
    .number()
    .int()
    .min(0)
    .default(64 * MiB)
    .describe("of all these questions and their pictures"),
  shadowRunning: count.default(1).describe("mirrored answers that are written at once"),
  // Longer than proxies keep theirs (60 s as a rule): who closes first must not be the one who is being asked.
  keepAliveMs: count.default(75_000).describe("that a connection without requests is kept open"),
  // The patience of most proxies; Kubernetes kills after thirty seconds.
  deadlineMs: count.default(300_000).describe("from a request's arrival to the end of its answer"),
  drainMs: count
    .default(30_000)
    .describe("that running answers are given when the server is told to stop, or a version to make room"),
});

export type ServerConfig = z.infer<typeof serverConfigSchema>;

/** As an address spells it, so that the two can be compared letter by letter. */
function isHost(text: string): boolean {
  return URL.canParse(`http://${text}/`) && new URL(`http://${text}/`).host === text;
}

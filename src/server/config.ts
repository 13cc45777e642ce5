/** What a server is told: every limit with its default and its reason. `cli` fills it from flags, environment and a file. */
import { z } from "zod";

const MiB = 2 ** 20;
const count = z.number().int().min(1);
const milliseconds = z.number().int().min(1);

export const serverConfigSchema = z.strictObject({
  host: z.string().default("127.0.0.1"),
  /** 0 takes any free port. */
  port: z.number().int().min(0).max(65_535).default(8080),
  /** Of one request's body. Some phone photos in base64. */
  maxBodyBytes: count.default(32 * MiB),
  /** Of all bodies that are being read or answered together: what a burst may take of memory. */
  maxBodiesBytes: count.default(256 * MiB),
  /** Of one picture as a file. */
  maxPictureBytes: count.default(20 * MiB), // OpenAI's limit
  /** Of one picture when decoded. The largest phone sensor in common use has 50 million. */
  maxPicturePixels: count.default(50e6),
  maxPictures: count.default(64),
  /** Pictures may be given by http or https address. */
  allowPictureUrls: z.boolean().default(false),
  /** For fetching one of them. */
  pictureTimeoutMs: milliseconds.default(10_000),
  /** Of uploaded files, all keys together; in memory. */
  maxFilesBytes: count.default(256 * MiB),
  /** Of each key, or of each address without keys; a key may have limits of its own. */
  requestsPerMinute: count.optional(),
  /** Answers of one key that are written at once; those beyond wait. */
  maxConcurrent: count.optional(),
  /** Web pages of other origins that may ask, such as https://shop.example. */
  corsOrigins: z.array(z.url()).default([]),
  /** Answers that may wait for their turn, of all keys together; then 429. */
  maxQueue: z.number().int().min(0).default(256),
  /** From the arrival of a request to the end of its answer. */
  deadlineMs: milliseconds.default(300_000), // the patience of most proxies
  /** What running answers are given when the server is told to stop. */
  drainMs: milliseconds.default(30_000), // Kubernetes kills after 30 s
});

export type ServerConfig = z.infer<typeof serverConfigSchema>;

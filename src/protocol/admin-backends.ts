/** The engines behind a server, as it sees them: GET /admin/v1/backends, and in short GET /health/ready. */
import { z } from "zod";

const backendStateSchema = z.object({
  name: z.string(),
  url: z.string(),
  /** busy: it said that it is full; open: its requests failed; trial: one request at a time; ejected: worse than the others. */
  state: z.enum(["starting", "up", "down", "open", "trial", "ejected", "busy", "leaving"]),
  reason: z.string().optional(),
  num_requests_running: z.number(),
  max_concurrent: z.number(),
  weight: z.number(),
});

export const backendStatesSchema = z
  .object({
    object: z.literal("list"),
    data: z.array(
      z.object({ model: z.string(), num_requests_waiting: z.number(), backends: z.array(backendStateSchema) }),
    ),
    /** Why a changed file is not in force. */
    problem: z.string().optional(),
  })
  .meta({ id: "BackendStates" });
export type WireBackendStates = z.infer<typeof backendStatesSchema>;

/** Of one model: how many of its backends can be asked. */
export const backendCountsSchema = z.object({ usable: z.number(), total: z.number() });

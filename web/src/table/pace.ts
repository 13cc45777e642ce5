/** How many rows are asked at once: as many answers as the model generates at once, so that its batch is full and no one queues. */
import { readMetrics } from "../api.js";

/** A browser opens six connections to a server: one stays free for the rest of the page. */
const most = 5;
/** Where the server shows no metrics: one is read while the other is answered. */
const unknown = 2;

export async function slotsOf(model: string): Promise<number> {
  const metrics = await readMetrics().catch(() => []);
  const values = metrics.find(({ name }) => name === "ocellus_num_slots")?.values ?? [];
  const own = values.find(({ labels }) => labels.model === model) ?? values[0];
  return Math.min(most, Math.max(1, own?.value ?? unknown));
}

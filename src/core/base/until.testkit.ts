/** Waiting in tests for a state that comes of itself. Never a sleep: how long a step takes, another machine decides. */
import { vi } from "vitest";

/** Far longer than any step takes, also on a machine that stalls for seconds; shorter than a test may take. */
export const patienceMs = 60_000;

/** Looks until `check` does not throw; what it returns. @throws what it threw last */
export function until<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: patienceMs, interval: 20 });
}

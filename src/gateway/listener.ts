/** What a gateway tells those who count and those who log. Names are those of the file: their number is bounded. */
import type { Report } from "./backend.js";

export interface GatewayListener {
  onEnd(model: string, backend: string, report: Report): void;
  /** A request goes to another backend, before its first token. */
  onRetry(model: string, backend: string, error: unknown): void;
  onHedge(model: string): void;
}

/**
 * Which hub to ask, as whom, and whether to ask at all: the environment variables that the Hugging Face libraries share,
 * so that a machine set up for those needs nothing more. The token lives here and in `request.ts`; no message shows it.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { OcellusError, trimEndOf } from "../core/base/index.js";
import { homeFolder } from "../core/fs/index.js";

export interface Hub {
  /** Scheme, host and perhaps a path, without a slash at the end. */
  readonly endpoint: string;
  readonly token?: string;
  /** The first pause before a retry; each further one is twice as long. */
  readonly retryDelayMs: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * HF_ENDPOINT, and HF_TOKEN or what `hf auth login` has kept.
 * @throws `invalid_request` when one of them cannot be used.
 */
export async function hubFromEnvironment(env: Environment = process.env): Promise<Hub> {
  const { HUB_URL } = await import("@huggingface/hub"); // loaded only by commands that go to the network
  const token = await findToken(env);
  const hub = { endpoint: parseEndpoint(env.HF_ENDPOINT || HUB_URL), retryDelayMs: 500 };
  return token === undefined ? hub : { ...hub, token };
}

/** `--offline` of the whole process: HF_HUB_OFFLINE=1. */
export function isOffline(env: Environment = process.env): boolean {
  return /^(1|true|yes|on)$/i.test(env.HF_HUB_OFFLINE ?? "");
}

function parseEndpoint(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol) && !url.username && !url.password && !url.search && !url.hash)
    return trimEndOf(url.href, "/");
  throw new OcellusError(
    "invalid_request",
    "HF_ENDPOINT: expected an address like https://host, without user or query",
    { details: { variable: "HF_ENDPOINT" } },
  );
}

async function findToken(env: Environment): Promise<string | undefined> {
  const token = (env.HF_TOKEN || env.HUGGING_FACE_HUB_TOKEN || (await savedToken(env)))?.trim();
  if (!token) return undefined;
  // Checked here because fetch would quote the whole header in its own error.
  if (/^[\x21-\x7e]{1,1024}$/.test(token)) return token;
  throw new OcellusError(
    "invalid_request",
    "HF_TOKEN (or the saved token): expected up to 1024 visible ASCII characters in one line, found others; copy it again",
    { details: { variable: "HF_TOKEN" } },
  );
}

async function savedToken(env: Environment): Promise<string | undefined> {
  const folder = env.HF_HOME || join(env.XDG_CACHE_HOME || join(homeFolder() ?? "/", ".cache"), "huggingface");
  return readFile(join(folder, "token"), "utf8").catch(() => undefined);
}

/**
 * A POST that its receiver can believe: signed with a secret that both know, and with the time, so that it cannot be sent again
 * later. The address is the operator's own, like the secret, and may be in a private network; redirects are not followed.
 *
 *   x-ocellus-signature: v1=HMAC-SHA256(secret, timestamp "." body)      x-ocellus-timestamp: seconds
 */
import { createHmac } from "node:crypto";
import { OcellusError } from "../core/base/index.js";

const minSecretLength = 16;

/** @param owner whose secret it is, for people @throws `invalid_config` when the environment has none. */
export function secretFrom(variable: string, owner: string): string {
  const secret = process.env[variable] ?? "";
  if (secret.length >= minSecretLength) return secret;
  throw new OcellusError(
    "invalid_config",
    `${owner}: expected a secret of at least ${minSecretLength} characters in ${variable}, found ${secret.length}`,
  );
}

/** @returns the answer, whatever its status; its body is to be read or cancelled @throws `io` when there is none. */
export async function signedPost(url: string, body: string, secret: string, signal: AbortSignal): Promise<Response> {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const signature = createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex");
  const headers = {
    "content-type": "application/json",
    "x-ocellus-timestamp": timestamp,
    "x-ocellus-signature": `v1=${signature}`,
  };
  return fetch(url, { method: "POST", body, headers, signal, redirect: "error" }).catch((cause: unknown) => {
    const reason = (cause as { cause?: { code?: string } }).cause?.code ?? (cause as Error).message;
    throw new OcellusError("io", `the service cannot be reached: ${reason}`, { cause });
  });
}

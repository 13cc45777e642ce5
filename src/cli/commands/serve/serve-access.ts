/**
 * Who may call a server: the keys that it is started with, and what is refused before it opens its port. A registry that is
 * served without admin keys gets one for this run, which is shown on a terminal alone: a log is read by others.
 */
import { OcellusError } from "../../../core/base/index.js";
import { createKey, isLoopback, KeyRing } from "../../../server/index.js";
import type { ServeConfig } from "./settings.js";

export interface ServerKeys {
  readonly keys: KeyRing | undefined;
  readonly adminKeys: KeyRing | undefined;
  /** What to print about /admin/v1; nothing where there are no versions, or keys of one's own. */
  readonly adminNote: string | undefined;
}

type AccessConfig = Pick<
  ServeConfig,
  "host" | "auth" | "keysFile" | "adminKeysFile" | "insecureLocalAdmin" | "metricsKey" | "registry" | "backends"
>;

/** @throws `invalid_request` for settings that leave the server open, or closed to all; as `KeyRing.open` */
export async function openKeys(config: AccessConfig, isTerminal: boolean): Promise<ServerKeys> {
  checkAccess(config);
  const { auth, keysFile, adminKeysFile } = config;
  const keys = keysFile === undefined || !auth ? undefined : await KeyRing.open(keysFile);
  if (adminKeysFile !== undefined) return { keys, adminKeys: await KeyRing.open(adminKeysFile), adminNote: undefined };
  return { keys, ...adminOfThisRun(config, isTerminal) };
}

function adminOfThisRun({ registry, backends, insecureLocalAdmin }: AccessConfig, isTerminal: boolean) {
  if (registry === undefined && backends === undefined) return { adminKeys: undefined, adminNote: undefined };
  if (insecureLocalAdmin)
    return { adminKeys: undefined, adminNote: "/admin/v1 is open to every program on this machine, without a key" };
  if (!isTerminal)
    return {
      adminKeys: undefined,
      adminNote:
        "/admin/v1 and the page's Versions are disabled; create a key with `ocellus keys add NAME --keys-file admin.json` and serve with --admin-keys-file admin.json",
    };
  const { secret, key } = createKey("terminal");
  const adminNote = `temporary admin key for /admin/v1 and the page's Versions: ${secret} (use --admin-keys-file for permanent keys)`;
  return { adminKeys: KeyRing.of([key]), adminNote };
}

function checkAccess(config: AccessConfig): void {
  const { host, auth, keysFile, adminKeysFile, insecureLocalAdmin, metricsKey } = config;
  const problems: readonly (readonly [boolean, string])[] = [
    [
      !isLoopback(host) && auth && keysFile === undefined,
      `${host} can be reached by other machines: use --keys-file (see \`ocellus keys add --help\`), or --no-auth`,
    ],
    [
      insecureLocalAdmin && !isLoopback(host),
      `--insecure-local-admin: ${host} can be reached by other machines; use --admin-keys-file`,
    ],
    [
      insecureLocalAdmin && adminKeysFile !== undefined,
      "--insecure-local-admin and --admin-keys-file: use one of them",
    ],
    [metricsKey === "api" && (keysFile === undefined || !auth), "--metrics-key api: expected --keys-file too"],
    [metricsKey === "admin" && adminKeysFile === undefined, "--metrics-key admin: expected --admin-keys-file too"],
  ];
  const found = problems.find(([isSo]) => isSo);
  if (found) throw new OcellusError("invalid_request", found[1]);
}

export function whoMayAsk({ host }: AccessConfig, keys: KeyRing | undefined): string {
  if (keys) return "key required";
  return isLoopback(host)
    ? "no key required, this machine only"
    : "NO KEY REQUIRED: anyone who reaches this address can use it";
}

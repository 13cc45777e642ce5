/** Addresses for messages and logs. */

/** `scheme://user:…@host`, of an address that has a password. */
export function withoutPassword(url: string): string {
  return url.replace(/^([^:/]*:\/\/[^:@/]*):[^@]*@/, "$1:…@");
}

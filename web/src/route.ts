/** Where the reader is: `#/chat/ID`, `#/compare`… In the hash, so that any folder of any server can hold the page. */
import { useSyncExternalStore } from "react";

export const pages = [
  ...(["chat", "table", "compare", "uses", "collections", "monitor", "versions", "guards", "model"] as const),
  "docs",
] as const;
export type PageName = (typeof pages)[number];

export interface Route {
  readonly page: PageName;
  /** Of a conversation. */
  readonly id: string | undefined;
}

export function hrefOf(page: PageName, id?: string): string {
  return id ? `#/${page}/${id}` : `#/${page}`;
}

export function go(page: PageName, id?: string): void {
  location.hash = hrefOf(page, id);
}

export function useRoute(): Route {
  const hash = useSyncExternalStore(
    (listener) => {
      addEventListener("hashchange", listener);
      return () => removeEventListener("hashchange", listener);
    },
    () => location.hash,
  );
  const [, name, id] = hash.split("/");
  return { page: pages.find((page) => page === name) ?? "chat", id: id || undefined };
}

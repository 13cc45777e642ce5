/** The service worker that keeps the page itself: once it has all files, the demo works without a network. */
import { useEffect, useState } from "react";

/** @param isReady the model is stored: only then, so that the page's files do not compete with the model's. */
export function useOffline(isReady: boolean): boolean {
  const [isKept, setKept] = useState(false);
  useEffect(() => {
    if (!isReady || !("serviceWorker" in navigator) || import.meta.env.DEV) return;
    const register = async () => {
      await navigator.serviceWorker.register(new URL("service-worker.js", document.baseURI));
      await navigator.serviceWorker.ready;
      setKept(true);
    };
    register().catch(() => {}); // without it the demo works, with a network
  }, [isReady]);
  return isKept;
}

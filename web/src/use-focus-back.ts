/** What had the focus when a part of the page opened gets it back when that part closes. A `dialog` does so by itself. */
import { useEffect, useRef } from "react";

/** To be called before anything in the part takes the focus. */
export function useFocusBack(isOpen = true): void {
  const before = useRef<Element>(null);
  useEffect(() => {
    if (!isOpen) return;
    before.current = document.activeElement;
    return () => {
      if (before.current instanceof HTMLElement && before.current.isConnected) before.current.focus();
    };
  }, [isOpen]);
}

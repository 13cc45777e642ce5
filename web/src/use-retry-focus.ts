/**
 * "Try again" goes while the new answer is written, and the focus that was on it waits at the conversation; then it is at the same
 * button of the new answer, unless the reader has moved it meanwhile.
 */
import { type RefObject, useCallback, useEffect, useRef } from "react";
import { type Answer, isOpen } from "./conversation.js";

export function useRetryFocus(conversation: RefObject<HTMLElement | null>, newest: Answer | undefined): () => void {
  const isWaiting = useRef(false);
  const isWriting = newest !== undefined && isOpen(newest);
  useEffect(() => {
    if (isWriting || !isWaiting.current) return;
    isWaiting.current = false;
    if (document.activeElement !== conversation.current) return;
    const buttons = [...(conversation.current?.querySelectorAll<HTMLElement>("[data-retry]") ?? [])];
    buttons.at(-1)?.focus({ preventScroll: true });
  }, [isWriting, conversation]);
  return useCallback(() => {
    isWaiting.current = true;
    conversation.current?.focus({ preventScroll: true });
  }, [conversation]);
}

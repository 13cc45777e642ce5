/** One answer beside others, outside any conversation: for panels. */
import { useEffect, useRef, useState } from "react";
import { waitingAnswer, writeAnswer } from "./answering.js";
import { type Answer, type Picture, question, type Turn } from "./conversation.js";
import { plainSettings, type Settings } from "./preferences.js";

export interface AnswerSlot {
  readonly answer: Answer | undefined;
  /** What it was asked. */
  readonly turns: readonly Turn[];
  readonly isWriting: boolean;
  ask(text: string, pictures: readonly Picture[], model: string, settings?: Settings): Promise<Answer>;
  stop(): void;
}

export function useAnswer(): AnswerSlot {
  const [answer, set] = useState<Answer>();
  const [turns, setTurns] = useState<readonly Turn[]>([]);
  const stopping = useRef<AbortController>(undefined);
  useEffect(() => () => stopping.current?.abort(), []);
  const ask: AnswerSlot["ask"] = (text, pictures, model, settings = plainSettings) => {
    stopping.current?.abort();
    const own = new AbortController();
    stopping.current = own;
    const asked = [question(text, pictures)];
    const empty = waitingAnswer({ model, settings });
    setTurns(asked);
    set(empty);
    return writeAnswer(empty, asked, own.signal, (grown) => stopping.current === own && set(grown));
  };
  const isWriting = answer?.state === "waiting" || answer?.state === "writing";
  return { answer, turns, isWriting, ask, stop: () => stopping.current?.abort() };
}

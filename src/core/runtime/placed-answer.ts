/** The events of an answer, with the places that it names on the last one. */
import { citedAnswer, type PlacesReader } from "./boxes.js";
import type { ChatEvent, ChatToken } from "./chat.js";
import { splitReasoning } from "./reasoning.js";

interface PlacedOptions {
  readonly places: PlacesReader;
  /** Whether its leaves were asked for with their boxes: then the text is held until it can be given without them. */
  readonly isCited: boolean;
  readonly isThinking: boolean;
}

export async function* placedAnswer(
  events: AsyncIterable<ChatEvent>,
  { places, isCited, isThinking }: PlacedOptions,
): AsyncGenerator<ChatEvent> {
  let text = "";
  const held: ChatToken[] = [];
  for await (const event of events) {
    if (event.type === "text") {
      text += event.text;
      if (isCited) held.push(...event.tokens);
      else yield event;
      continue;
    }
    const { content } = splitReasoning(text, isThinking);
    if (!isCited) {
      yield { ...event, boxes: places.inText(content) };
      continue;
    }
    const { text: plain, ...placed } = citedAnswer(content, places, event.fields);
    yield { type: "text", text: text.slice(0, text.length - content.length) + plain, tokens: held };
    yield { ...event, ...placed };
  }
}

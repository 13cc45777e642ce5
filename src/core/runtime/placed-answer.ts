/** The events of an answer, with the places that it names on the last one. */
import { citedAnswer, type PlacesReader } from "./boxes.js";
import type { ChatEvent, LocalToken } from "./chat.js";

interface PlacedOptions {
  readonly places: PlacesReader;
  /** Whether its leaves were asked for with their boxes: then the text is held until it can be given without them. */
  readonly isCited: boolean;
}

export async function* placedAnswer(
  events: AsyncIterable<ChatEvent<LocalToken>>,
  { places, isCited }: PlacedOptions,
): AsyncGenerator<ChatEvent<LocalToken>> {
  let text = "";
  const held: LocalToken[] = [];
  for await (const event of events) {
    if (event.type === "reasoning") {
      yield event;
      continue;
    }
    if (event.type === "text") {
      text += event.text;
      if (isCited) held.push(...event.tokens);
      else yield event;
      continue;
    }
    if (!isCited) {
      yield { ...event, boxes: places.inText(text) };
      continue;
    }
    const { text: plain, ...placed } = citedAnswer(text, places, event.fields);
    yield { type: "text", text: plain, tokens: held };
    yield { ...event, ...placed };
  }
}

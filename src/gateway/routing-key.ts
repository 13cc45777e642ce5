/**
 * What of a request decides where it goes: the images of the first message that has some, whatever their order, so that a
 * conversation stays where it began when more come in; of one without images its first words. Requests with equal keys find what an
 * engine has cached of each other: encoded images, and the beginning of the prompt.
 */
import type { RoutedMessage, RoutedRequest } from "./engine.js";
import { type Hash, hashOf } from "./routing.js";

export function routingKey({ messages }: RoutedRequest): Hash {
  for (const { content } of messages) {
    if (typeof content === "string") continue;
    const uuids = content.flatMap(({ uuid }) => uuid ?? []);
    if (uuids.length > 0) return hashOf(`images ${[...new Set(uuids)].sort().join(" ")}`);
  }
  return hashOf(`text ${firstTextOf(messages)}`);
}

/** Up to the end of the first turn of the user: every later turn of the conversation begins with it. */
function firstTextOf(messages: readonly RoutedMessage[]): string {
  const end = messages.findIndex(({ role }) => role === "user");
  const opening = messages.slice(0, end < 0 ? messages.length : end + 1);
  return opening.map(({ role, content }) => `${role}\n${textOf(content)}`).join("\n");
}

function textOf(content: RoutedMessage["content"]): string {
  return typeof content === "string" ? content : content.map(({ text = "" }) => text).join("\n");
}

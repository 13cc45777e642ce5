/**
 * Clients that never stop asking an alias of a server: whole and streamed answers, with pictures and without, some in conversations
 * that name themselves. What became of every request is kept: which version answered, or what went wrong.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repository } from "./folders.js";

export interface Asked {
  /** On the clock of `performance.now`. */
  readonly started: number;
  readonly ms: number;
  readonly kind: Kind;
  readonly conversation?: string | undefined;
  /** As the answer's header says; absent when there was none. */
  readonly version?: string | undefined;
  /** What went wrong: refused, broken off, no end. */
  readonly problem?: string | undefined;
}

const kinds = ["whole", "streamed", "image", "picture streamed"] as const;
type Kind = (typeof kinds)[number];

const images = ["dress", "boots", "screen-error"].map((name) => {
  const bytes = readFileSync(join(repository, `examples/pictures/${name}.jpg`));
  return `data:image/jpeg;base64,${bytes.toString("base64")}`;
});

/** Questions of one conversation; then the client begins another. */
const turns = 6;

export class SteadyLoad {
  readonly asked: Asked[] = [];
  readonly #url: string;
  readonly #clients: Promise<unknown>;
  #isOver = false;

  constructor(url: string, numClients: number) {
    this.#url = url;
    this.#clients = Promise.all(Array.from({ length: numClients }, (_, client) => this.#ask(client)));
  }

  /** Resolves when so many more requests have been answered. */
  async more(count: number): Promise<void> {
    const until = this.asked.length + count;
    while (this.asked.length < until) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  /** Every request is answered before it resolves. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#clients;
  }

  get problems(): Asked[] {
    return this.asked.filter(({ problem }) => problem !== undefined);
  }

  /** The versions of each conversation, in the order in which they answered, each once in a row. */
  conversations(): Map<string, string[]> {
    const found = new Map<string, string[]>();
    for (const { conversation, version } of this.asked) {
      if (conversation === undefined || version === undefined) continue;
      const versions = found.get(conversation) ?? [];
      if (versions.at(-1) !== version) versions.push(version);
      found.set(conversation, versions);
    }
    return found;
  }

  async #ask(client: number): Promise<void> {
    for (let i = 0; !this.#isOver; i++) {
      const kind = kinds[(client + i) % kinds.length]!;
      const conversation = client % 2 === 0 ? `talk-${client}-${Math.floor(i / turns)}` : undefined;
      const started = performance.now();
      const end = await answerOf(this.#url, kind, client + i, { user: `user-${client}-${i}`, conversation });
      this.asked.push({ started, ms: performance.now() - started, kind, conversation, ...end });
    }
  }
}

interface Who {
  readonly user: string;
  readonly conversation: string | undefined;
}

async function answerOf(
  url: string,
  kind: Kind,
  number: number,
  who: Who,
): Promise<Pick<Asked, "version" | "problem">> {
  try {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(who.conversation !== undefined && { "x-ocellus-conversation": who.conversation }),
      },
      body: JSON.stringify(bodyOf(kind, number, who.user)),
    });
    const text = await response.text();
    const version = response.headers.get("x-ocellus-version") ?? undefined;
    const isWhole = kind.endsWith("streamed")
      ? text.trimEnd().endsWith("data: [DONE]")
      : text.includes('"finish_reason"');
    if (response.status === 200 && isWhole && !text.includes('"error"')) return { version };
    return { version, problem: `${response.status}: ${text.slice(-300)}` };
  } catch (error) {
    return { problem: `${(error as Error).message} ${(error as Error).cause ?? ""}` };
  }
}

function bodyOf(kind: Kind, number: number, user: string): object {
  const text = { type: "text", text: "What is it, and what colour?" };
  const image = { type: "image_url", image_url: { url: images[number % images.length] } };
  const content = kind.startsWith("image") ? [image, text] : [text];
  const stream = kind.endsWith("streamed");
  return { model: "prod", user, stream, max_tokens: 16, messages: [{ role: "user", content }] };
}

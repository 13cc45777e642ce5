/**
 * Calls between a page and its worker, several at a time: a call has a result, may tell of events before it, and can be given up.
 * What is said is that of core/worker, with a word more for giving up.
 */
import { aborted, invariant, OcellusError, throwIfAborted } from "../../base/index.js";
import { errorOf, failureOf, type Reply, type Request } from "../../worker/portable.js";

/** Either end: a worker as its page has it, or the worker's own scope. */
export interface Port {
  postMessage(message: unknown): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
}

interface Cancel {
  readonly cancel: number;
}

/** How a method is run: until the signal fires, with what tells its caller of an event. */
export interface Running {
  readonly signal: AbortSignal;
  readonly tell: (event: unknown) => void;
}

// biome-ignore lint/suspicious/noExplicitAny: the parameters of each method are its own
export type CallMethods = Readonly<Record<string, (running: Running, ...args: any[]) => Promise<unknown>>>;

/** The worker's end. */
export function serveCalls(port: Port, methods: CallMethods): void {
  const running = new Map<number, AbortController>();
  const answer = async ({ id, method, args }: Request): Promise<Reply> => {
    const controller = new AbortController();
    running.set(id, controller);
    try {
      invariant(Object.hasOwn(methods, method), `no method ${method}`);
      const tell = (note: unknown) => port.postMessage({ id, note } satisfies Reply);
      return { id, value: await methods[method]!({ signal: controller.signal, tell }, ...args) };
    } catch (error) {
      return { id, failure: failureOf(error) };
    } finally {
      running.delete(id);
    }
  };
  port.addEventListener("message", async ({ data }) => {
    const message = data as Request | Cancel;
    if ("cancel" in message) running.get(message.cancel)?.abort();
    else reply(port, await answer(message));
  });
}

/** A caller is always answered, also where a result or an error's details cannot be sent. */
function reply(port: Port, message: Reply): void {
  try {
    port.postMessage(message);
  } catch (error) {
    const { id, failure } = message;
    port.postMessage({ id, failure: failure ? { ...failure, details: {} } : failureOf(error) } satisfies Reply);
  }
}

interface Call {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly onEvent: ((event: unknown) => void) | undefined;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: (event: unknown) => void;
}

/** The page's end. */
export class Calls {
  readonly #port: Port;
  readonly #calls = new Map<number, Call>();
  #lastId = 0;
  #ended: OcellusError | undefined;

  constructor(port: Port) {
    this.#port = port;
    port.addEventListener("message", ({ data }) => this.#hear(data as Reply));
  }

  /** @throws what the method throws, `aborted` at once, and what the calls were ended with. */
  async call(method: string, args: readonly unknown[], { signal, onEvent }: CallOptions = {}): Promise<unknown> {
    throwIfAborted(signal);
    if (this.#ended) throw this.#ended;
    const id = ++this.#lastId;
    const result = new Promise((resolve, reject) => this.#calls.set(id, { resolve, reject, onEvent }));
    const cancel = () => {
      this.#port.postMessage({ cancel: id } satisfies Cancel);
      this.#calls.get(id)?.reject(aborted(signal!));
    };
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      this.#send({ id, method, args });
      return await result;
    } finally {
      signal?.removeEventListener("abort", cancel);
      this.#calls.delete(id);
    }
  }

  /** What the method tells, as it comes; leaving the loop early cancels the call. */
  async *stream(method: string, args: readonly unknown[], signal?: AbortSignal): AsyncGenerator<unknown> {
    const events: unknown[] = [];
    let wake = () => {};
    const left = new AbortController();
    const done = this.call(method, args, {
      signal: signal ? AbortSignal.any([signal, left.signal]) : left.signal,
      onEvent: (event) => {
        events.push(event);
        wake();
      },
    });
    let isDone = false;
    done
      .catch(() => {})
      .finally(() => {
        isDone = true;
        wake();
      });
    try {
      for (;;) {
        while (events.length > 0) yield events.shift();
        if (isDone) break;
        await new Promise<void>((resume) => {
          wake = resume;
        });
      }
      await done;
    } finally {
      if (!isDone) left.abort();
    }
  }

  /** All that waits fails with this, and so does what is called later. */
  end(error: OcellusError): void {
    this.#ended ??= error;
    for (const { reject } of this.#calls.values()) reject(this.#ended);
  }

  #send(request: Request): void {
    try {
      this.#port.postMessage(request);
    } catch (cause) {
      const message = `a worker cannot be sent these arguments of ${request.method}: ${(cause as Error).message}`;
      throw new OcellusError("invalid_request", message, { details: { method: request.method }, cause });
    }
  }

  #hear({ id, value, failure, note }: Reply): void {
    const call = this.#calls.get(id);
    if (note !== undefined) call?.onEvent?.(note);
    else if (failure) call?.reject(errorOf(failure));
    else call?.resolve(value);
  }
}

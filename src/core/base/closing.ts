/** The end of what can be closed: closing again waits for the first time, and what is asked later is refused. */
import { OcellusError } from "./error.js";

export class Closing {
  readonly #name: string;
  #done: Promise<void> | undefined;

  /** @param name as it is in the error: "the model" */
  constructor(name: string) {
    this.#name = name;
  }

  get isClosed(): boolean {
    return this.#done !== undefined;
  }

  /** @throws `closed` */
  check(): void {
    if (this.isClosed) throw this.error();
  }

  error(): OcellusError {
    return new OcellusError("closed", `${this.#name} is closed; open it again to use it`);
  }

  run(work: () => Promise<void>): Promise<void> {
    this.#done ??= Promise.resolve().then(work);
    return this.#done;
  }
}

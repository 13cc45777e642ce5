/** The script of the threads in image-threads.test.ts: does what its picture says, and reports how many it has had. */
import { serve } from "../../worker/index.js";

let count = 0;

serve(() => ({
  async decode(input: string) {
    count++;
    if (input === "hang") for (;;);
    if (input === "throw") throw new Error("boom");
    if (input === "exit") process.exit(3);
    await new Promise((resolve) => setTimeout(resolve, input === "slow" ? 300 : 5));
    return { input, count };
  },
}));

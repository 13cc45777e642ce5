/** The script of a thread of a pass: does one job at a time. See pass.ts. */
import { serve } from "../core/worker/index.js";
import { type Job, JobRunner } from "./job.js";

const runner = new JobRunner();
const methods = { run: (job: Job) => runner.run(job) };
export type PassMethods = typeof methods;

serve(() => methods);

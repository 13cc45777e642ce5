#!/usr/bin/env node
/** The `ocellus` command: starts `main` and hands its exit code to the process. Everything else is in main.ts. */
import { main } from "./main.js";

// `ocellus … | head -1` closes the pipe early: that is an answer read, not an error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

process.exitCode = await main(process.argv.slice(2));

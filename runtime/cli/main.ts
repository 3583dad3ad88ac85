#!/usr/bin/env node
import process from "node:process";
import { pathToFileURL } from "node:url";
import type { Console } from "./console.ts";
import { runProgram } from "./program.ts";

const console: Console = {
  args: process.argv.slice(2),
  folder: process.cwd(),
  environment: process.env,
  out: (line) => void process.stdout.write(`${line}\n`),
  say: (line) => void process.stderr.write(`${line}\n`),
  onInterrupt(handler) {
    process.on("SIGINT", handler);
    process.on("SIGTERM", handler);
    return () => {
      process.off("SIGINT", handler);
      process.off("SIGTERM", handler);
    };
  },
  load: (path) => import(pathToFileURL(path).href),
};

// Not every runtime ends a process by itself whose user code forgets a promise that rejects: Bun lets it go on.
process.on("unhandledRejection", (reason) => {
  const shown = reason instanceof Error ? reason.stack ?? reason.message : String(reason);
  console.say(`sluice: a promise was rejected, and nobody attended to it, so the process ends: ${shown}`);
  process.exit(1);
});

process.exitCode = await runProgram(console);

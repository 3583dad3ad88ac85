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

process.exitCode = await runProgram(console);

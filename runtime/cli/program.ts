import { Command, CommanderError } from "commander";
import { clientCommands } from "./client_commands.ts";
import type { Console } from "./console.ts";
import { discreet } from "./discretion.ts";
import { inspectCommand } from "./inspect_command.ts";
import { memberCommand } from "./member_command.ts";
import { runCommand } from "./run_command.ts";
import { simulateCommand } from "./simulate_command.ts";

/** Runs the command line; gives the exit code: 0 done, 1 the job failed, 2 the command was not understood. */
export async function runProgram(outside: Console): Promise<number> {
  const console = discreet(outside);
  let exitCode = 0;
  const output = {
    writeOut: (text: string) => console.out(text.trimEnd()),
    writeErr: (text: string) => console.say(text.trimEnd()),
  };
  const program = new Command("sluice").description("Stateful stream processing, exactly once, on supervised actors");
  const done = (code: number): void => void (exitCode = code);
  const members = (["node", "worker", "coordinator"] as const).map((role) => memberCommand(role, console, done));
  const commands = [
    runCommand(console, done),
    inspectCommand(console, done),
    simulateCommand(console, done),
    ...members,
    ...clientCommands(console, done),
  ];
  for (const command of [program, ...commands]) {
    command.exitOverride().configureOutput(output).showHelpAfterError("(--help says more)");
  }
  for (const command of commands) program.addCommand(command);
  try {
    await program.parseAsync([...console.args], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : 2;
  }
  return exitCode;
}

import process from "node:process";
import { basename, relative } from "node:path";

/** The variable whose value a simulation replays. */
export const replayVariable = "SLUICE_SIM";

/** What the process was asked to replay. */
export function askedReplay(): string | undefined {
  try {
    const text = process.env[replayVariable];
    return text === "" ? undefined : text;
  } catch {
    return undefined; // Deno, without leave to read the environment
  }
}

/** The command that this process was started by, as a person would write it. */
export function ownCommand(): string {
  const [, script = ""] = process.argv;
  const file = relative(process.cwd(), script) || ".";
  const versions: Readonly<Record<string, string | undefined>> = process.versions;
  const rest = process.argv.slice(2).map(quoted);
  const runner = versions["deno"] !== undefined
    ? ["deno", "run", "-A"]
    : versions["bun"] !== undefined
    ? ["bun"]
    : process.execArgv.some((argument) => argument.includes("tsx"))
    ? ["npx", "tsx"]
    : [basename(process.execPath), ...process.execArgv.map(quoted)];
  return [...runner, quoted(file), ...rest].join(" ");
}

/** As a shell takes it for one word. */
export function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

import type { Command } from "commander";
import { resolve } from "node:path";
import type { Disk } from "../../actors/disk.ts";
import { messageOf, SluiceError } from "../../actors/error.ts";
import type { NatsOptions } from "../nats/connect.ts";
import { natsContext } from "../nats/context.ts";
import type { Console } from "./console.ts";
import { secretIn } from "./discretion.ts";

/** Which cluster, and how it is reached. */
export interface NatsFlags {
  readonly cluster: string;
  readonly nats?: string;
  readonly context?: string;
  readonly creds?: string;
  readonly nkey?: string;
  readonly inboxPrefix?: string;
}

export function natsFlags(command: Command): Command {
  return command
    .option("--cluster <name>", "which cluster: several can share an account of NATS", "main")
    .option("--nats <urls>", "addresses of NATS, with commas between (or NATS_URL; else nats://127.0.0.1:4222)")
    .option("--context <name>", "a connection that the nats command line has stored (or NATS_CONTEXT)")
    .option("--creds <file>", "credentials of NATS: a .creds file (or NATS_CREDS)")
    .option("--nkey <file>", "a file with the seed of an nkey (or NATS_NKEY)")
    .option("--inbox-prefix <subject>", "where answers come, if the user may not subscribe everywhere (or NATS_INBOX_PREFIX)");
}

/**
 * The connection that flags and environment name. User, password and token come from the address, the context, or NATS_USER,
 * NATS_PASSWORD and NATS_TOKEN: no flag holds a secret, since others on the machine can read them.
 */
export async function natsOptions(console: Console, disk: Disk, flags: NatsFlags): Promise<NatsOptions> {
  const { environment } = console;
  const { NATS_URL, NATS_CONTEXT, NATS_CREDS, NATS_NKEY, NATS_INBOX_PREFIX } = environment;
  const given = (flag: string | undefined, variable: string | undefined): string | undefined => {
    const value = flag ?? variable;
    return value === "" ? undefined : value;
  };
  const context = given(flags.context, NATS_CONTEXT);
  const stored = context === undefined ? {} : await natsContext(disk, contextFolder(environment), context);
  const urls = given(flags.nats, NATS_URL);
  const creds = given(flags.creds, NATS_CREDS);
  const nkey = given(flags.nkey, NATS_NKEY);
  const inboxPrefix = given(flags.inboxPrefix, NATS_INBOX_PREFIX);
  const { NATS_USER: user, NATS_PASSWORD: password, NATS_TOKEN: token } = environment;
  const options: NatsOptions = {
    ...stored,
    ...(urls === undefined ? {} : { servers: urls.split(",").map((url) => url.trim()) }),
    ...(creds === undefined ? {} : { credentials: await secret(console, disk, creds) }),
    ...(nkey === undefined ? {} : { nkeySeed: (await secret(console, disk, nkey)).trim() }),
    ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...(token === undefined ? {} : { token }),
  };
  for (const secret of secretsOf(options)) console.keepSecret?.(secret);
  return options;
}

/** Of credentials every line that may be a JWT or a seed. */
function secretsOf({ servers = [], password, token, nkeySeed, credentials = "" }: NatsOptions): readonly string[] {
  const text = typeof credentials === "string" ? credentials : new TextDecoder().decode(credentials);
  const addresses = typeof servers === "string" ? [servers] : servers;
  const lines = text.split(/\s+/).filter((line) => /^[\w.-]{20,}$/.test(line) && !line.startsWith("---"));
  return [password, token, nkeySeed, ...addresses.map(secretIn), ...lines].filter((secret) => secret !== undefined);
}

function contextFolder(environment: Console["environment"]): string {
  const { XDG_CONFIG_HOME: config, HOME: home = "", USERPROFILE: profile = "" } = environment;
  return `${config ?? `${home === "" ? profile : home}/.config`}/nats`;
}

async function secret(console: Console, disk: Disk, path: string): Promise<string> {
  try {
    return new TextDecoder().decode(await disk.read(resolve(console.folder, path)));
  } catch (cause) {
    throw new SluiceError("USAGE", `${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

import { type Disk, DiskError } from "../../actors/disk.ts";
import { messageOf, SluiceError } from "../../actors/error.ts";
import type { NatsOptions } from "./connect.ts";

/**
 * The connection that the `nats` command line has stored under a name, or the one that is selected there: `url`, `token`, `user`
 * and `password`, `creds`, `nkey`, `cert`, `key`, `ca`, `inbox_prefix`.
 *
 * @param folder where it keeps them: `~/.config/nats`
 * @throws {SluiceError} `NATS_CONTEXT` when there is no such context, or it or a file that it names cannot be read
 */
export async function natsContext(disk: Disk, folder: string, name?: string): Promise<NatsOptions> {
  const chosen = name ?? await selected(disk, folder);
  if (!/^[\w .-]{1,100}$/.test(chosen) || chosen.startsWith(".")) {
    throw new SluiceError("NATS_CONTEXT", `${JSON.stringify(chosen)} is no name of a NATS context`);
  }
  const path = `${folder}/context/${chosen}.json`;
  let stored: Readonly<Record<string, unknown>>;
  try {
    stored = Object(JSON.parse(await text(disk, path))) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    if (cause instanceof SluiceError) throw cause;
    throw new SluiceError("NATS_CONTEXT", `the NATS context ${path} is no JSON`, { cause });
  }
  const field = (key: string): string | undefined => {
    const value = stored[key];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const creds = field("creds");
  const nkey = field("nkey");
  const [url, token, user, password, inboxPrefix] = ["url", "token", "user", "password", "inbox_prefix"].map(field);
  const tls = { certFile: field("cert"), keyFile: field("key"), caFile: field("ca") };
  return {
    ...(url === undefined ? {} : { servers: url.split(",").map((server) => server.trim()) }),
    ...(creds === undefined ? {} : { credentials: await text(disk, creds) }),
    ...(nkey === undefined ? {} : { nkeySeed: seedIn(await text(disk, nkey), nkey) }),
    ...(token === undefined ? {} : { token }),
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
    ...(Object.values(tls).every((file) => file === undefined)
      ? {}
      : { tls: Object.fromEntries(Object.entries(tls).filter(([, file]) => file !== undefined)) }),
  };
}

async function selected(disk: Disk, folder: string): Promise<string> {
  const path = `${folder}/context.txt`;
  try {
    const name = new TextDecoder().decode(await disk.read(path)).trim();
    if (name !== "") return name;
  } catch (cause) {
    if (!(cause instanceof DiskError) || cause.code !== "missing") throw cause;
  }
  throw new SluiceError("NATS_CONTEXT", `no NATS context is selected in ${folder}: name one, or run "nats context select"`);
}

async function text(disk: Disk, path: string): Promise<string> {
  try {
    return new TextDecoder().decode(await disk.read(path));
  } catch (cause) {
    const said = messageOf(cause);
    throw new SluiceError("NATS_CONTEXT", `the NATS context needs ${path}, which cannot be read: ${said}`, { cause });
  }
}

/** A file with an nkey may hold comments and other lines. */
function seedIn(content: string, path: string): string {
  const seed = /\bSU[A-Z2-7]{50,60}\b/.exec(content)?.[0];
  if (seed === undefined) throw new SluiceError("NATS_CONTEXT", `the file ${path} holds no seed of a user's nkey`);
  return seed;
}

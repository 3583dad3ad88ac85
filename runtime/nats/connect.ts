import {
  connect,
  type ConnectionOptions,
  credsAuthenticator,
  type NatsConnection,
  nkeyAuthenticator,
  type TlsOptions,
} from "nats";
import { SluiceError } from "../../actors/error.ts";
import type { Random } from "../../actors/random.ts";
import { systemRandom } from "../../actors/system_random.ts";
import { guarded } from "./reset_guard.ts";

/** How to reach a NATS server, and as whom. */
export interface NatsOptions {
  /** Addresses such as `nats://127.0.0.1:4222`, tried in turn. @default `nats://127.0.0.1:4222` */
  readonly servers?: string | readonly string[];
  /** What the server calls the connection in its lists. @default `sluice` */
  readonly name?: string;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  /** The seed of an nkey, `SU…`. */
  readonly nkeySeed?: string;
  /** What a `.creds` file holds: a JWT and the seed of its nkey. */
  readonly credentials?: string | Uint8Array;
  readonly tls?: TlsOptions;
  /**
   * The first token of the subjects on which answers come. One of its own for each connection, so that who may read other
   * inboxes cannot read these.
   * @default `_INBOX_` and a random id
   */
  readonly inboxPrefix?: string;
  /** How long the first connection may take, in milliseconds. @default 5,000 */
  readonly timeoutMs?: number;
  /** Where the inbox prefix comes from. @default the machine's chance */
  readonly random?: Random;
}

/**
 * Connects to NATS. A connection that breaks is made again, for ever, with jitter; what was under way then is lost, and the
 * channels of a job mend that by themselves.
 *
 * @throws {SluiceError} `NATS_UNREACHABLE` when no server answers in time; `NATS_REFUSED` when the server refuses the
 * credentials; `BAD_OPTIONS` when several ways to say who one is are mixed. No message shows a secret.
 */
export async function connectNats(options: NatsOptions = {}): Promise<NatsConnection> {
  const servers = typeof options.servers === "string" ? [options.servers] : [...options.servers ?? ["nats://127.0.0.1:4222"]];
  const random = options.random ?? systemRandom();
  try {
    const wanted: ConnectionOptions = {
      servers,
      name: options.name ?? "sluice",
      timeout: options.timeoutMs ?? 5_000,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 100,
      reconnectJitter: 200,
      inboxPrefix: options.inboxPrefix ?? `_INBOX_${random.id().replace(/[^A-Za-z0-9]/g, "").slice(0, 22)}`,
      ...identity(options),
      ...(options.tls === undefined ? {} : { tls: options.tls }),
    };
    return await guarded(() => connect(wanted));
  } catch (cause) {
    throw explained(cause, servers);
  }
}

/** What tells the server who connects: one way, not several. */
function identity(options: NatsOptions): Partial<ConnectionOptions> {
  const { user, password, token, nkeySeed, credentials } = options;
  const ways = [
    user !== undefined || password !== undefined ? "user and password" : "",
    token !== undefined ? "token" : "",
    nkeySeed !== undefined ? "nkeySeed" : "",
    credentials !== undefined ? "credentials" : "",
  ].filter((way) => way !== "");
  if (ways.length > 1) throw new SluiceError("BAD_OPTIONS", `give one way to authenticate at NATS, not ${ways.join(" and ")}`);
  const bytes = (text: string | Uint8Array) => typeof text === "string" ? new TextEncoder().encode(text) : text;
  if (nkeySeed !== undefined) return { authenticator: nkeyAuthenticator(bytes(nkeySeed)) };
  if (credentials !== undefined) return { authenticator: credsAuthenticator(bytes(credentials)) };
  if (token !== undefined) return { token };
  return { ...(user === undefined ? {} : { user }), ...(password === undefined ? {} : { pass: password }) };
}

/** The client's words for a server that does not take the credentials. */
const refusal = /authori[sz]ation|authentication|bad.creds|invalid.jwt/i;

function explained(thrown: unknown, servers: readonly string[]): SluiceError {
  if (thrown instanceof SluiceError) return thrown;
  const { code, message } = thrown as { readonly code?: unknown; readonly message?: unknown };
  const said = unsaid(String(message), servers);
  // What a runtime says of an address that it cannot read may hold all of it.
  const cause = said === String(message) ? thrown : new Error(said);
  const shown = servers.map(withoutSecrets).join(", ");
  if (refusal.test(`${String(code)} ${said}`)) {
    return new SluiceError("NATS_REFUSED", `NATS at ${shown} refused the credentials: check user, token, nkey or creds file`, {
      cause,
    });
  }
  const why = unsaid(String(code ?? message), servers);
  return new SluiceError("NATS_UNREACHABLE", `NATS at ${shown} does not answer (${why}): is a server running?`, { cause });
}

/** A text without the users and passwords of addresses. */
function unsaid(text: string, servers: readonly string[]): string {
  for (const address of servers) {
    const secret = /^(?:[a-z]+:\/\/)?(.*)@/is.exec(address)?.[1];
    if (secret) text = text.replaceAll(secret, "***");
  }
  return text;
}

/** An address without the user and password that may stand in it. */
export function withoutSecrets(address: string): string {
  return address.replace(/^([a-z]+:\/\/)?.*@/is, "$1***@"); // up to the last @: a password may hold any sign
}

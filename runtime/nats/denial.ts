import { ErrorCode, Events, type NatsConnection, type Status } from "nats";
import { findInCauses, SluiceError } from "../../actors/error.ts";

/** Something that the server does not let the user of a connection do. */
export interface Denial {
  readonly operation: "publish" | "subscribe";
  readonly subject: string;
}

/** The client's words for it. */
interface PermissionContext {
  readonly operation: string;
  readonly subject: string;
}

/** Watches what the server denies on a connection from now on. It says so by itself, whether anybody waits or not. */
export function watchDenials(connection: NatsConnection, denied: (denial: Denial) => void): { stop(): void } {
  let open = true;
  const statuses = connection.status() as AsyncIterable<Status> & { stop?(): void };
  const follow = async (): Promise<void> => {
    for await (const status of statuses) {
      if (!open) return;
      if (status.type !== Events.Error || status.data !== ErrorCode.PermissionsViolation) continue;
      const denial = denialOf((status as { readonly permissionContext?: PermissionContext }).permissionContext);
      if (denial !== undefined) denied(denial);
    }
  };
  follow().catch(() => {}); // ends with the connection
  return {
    stop: () => {
      open = false;
      statuses.stop?.();
    },
  };
}

/** The denial that an error is about, by itself or as a cause. */
export function denialIn(error: unknown): Denial | undefined {
  return findInCauses(error, (at) => {
    const { code, permissionContext } = at as { readonly code?: unknown; readonly permissionContext?: PermissionContext };
    return code === ErrorCode.PermissionsViolation ? denialOf(permissionContext) : undefined;
  });
}

/** An error that tells of a denial, as one that says what to grant; any other as it is. `who`: `sink totals`, `worker a`. */
export function explainDenial(error: unknown, who: string): unknown {
  const explained = findInCauses(error, (at) => at instanceof SluiceError && at.code === "NATS_DENIED" ? at : undefined);
  if (explained !== undefined) return explained;
  const denial = denialIn(error);
  return denial === undefined ? error : denied(who, [denial], error);
}

/** Does something with NATS; a denial says who was denied what. */
export async function explainingDenials<T>(who: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw explainDenial(error, who);
  }
}

/** What is denied, and what to grant. */
export function denied(who: string, denials: readonly Denial[], cause?: unknown): SluiceError {
  const lines = denials.map(({ operation, subject }) => `it may not ${operation} on "${subject}": ${remedy(operation, subject)}`);
  return new SluiceError("NATS_DENIED", `${who} lacks rights at NATS: ${lines.join("; ")}`, cause === undefined ? {} : { cause });
}

function denialOf(context: PermissionContext | undefined): Denial | undefined {
  if (context === undefined) return undefined;
  return { operation: context.operation === "publish" ? "publish" : "subscribe", subject: context.subject };
}

function remedy(operation: Denial["operation"], subject: string): string {
  // An inbox of a connection's own has a name that no grant can foresee.
  if (operation === "subscribe" && subject.startsWith("_INBOX")) {
    return "answers come there, under a random prefix unless one is given; give one that its user may subscribe under " +
      "(inboxPrefix, --inbox-prefix, or inbox_prefix of a context)";
  }
  const wide = wildcardOf(subject);
  return `grant its user ${operation} on that${wide === subject ? "" : `, or on "${wide}", which is all of its kind`}`;
}

/** The subject with wildcards that all of a kind stand under. */
function wildcardOf(subject: string): string {
  const tokens = subject.split(".");
  const [first = ""] = tokens;
  if (first === "$JS" && tokens[1] === "API") return "$JS.API.>";
  if (["$KV", "$O", "sluice_cluster"].includes(first)) return `${tokens.slice(0, 2).join(".")}.>`;
  if (first === "$SRV" || first === "sluice" || first.startsWith("_INBOX")) return `${first}.>`;
  return subject;
}

import { AsyncLocalStorage } from "node:async_hooks";
import { subscribe } from "node:diagnostics_channel";
import type { EventEmitter } from "node:events";

/**
 * Keeps a connection to NATS that is reset by its server from ending the process on Deno.
 *
 * The client takes all listeners off a socket before it destroys it. A reset that arrives then is reported nevertheless on Deno
 * (`read ECONNRESET`), as an error that nobody listens for: whoever was refused while it was busy was ended by that. So sockets
 * that are made in the course of {@link guarded} keep a listener whatever is taken off them. Where the client listens itself,
 * that adds nothing. A socket inside TLS is not reached.
 */
const onDeno = "Deno" in globalThis;

let within: AsyncLocalStorage<true> | undefined;

/** Runs `connect`: on Deno, sockets that it makes, at once or when it connects again, may be reset at any time. */
export function guarded<T>(connect: () => Promise<T>): Promise<T> {
  if (!onDeno) return connect();
  within ??= watch();
  return within.run(true, connect);
}

function watch(): AsyncLocalStorage<true> {
  const storage = new AsyncLocalStorage<true>();
  subscribe("net.client.socket", (message) => {
    if (storage.getStore() === true) keepListening((message as { readonly socket: EventEmitter }).socket);
  });
  return storage;
}

function keepListening(socket: EventEmitter): void {
  const removeAllListeners = socket.removeAllListeners.bind(socket);
  socket.removeAllListeners = (...events) => {
    removeAllListeners(...events);
    return socket.on("error", () => {});
  };
}

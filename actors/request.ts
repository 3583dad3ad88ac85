import type { Clock } from "./clock.ts";
import { SluiceError } from "./error.ts";
import type { Transport } from "./transport.ts";

/** `Transport.request` in terms of publish and subscribe: an answer subject of its own, used once. */
export function request(
  transport: Transport,
  clock: Clock,
  replyTo: string,
  subject: string,
  bytes: Uint8Array,
  timeoutMs: number,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const subscription = transport.subscribe(replyTo, (delivery) => {
      timer.cancel();
      subscription.unsubscribe();
      resolve(delivery.bytes.slice());
    });
    const timer = clock.setTimer(timeoutMs, () => {
      subscription.unsubscribe();
      reject(new SluiceError("REQUEST_TIMEOUT", `no answer on ${subject} within ${timeoutMs} ms`));
    });
    try {
      transport.publish(subject, bytes, replyTo);
    } catch (error) {
      timer.cancel();
      subscription.unsubscribe();
      reject(error);
    }
  });
}

/** Throws unless the subject is dot-separated tokens of `[A-Za-z0-9_-]`. */
export function checkSubject(subject: string): void {
  if (!/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(subject)) {
    const shown = JSON.stringify(subject);
    throw new SluiceError("BAD_SUBJECT", `${shown} is no subject: tokens of letters, digits, "_" and "-", with dots between`);
  }
}

/** The error of a message that is too large to publish. */
export function payloadTooLarge(subject: string, bytes: number, maxPayloadBytes: number): SluiceError {
  const message = `a message of ${bytes} bytes on ${subject} is over the transport's limit of ${maxPayloadBytes} bytes`;
  return new SluiceError("PAYLOAD_TOO_LARGE", message);
}

/** The error of using a transport after its end. */
export function transportClosed(subject: string): SluiceError {
  return new SluiceError("TRANSPORT_CLOSED", `cannot use ${subject}: the transport is closed`);
}

/**
 * The fault matrix, rows 13 to 20: what happens to messages between workers. Each fault must be seen to have fired; then the
 * job must come to what a plain loop comes to, or fail with a message that says what, where and what to do.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { crc32 } from "../../actors/checksum.ts";
import type { SluiceError } from "../../actors/error.ts";
import { decodeValue } from "../../actors/codec.ts";
import { maxHeaderBytes } from "../../runtime/graph/message_header.ts";
import { type Tamper, WiredJob, type WireMessage } from "../wire/wired_job.ts";

const faults = suite("faults on the wire");

const isFrame = ({ header }: WireMessage, seq?: number) => header?.kind === "frame" && (seq === undefined || header.seq === seq);

/** Runs to the end, which no failure may have come before. */
async function mended(wired: WiredJob): Promise<void> {
  await wired.start();
  await wired.finish();
  assert.is(wired.count("failed"), 0);
}

/** Runs until the job is given up; why. */
async function givenUp(wired: WiredJob): Promise<SluiceError> {
  const run = await wired.start();
  const error = await wired.world.run(run.finished.then(() => undefined, (error: unknown) => error), { maxMs: 120_000 });
  assert.ok(error instanceof Error, "the job was not given up");
  return error.cause as SluiceError;
}

function totalOf(wired: WiredJob) {
  const links = wired.links as NonNullable<WiredJob["links"]>;
  return { sender: links.sender.dropped, receiver: links.receiver.dropped };
}

faults("fault 13: a barrier that is lost on one channel is shown again, and the checkpoint completes", async () => {
  let lost = 0;
  const wired = new WiredJob({
    records: 100,
    tamper: ({ header, bytes }) => {
      const shows = header !== undefined && "barriers" in header && header.barriers.length > 0;
      return shows && lost++ < 5 ? [] : [bytes];
    },
  });
  await mended(wired);
  assert.ok(lost > 5);
  assert.is(wired.count("checkpoint-completed"), 1);
});

faults("fault 15: frames, grants and heartbeats that come twice have no effect, and are counted", async () => {
  const wired = new WiredJob({ records: 200, channels: { windowBytes: 600 }, tamper: ({ bytes }) => [bytes, bytes] });
  await mended(wired);
  assert.ok(totalOf(wired).receiver.duplicate > 5);
});

faults("fault 16: a frame behind a gap waits for it; what is missing is sent again", async () => {
  const missing = new Set([2, 3, 7, 12]);
  const wired = new WiredJob({
    records: 200,
    channels: { windowBytes: 2_000, frameRecords: 3 },
    tamper: (message) =>
      isFrame(message) && missing.delete((message.header as { readonly seq: number }).seq) ? [] : [message.bytes],
  });
  await mended(wired);
  assert.is(missing.size, 0);
  assert.ok(totalOf(wired).receiver.gap > 0);
});

faults("fault 16: frames that arrive in another order arrive in theirs", async () => {
  let kept: Uint8Array | undefined;
  let swapped = 0;
  const wired = new WiredJob({
    records: 200,
    channels: { windowBytes: 2_000, frameRecords: 3 },
    tamper: (message) => {
      if (!isFrame(message)) return [message.bytes];
      if (kept === undefined) {
        kept = message.bytes;
        return [];
      }
      const both = [message.bytes, kept];
      kept = undefined;
      swapped++;
      return both;
    },
  });
  await mended(wired);
  assert.ok(swapped > 5);
  assert.ok(totalOf(wired).receiver.gap > 0);
});

faults("fault 16: a frame that never comes is given up, naming frame, channel and operator", async () => {
  let lost = 0;
  const wired = new WiredJob({
    records: 100,
    channels: { frameRecords: 4, silenceMs: 60_000 },
    tamper: (message) => isFrame(message, 3) && ++lost > 0 ? [] : [message.bytes],
  });
  const error = await givenUp(wired);
  assert.is(error.code, "FRAMES_LOST");
  assert.match(error.message, /^frame 3 of channel numbers->count:0>0 was sent 21 times by numbers and never came/);
  assert.is(lost, 21);
});

/** About every third message of each kind, the first among them, becomes what `damage` makes of it. */
function damaging(damage: (bytes: Uint8Array, n: number) => Uint8Array): { readonly tamper: Tamper; fired: Map<string, number> } {
  const seen = new Map<string, number>();
  const fired = new Map<string, number>();
  const tamper: Tamper = ({ header, bytes }) => {
    const kind = header?.kind ?? "none";
    const n = (seen.get(kind) ?? 0) + 1;
    seen.set(kind, n);
    // No period: one that fits the number of frames that are sent again would hit the same one for ever.
    if (n > 1 && Math.imul(n, 0x9e3779b1) >>> 0 > 0x5555_5555) return [bytes];
    fired.set(kind, (fired.get(kind) ?? 0) + 1);
    return [damage(bytes.slice(), n)];
  };
  return { tamper, fired };
}

/** Writes the checksums of a message anew, so that only its content is wrong. */
function resealed(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const bodyAt = Math.min(64 + (bytes[13] as number) * 32, bytes.length);
  view.setUint32(4, crc32(bytes.subarray(bodyAt)));
  view.setUint32(0, crc32(bytes.subarray(4, bodyAt)));
  return bytes;
}

const damages: Readonly<Record<string, (bytes: Uint8Array, n: number) => Uint8Array>> = {
  "a flipped bit": (bytes, n) => {
    const bit = (n * 7_919) % (bytes.length * 8);
    bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
    return bytes;
  },
  "a cut end": (bytes, n) => bytes.subarray(0, (n * 31) % bytes.length),
  "another version": (bytes) => resealed(bytes.fill(9, 10, 11)),
  "an unknown kind": (bytes) => resealed(bytes.fill(7, 11, 12)),
  "nothing at all": () => new Uint8Array(0),
  "random bytes": (bytes, n) => bytes.map((_, index) => (index * 97 + n * 31) & 0xff),
  "a length bomb in the header": (bytes) => resealed(bytes.fill(0xff, 60, 64)),
};

for (const [name, damage] of Object.entries(damages)) {
  faults(`fault 17: ${name} in any message is counted and becomes a gap that is mended`, async () => {
    const { tamper, fired } = damaging(damage);
    const wired = new WiredJob({ records: 150, channels: { windowBytes: 900, frameRecords: 4 }, tamper });
    await mended(wired);
    for (const kind of ["frame", "grant", "hello"]) assert.ok((fired.get(kind) ?? 0) > 0, `no ${kind} was damaged`);
    const { sender, receiver } = totalOf(wired);
    assert.ok(receiver.damaged > 0 && sender.damaged > 0, "damage was not counted");
  });
}

faults("fault 17: messages of another attempt, and for channels that are not here, are counted and ignored", async () => {
  const other = (bytes: Uint8Array, at: number) => {
    const copy = bytes.slice();
    new DataView(copy.buffer).setUint32(at, 77);
    return resealed(copy);
  };
  const wired = new WiredJob({
    records: 100,
    channels: { windowBytes: 900 },
    tamper: ({ bytes }) => [other(bytes, 16), other(bytes, 20), bytes],
  });
  await mended(wired);
  for (const dropped of Object.values(totalOf(wired))) assert.ok(dropped.foreign > 0 && dropped.refused > 0);
});

faults("fault 17: a frame that claims to cost more than its bytes does not block its channel", async () => {
  let lied = 0;
  const wired = new WiredJob({
    records: 100,
    channels: { windowBytes: 900, frameRecords: 4 },
    tamper: (message) => {
      if (!isFrame(message) || lied >= 3) return [message.bytes];
      lied++;
      const copy = message.bytes.slice();
      new DataView(copy.buffer).setFloat64(40, 1e15);
      return [resealed(copy)];
    },
  });
  await mended(wired);
  assert.is(totalOf(wired).receiver.damaged, 3);
});

/** Replaces the body of frames by this one, under right checksums. */
function withBody(body: Uint8Array): { readonly tamper: Tamper; fired: number } {
  const state = {
    fired: 0,
    tamper: ((message) => {
      if (!isFrame(message) || state.fired >= 3) return [message.bytes];
      state.fired++;
      const bodyAt = 64 + (message.bytes[13] as number) * 32;
      const bytes = new Uint8Array(bodyAt + body.length);
      bytes.set(message.bytes.subarray(0, bodyAt));
      bytes.set(body, bodyAt);
      new DataView(bytes.buffer).setUint32(60, body.length);
      return [resealed(bytes)];
    }) as Tamper,
  };
  return state;
}

const bombs: Readonly<Record<string, Uint8Array>> = {
  "a length bomb": Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff, 1, 2, 3),
  "a depth bomb": new Uint8Array(100_000).fill(0x91),
  "a field named __proto__": Uint8Array.of(
    0x94,
    0xd4,
    0x72,
    0x40,
    0x91,
    0xa9,
    ...new TextEncoder().encode("__proto__"),
    0x80,
    0xc0,
    0xc0,
    0xc0,
  ),
};

for (const [name, body] of Object.entries(bombs)) {
  faults(`fault 19: ${name} in a frame's body is refused without cost and becomes a gap that is mended`, async () => {
    const state = withBody(body);
    const wired = new WiredJob({ records: 100, channels: { windowBytes: 900 }, tamper: state.tamper });
    const before = process.memoryUsage().heapUsed;
    assert.is(decodeValue(body).kind, "corrupt");
    assert.ok(process.memoryUsage().heapUsed - before < 4_000_000);
    await mended(wired);
    assert.is(state.fired, 3);
    assert.is(totalOf(wired).receiver.damaged, 3);
    assert.is(({} as Record<string, unknown>)["admin"], undefined);
  });
}

faults(
  "fault 20: a record over the transport's limit fails where it is emitted, naming operator, channel and sizes",
  async () => {
    const wired = new WiredJob({ records: 100, payload: (n) => n === 50 ? "x".repeat(1_048_576) : "small" });
    const error = await givenUp(wired);
    assert.is(error.code, "RECORD_TOO_LARGE");
    const limit = 1_048_576 - maxHeaderBytes;
    assert.match(
      error.message,
      /a record that numbers emitted has 10486\d\d bytes encoded, and channel numbers->count:0>0 takes/,
    );
    assert.ok(error.message.includes(`takes ${limit}: emit smaller`));
    assert.is(totalOf(wired).sender.refused, 0);
  },
);

faults("fault 20: records that only together are over the limit go in several frames", async () => {
  const sizes: number[] = [];
  const wired = new WiredJob({
    records: 60,
    channels: { windowBytes: 1 << 24, frameBytes: 1 << 24 },
    // The first ones are small, so the batches that follow are far too large.
    payload: (n) => "x".repeat(n < 5 ? 10 : 200_000),
    tamper: (message) => {
      if (isFrame(message)) sizes.push(message.bytes.length);
      return [message.bytes];
    },
  });
  await mended(wired);
  assert.ok(Math.max(...sizes) > 400_000 && Math.max(...sizes) <= 1_048_576);
});

faults("fault 21: the broker takes less than before: what is too large for it now is made anew in smaller frames", async () => {
  let limitBytes = 1_048_576;
  const later: number[] = [];
  const wired = new WiredJob({
    records: 60,
    restarts: 3,
    channels: { windowBytes: 1 << 24, frameBytes: 1 << 24 },
    payload: (n) => "x".repeat(n < 5 ? 10 : 90_000),
    limitBytes: () => limitBytes,
    tamper: (message) => {
      if (!isFrame(message)) return [message.bytes];
      if (limitBytes === 100_000) later.push(message.bytes.length);
      else if (message.bytes.length > 150_000) {
        limitBytes = 100_000; // and this one is lost: it can never be sent again as it is
        return [];
      }
      return [message.bytes];
    },
  });
  await wired.start();
  await wired.finish();
  assert.is(limitBytes, 100_000);
  const failed = wired.events.filter((event) => event.kind === "failed");
  assert.is(failed.length, 1);
  assert.match(
    String(failed[0]?.cause),
    /frame \d+ of channel numbers->count:0>0 has 180\d{3} bytes, and the transport takes 100000 now/,
  );
  assert.ok(later.length > 10 && Math.max(...later) > 80_000 && Math.max(...later) <= limitBytes);
});

faults("fault 21: a record that the broker took before, and takes no more, fails with its size and the new limit", async () => {
  let limitBytes = 1_048_576;
  const wired = new WiredJob({
    records: 60,
    payload: () => "x".repeat(40_000),
    limitBytes: () => limitBytes,
    channels: { frameRecords: 1, windowBytes: 100_000 },
    tamper: (message) => {
      if (isFrame(message)) limitBytes = 30_000;
      return [message.bytes];
    },
  });
  const error = await givenUp(wired);
  assert.is(error.code, "RECORD_TOO_LARGE");
  assert.match(
    error.message,
    /a record that numbers emitted has 400\d\d bytes encoded, and channel numbers->count:0>0 takes 2\d{4}/,
  );
});

faults.run();

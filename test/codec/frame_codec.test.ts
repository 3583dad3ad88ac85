import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { crc32 } from "../../actors/checksum.ts";
import { SluiceError } from "../../actors/error.ts";
import { type Frame, type Mark, MAX_WATERMARK, NO_WATERMARK } from "../../runtime/graph/frame.ts";
import {
  type ChannelMessage,
  costOf,
  decodeFrames,
  decodeMessage,
  encodeFrameBody,
  encodeFrames,
  encodeMessage,
  type PartialFrame,
} from "../../runtime/graph/frame_codec.ts";
import { exactDifference } from "./exact_difference.ts";
import { encodableValue, recordsAlike } from "./values.ts";

const frames = suite("frame codec");

const mark: fc.Arbitrary<Mark | undefined> = fc.oneof(
  fc.constantFrom<Mark | undefined>(undefined, { kind: "idle" }, { kind: "end" }),
  fc.constantFrom(MAX_WATERMARK, NO_WATERMARK, 0, -1.5).map((timestamp): Mark => ({ kind: "watermark", timestamp })),
  fc.maxSafeInteger().map((timestamp): Mark => ({ kind: "watermark", timestamp })),
  fc.integer({ min: 1 }).map((id): Mark => ({ kind: "barrier", id })),
);

const seqs = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const amounts = fc.oneof(fc.nat(), fc.constantFrom(0, Infinity, 2 ** 53, 0.5));

const frame: fc.Arbitrary<Frame> = fc.record({
  seq: seqs,
  records: fc.array(fc.tuple(encodableValue, fc.nat({ max: 32_767 }), fc.double()), { maxLength: 6 }),
  keyed: fc.boolean(),
  timed: fc.boolean(),
  mark,
  cost: amounts,
}).map(({ seq, records, keyed, timed, mark, cost }) => ({
  seq,
  values: records.map(([value]) => value),
  keyGroups: keyed ? records.map(([, group]) => group) : undefined,
  timestamps: timed ? records.map(([, , timestamp]) => timestamp) : undefined,
  mark,
  cost,
}));

const barriers = fc.array(
  fc.record({
    id: seqs,
    kind: fc.constantFrom("aligned" as const, "unaligned" as const),
    afterSeq: fc.maxSafeNat(),
    elapsedMs: amounts,
  }, { noNullPrototype: true }),
  { maxLength: 8 },
);

const address = { attempt: fc.nat({ max: 0xffff_ffff }), channel: fc.nat({ max: 0xffff_ffff }) };

const message: fc.Arbitrary<ChannelMessage> = fc.oneof(
  fc.record({ ...address, barriers, frame, part: fc.nat() }).map(
    ({ attempt, channel, barriers, frame, part }): ChannelMessage => {
      const elements = frame.values.length + (frame.mark === undefined ? 0 : 1);
      return { kind: "frame", attempt, channel, seq: frame.seq, barriers, skip: part % (elements + 1), frame };
    },
  ),
  fc.record({ kind: fc.constant("heartbeat" as const), ...address, sent: fc.maxSafeNat(), barriers }, { noNullPrototype: true }),
  fc.record(
    {
      kind: fc.constant("grant" as const),
      ...address,
      received: fc.maxSafeNat(),
      consumed: fc.maxSafeNat(),
      limit: amounts,
      barrier: fc.maxSafeNat(),
      gap: fc.boolean(),
    },
    { noNullPrototype: true },
  ),
  fc.record({ kind: fc.constant("hello" as const), ...address, sent: fc.maxSafeNat() }, { noNullPrototype: true }),
);

function decoded(bytes: Uint8Array): ChannelMessage {
  const result = decodeMessage(bytes);
  if (result.kind === "corrupt") throw new Error(`refused: ${result.reason}`);
  return result.message;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

const small: Frame = {
  seq: 7,
  values: [{ user: "ada", n: 1 }, { user: "bob", n: -0 }],
  keyGroups: [3, 127],
  timestamps: [1_000, 2_000.5],
  mark: { kind: "barrier", id: 9 },
  cost: 40,
};
const smallMessage: ChannelMessage = {
  kind: "frame",
  attempt: 2,
  channel: 5,
  seq: 7,
  barriers: [
    { id: 8, kind: "unaligned", afterSeq: 4, elapsedMs: 12.5 },
    { id: 9, kind: "aligned", afterSeq: 7, elapsedMs: 3 },
  ],
  skip: 1,
  frame: small,
};

frames("brings back every message exactly", () => {
  fc.assert(
    fc.property(message, (given) => {
      assert.is(exactDifference(given, decoded(encodeMessage(given)), "message"), undefined);
    }),
    { seed: 21, numRuns: 1_500 },
  );
});

const smallBarriers = "0000000000000008000000000000000440290000000000000200000000000000" +
  "0000000000000009000000000000000740080000000000000100000000000000";

frames("a frame costs no more than its message has bytes, and its barrier may leave it before it goes", () => {
  fc.assert(fc.property(frame, fc.option(seqs), (weighed, id) => {
    const shown: Frame = { ...weighed, mark: id === null ? weighed.mark : { kind: "barrier", id } };
    const cost = costOf(shown, encodeFrameBody(shown));
    assert.is(cost > 0, weighed.values.length > 0);
    const gone: Frame = shown.mark?.kind === "barrier" ? { ...shown, mark: undefined } : shown;
    for (const frame of [shown, gone]) {
      const sent: ChannelMessage = { kind: "frame", attempt: 1, channel: 1, seq: frame.seq, barriers: [], skip: 0, frame };
      assert.ok(cost <= encodeMessage(sent).length);
    }
  }));
});

frames("has stable bytes", () => {
  assert.is(
    hex(encodeMessage(smallMessage)),
    "fbecf7ec0841a325534c030103020000" +
      "00000002000000050000000000000007" +
      "00000000000000004044000000000000" +
      "00000001000000020000000000000041" +
      smallBarriers +
      "9492d4724092a475736572a16ea36164610140a3626f62cb8000000000000000930303c7037401007c9202c7117408000000" +
      "0000408f400000000000429f409109",
  );
  assert.is(
    hex(
      encodeMessage({ kind: "grant", attempt: 1, channel: 2, received: 3, consumed: 2, limit: 65_536, barrier: 0, gap: false }),
    ),
    "4f95386700000000534c03030000000000000001000000020000000000000003" +
      "000000000000000240f000000000000000000000000000000000000000000000",
  );
  assert.is(
    hex(encodeMessage({ kind: "heartbeat", attempt: 1, channel: 2, sent: 2 ** 40, barriers: [] })),
    "5ca1b9bd00000000534c03020000000000000001000000020000010000000000" +
      "0000000000000000000000000000000000000000000000000000000000000000",
  );
  assert.is(
    hex(encodeMessage({ kind: "hello", attempt: 1, channel: 2, sent: 0 })),
    "0c8be39800000000534c03040000000000000001000000020000000000000000" +
      "0000000000000000000000000000000000000000000000000000000000000000",
  );
});

frames("reads captured frames of version 2, and takes no such message", () => {
  const bytes = Buffer.from(
    "e696fb3b32668107534c020103020000" +
      "00000002000000050000000000000007" +
      "00000000000000004044000000000000" +
      "00000001000000020000000000000042" +
      smallBarriers +
      "9492d4724092a475736572a16ea36164610140a3626f62cb8000000000000000c7097405030000007f000000c71174080000" +
      "000000408f400000000000429f409109",
    "hex",
  );
  assert.equal(decodeFrames(bytes), { kind: "frames", frames: [{ frame: small, skip: 1 }] });
  const message = decodeMessage(bytes);
  assert.ok(message.kind === "corrupt");
  assert.match(message.reason, /version 2 of the format, not 3/);
  const groups = bytes.indexOf("c7097405", 0, "hex");
  for (const change of [[groups + 3, 6], [groups - 1, 1], [128, 0x93]] as const) {
    const changed = Uint8Array.from(bytes);
    changed[change[0]] = change[1];
    const view = new DataView(changed.buffer);
    view.setUint32(4, crc32(changed.subarray(128)));
    view.setUint32(0, crc32(changed.subarray(4, 128)));
    const back = decodeFrames(changed);
    assert.is(back.kind, change[1] === 1 ? "frames" : "corrupt");
  }
});

frames("refuses a message with any one bit flipped", () => {
  const grant = { kind: "grant", attempt: 1, channel: 2, received: 3, consumed: 2, limit: 10, barrier: 4, gap: true } as const;
  for (const given of [smallMessage, grant]) {
    const bytes = encodeMessage(given);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      assert.is(decodeMessage(flipped).kind, "corrupt", `bit ${bit}`);
      assert.is(decodeFrames(flipped).kind, "corrupt", `bit ${bit}`);
    }
  }
});

frames("refuses a message cut at any byte, and one with bytes behind it", () => {
  const bytes = encodeMessage(smallMessage);
  for (let length = 0; length < bytes.length; length++) {
    const cut = decodeMessage(bytes.subarray(0, length));
    assert.is(cut.kind, "corrupt", `at ${length}`);
    if (length > 0) assert.is(decodeFrames(bytes.subarray(0, length)).kind, "corrupt", `at ${length}`);
  }
  assert.is(decodeMessage(Uint8Array.from([...bytes, 0])).kind, "corrupt");
});

frames("shows the barriers of a message whose body is damaged or cut off", () => {
  const bytes = encodeMessage(smallMessage);
  const damaged = bytes.slice();
  damaged[bytes.length - 3] = 0x55;
  for (const given of [damaged, bytes.subarray(0, bytes.length - 5), bytes.subarray(0, 128)]) {
    const result = decodeMessage(given);
    assert.ok(result.kind === "corrupt" && result.headerValid && result.header.kind === "frame");
    assert.equal(result.header.barriers, smallMessage.barriers);
    assert.is(result.header.seq, 7);
  }
  const headless = bytes.slice();
  headless[30] = 1;
  const result = decodeMessage(headless);
  assert.ok(result.kind === "corrupt" && !result.headerValid);
});

frames("takes random bytes, and messages with a right checksum but wrong content, without throwing", () => {
  let intact = 0;
  const many = fc.tuple(message, recordsAlike).map(([given, values]): ChannelMessage =>
    given.kind !== "frame" ? given : {
      ...given,
      skip: 0,
      frame: { ...given.frame, values, keyGroups: given.frame.keyGroups && values.map((_, at) => at), timestamps: undefined },
    }
  );
  fc.assert(
    fc.property(
      fc.oneof(message, many),
      fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 3 }),
      (given, changes) => {
        const bytes = encodeMessage(given);
        for (const [at, byte] of changes) bytes[8 + at % (bytes.length - 8)] = byte;
        const count = Math.min(bytes[13] as number, 8);
        const bodyAt = 64 + count * 32;
        if (bodyAt > bytes.length) return;
        const view = new DataView(bytes.buffer);
        view.setUint32(4, crc32(bytes.subarray(bodyAt)));
        view.setUint32(0, crc32(bytes.subarray(4, bodyAt)));
        const result = decodeMessage(bytes);
        decodeFrames(bytes);
        if (result.kind === "message") intact++;
      },
    ),
    { seed: 5, numRuns: 3_000 },
  );
  assert.ok(intact > 100, `${intact} were taken: the changes never reached the decoder`);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.is(decodeMessage(bytes).kind, "corrupt");
      if (bytes.length > 0) assert.is(decodeFrames(bytes).kind, "corrupt");
    }),
    { seed: 6, numRuns: 1_000 },
  );
});

frames("refuses reserved fields, other versions and bodies that are not what their header says", () => {
  const refused = (change: (view: DataView) => void, reason: RegExp): void => {
    const bytes = encodeMessage(smallMessage);
    change(new DataView(bytes.buffer));
    const view = new DataView(bytes.buffer);
    view.setUint32(4, crc32(bytes.subarray(128)));
    view.setUint32(0, crc32(bytes.subarray(4, 128)));
    const result = decodeMessage(bytes);
    assert.ok(result.kind === "corrupt", "was taken");
    assert.match(result.reason, reason);
  };
  refused((view) => view.setUint16(8, 0x4c53), /no message of a channel/);
  refused((view) => view.setUint8(10, 1), /version 1 of the format, not 3/);
  refused((view) => view.setUint8(11, 0), /out of range/);
  refused((view) => view.setUint8(11, 5), /out of range/);
  refused((view) => view.setUint8(11, 4), /reserved/);
  refused((view) => view.setUint8(12, 4), /reserved/);
  refused((view) => view.setUint8(12, 1), /not what its header says/);
  refused((view) => view.setUint16(14, 1), /reserved/);
  refused((view) => view.setUint32(24, 0xffff_ffff), /out of range/);
  refused((view) => view.setUint32(28, 0), /a frame without number/);
  refused((view) => view.setUint8(39, 1), /reserved/);
  refused((view) => view.setFloat64(40, -1), /out of range/);
  refused((view) => view.setFloat64(40, NaN), /out of range/);
  refused((view) => view.setUint32(48, 4), /skips more than it holds/);
  refused((view) => view.setUint32(52, 3), /not 3 values, as claimed/);
  refused((view) => view.setUint32(52, 0xffff_ffff), /over the limit/);
  refused((view) => view.setUint8(59, 1), /reserved/);
  refused((view) => view.setUint8(64 + 24, 3), /out of range/);
  refused((view) => view.setUint8(64 + 31, 1), /out of range/);
  refused((view) => view.setUint8(128, 0xc1), /no array/);
  refused((view) => view.setUint8(129, 0xc1), /unknown token/);
});

frames("keeps to the limits on bytes and records", () => {
  const bytes = encodeMessage(smallMessage);
  assert.is(decodeMessage(bytes, { maxBytes: bytes.length }).kind, "message");
  assert.is(decodeMessage(bytes, { maxBytes: bytes.length - 1 }).kind, "corrupt");
  assert.is(decodeMessage(bytes, { maxRecords: 2 }).kind, "message");
  assert.is(decodeMessage(bytes, { maxRecords: 1 }).kind, "corrupt");
});

frames("refuses a frame over the limit, naming its largest record", () => {
  const large: Frame = { ...small, values: ["x", "y".repeat(1_000), "z"], keyGroups: undefined, timestamps: undefined };
  try {
    encodeMessage({ ...smallMessage, frame: large } as ChannelMessage, { maxBytes: 500 });
    assert.unreachable();
  } catch (error) {
    assert.is((error as SluiceError).code, "RECORD_TOO_LARGE");
    assert.match((error as SluiceError).message, /500 is the limit: record\[1\] of 3 has 1003 bytes; make records smaller/);
  }
});

frames("names the record and the place in it that cannot be encoded", () => {
  const bad: Frame = { ...small, values: [{ ok: 1 }, { user: { greet: (): void => {} } }] };
  for (
    const encode of [
      () => encodeMessage({ ...smallMessage, frame: bad } as ChannelMessage),
      () => encodeFrames([{ frame: bad, skip: 0 }]),
    ]
  ) {
    try {
      encode();
      assert.unreachable();
    } catch (error) {
      assert.is((error as SluiceError).code, "UNENCODABLE_VALUE");
      assert.match((error as SluiceError).message, /^Cannot encode record\[1\]\.user\.greet: it is a function/);
    }
  }
});

frames("takes values as deep as the codec does, and no deeper", () => {
  const nested = (levels: number): unknown => levels === 0 ? 1 : [nested(levels - 1)];
  const deep: Frame = { ...small, values: [nested(64), 1] };
  assert.equal(decodeFrames(encodeFrames([{ frame: deep, skip: 0 }])), { kind: "frames", frames: [{ frame: deep, skip: 0 }] });
  assert.throws(() => encodeFrames([{ frame: { ...small, values: [nested(65), 1] }, skip: 0 }]), /record\[0\].* deeper than 64/);
});

frames("brings back captured frames with what is to be skipped of them", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(frame, fc.nat()), { maxLength: 4 }), (list) => {
      const partial = list.map(([frame, part], index): PartialFrame => ({
        frame: { ...frame, seq: index + 1 },
        skip: part % (frame.values.length + (frame.mark === undefined ? 1 : 2)),
      }));
      const back = decodeFrames(encodeFrames(partial));
      assert.ok(back.kind === "frames");
      assert.is(exactDifference(partial, back.frames, "frames"), undefined);
    }),
    { seed: 8, numRuns: 300 },
  );
  assert.equal(decodeFrames(new Uint8Array(0)), { kind: "frames", frames: [] });
});

frames("refuses captured frames that are cut off, out of order, or no frames", () => {
  const one = encodeFrames([{ frame: { ...small, seq: 1 }, skip: 0 }]);
  const two = encodeFrames([{ frame: { ...small, seq: 2 }, skip: 2 }]);
  const hello = encodeMessage({ kind: "hello", attempt: 0, channel: 0, sent: 0 });
  const joined = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));
  assert.is(decodeFrames(joined(one, two)).kind, "frames");
  for (const bytes of [joined(two, one), joined(one, one), joined(one, hello), joined(one, Uint8Array.of(0))]) {
    const result = decodeFrames(bytes);
    assert.ok(result.kind === "corrupt");
    assert.match(result.reason, /at byte \d+/);
  }
  const both = joined(one, two);
  for (let length = 1; length < both.length; length++) {
    assert.is(decodeFrames(both.subarray(0, length)).kind, length === one.length ? "frames" : "corrupt", `cut at ${length}`);
  }
});

frames("refuses to write numbers that have no place in the header", () => {
  const hello = { kind: "hello", attempt: 1, channel: 2, sent: 0 } as const;
  for (const wrong of [{ attempt: -1 }, { channel: 2 ** 32 }, { sent: 1.5 }, { sent: -1 }, { sent: 2 ** 53 }, { attempt: NaN }]) {
    assert.throws(() => encodeMessage({ ...hello, ...wrong }), /of a message/);
  }
  const barrier = { id: 1, kind: "aligned", afterSeq: 0, elapsedMs: 0 } as const;
  const nine = new Array<typeof barrier>(9).fill(barrier);
  assert.throws(() => encodeMessage({ kind: "heartbeat", attempt: 1, channel: 2, sent: 0, barriers: nine }), /at most 8/);
});

frames.run();

import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SluiceError } from "../../actors/error.ts";
import { days, hours, milliseconds, minutes, seconds, startOf, tumbling } from "../../runtime/operators/tumbling.ts";

const sizes = suite("tumbling window assignment");

sizes("units are in milliseconds", () => {
  assert.equal([milliseconds(7), seconds(2), minutes(3), hours(1), days(2)], [7, 2_000, 180_000, 3_600_000, 172_800_000]);
});

sizes("days start at midnight UTC, shifted by the offset", () => {
  const at = Date.UTC(2001, 0, 14, 23, 59, 59, 999);
  assert.is(startOf(tumbling(days(1)), at), Date.UTC(2001, 0, 14));
  assert.is(startOf(tumbling(days(1)), at + 1), Date.UTC(2001, 0, 15));
  assert.is(startOf(tumbling(days(1), { offsetMs: -hours(5) }), Date.UTC(2001, 0, 15, 18, 59)), Date.UTC(2001, 0, 14, 19));
});

sizes("every time falls into exactly one window, which starts at a multiple of the size", () => {
  const time = fc.integer({ min: -8.64e15, max: 8.64e15 });
  const property = fc.property(time, fc.integer({ min: 1, max: days(400) }), fc.nat(), (at, sizeMs, shift) => {
    const offsetMs = shift % sizeMs;
    const start = startOf(tumbling(sizeMs, { offsetMs }), at);
    assert.ok(start <= at && at < start + sizeMs, `${at} is not in [${start}, ${start + sizeMs})`);
    assert.ok((start - offsetMs) % sizeMs === 0);
  });
  fc.assert(property, { seed: 3, numRuns: 2_000 });
});

sizes("sizes and offsets that make no sense are refused", () => {
  const refused = (act: () => unknown) =>
    assert.throws(act, (error: unknown) => error instanceof SluiceError && error.code === "WINDOW_SIZE");
  for (const size of [0, -1, 0.5, NaN, Infinity, 1e15]) refused(() => tumbling(size));
  for (const offsetMs of [10, -10, 0.5, NaN]) refused(() => tumbling(10, { offsetMs }));
});

sizes.run();

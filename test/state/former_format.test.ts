import { suite } from "uvu";
import * as assert from "uvu/assert";
import { gunzipSync } from "node:zlib";
import { Buffer } from "node:buffer";
import { type Key, keyGroupOf, keyIdentity, rangeOf } from "../../runtime/graph/key.ts";
import type { ByteReader, RestoredPart } from "../../runtime/graph/operator.ts";
import { type KeyedDescriptors, list, map, type, value } from "../../runtime/state/descriptor.ts";
import { HeapKeyedStateBackend } from "../../runtime/state/heap_backend.ts";
import { storedEntries, type StoredEntry } from "../../runtime/state/stored_entries.ts";
import { restorable } from "../operators/fake_context.ts";
import { fails, Subject } from "./backend_subject.ts";

/**
 * Keyed state as former formats had it, captured from the last versions that wrote them: `SLK2` without tables, `SLK3` with
 * chunks of one key group each. Four key groups, 60 keys, all kinds of declared state; then a layer that changes 20 of them, and
 * clears ten values.
 */
const captured = {
  SLK2: {
    base:
      "H4sIAAAAAAACA5WVW2wcZxXHZy9xbMe52XHi3Fwnza25db7bXNJKmbpUjUipUlroa1f1Fpax19HuCQkPrUAg8QBC8gmFBxQr2WOniVDfQIIHpKpWn2bmzY" +
      "9BqoCWS6EtBXrlpvnOZyLlhfVqNb+f5qI5K/3/e3DRq9Z7aUypVAcpVYZSFR+nVCsdUWpCSk286NUGsuSEZz9Z8khiRWXJ5xN36gssZ7PkwpS1/Mn8mSz5" +
      "0nPu+pf5LPbzstVOgkvQvAK9BtDKbf83Ca3clr8rj/rt8hi/kyyt3JbqkxJK1y3MBot4qISWIxZqcwkjd1oEeyzCvRbx/r6mQe9mC5pzUz5WWSTWWTQOsc" +
      "S46xW+pPAgm9J4vzODR53FeJxNSzzhTKFmMxIjZwHGzkJ8yFnc37ALNxoLq51k4cYVz3pSZdQZQ4xdjIOM+xlHGccZJxiaETFixkNX+5mlB34PZA90D2IC" +
      "qQiUJlCGQMUEWhJoRWAkgQkITEhg4sWi/kSfX7zjjQ0MjmyjVISUingnpTLcd4hSFR45RqkWJynVcUCpMWfueGNDI6MTWRJ/0+XxYZYDWfI5Tu7xIEvOv2" +
      "Y1fjhLnmTNp7Pki5zh/KkseeY667PrfPk9iQ7+UKY4+lMZQyHftQg+sAj/ZhH/wyZcfmwR/ssi+rdNeDBgEW60iAZt0P1hC7HJQm+xiMds0PWEhdltEe1b" +
      "5/A4wCkPcJAlwhEOpZC4zVmA252FOOYsxp2uFhL3Ogtxn7MID7laBHjYWYhHnEV4zBXExwecCTzpTKNwFmPgCqIxdGbwjLNovT/1bn0GOOqDjBHGNsZ2Bt" +
      "+e7GTsZexjHGIcZhxhHGM8wDjJEIyAETLOXF3f4D0IehARCEkgAgIREoiydZJAhgQyIlABgQoJVESgfQItCLQm0DGB0QTGEJjojjfWfwfvreRiLxW9tBxY" +
      "baFUiok9lCoxRak2pynV5f+CoNSoxezsx2vL5PCaKK7keJacZTt0NEse53b6WXLhTe7eY1ny1HX3yNNTa/KmWy/9DnBPI8Vvy0aGf7TlU+9Z6Pdt68RHFv" +
      "pTi+CftnWiYiGrtmdmq0WwzSLcbnsmxi3Urv6HwgoXTOBGlhA3uy4p3OJM47hrkMAJZxr3OAvwPtcggVPOJJ5ybTF42lmADzoLUbm2CDTO1DpmvluZCmd3" +
      "I2MzYwtjnDHB2MO4jzHFOMU4zXiQoRjmat8D9UD0oIy/IhCaQAoCWbKMvyBQ5eIxBDog0OXSEQRGrWfxXOulqpeaYUqFoFSY0R2USkOpjCcpVcqX17JkdC" +
      "3Vkyxbs8Rf2z0By97JLJl+zZ17jOVUlpxzm+dcfr6PN92TY/VWmWPzextg/88W4i8W5q8W0d9tjv0PLcxnFvF/bJx9z0LVbI6jURtgf0cfY2CNA6twA4vB" +
      "YZdXHzc5E7jVmcFRZxHucMn1cbczg/udxTjpMuzjAWcKfZfcCKXLq9/PiHeDWuNQbWAMMzYxtjJGGTsYuxn7GZOMAwyfIa/+/xF6oHpgCIRPIASBKD0ikD" +
      "6BNAQyJlA+gVIEOiIw/rU+M7naSV5e7jTaX2m+mja/8Xhn/tLFR+cvteFWt/k8tObb3eX2PDS7y632TPPKaucRXH6h1enC0myjC16t/uPVzvQPl9qNueZS" +
      "2mrP/HSm2X2+07pYPrl8+avzs80b7eWvN2YvNa+vTN+Yv6uzS7OtLpQ2R3ONi6XA/66+8hK05pqd7k3G9ZXpWy9dbrVn5i93bzJvz78w1ZiCZhdWVjuPLi" +
      "w32zPNmdfveBfK/M95lXwu/4FXzT/LX/VqReVW/n2vXlR1/p2KV1R/kb9YqRQ1k/+qUi1qH+TvVGpF/df5Lyv1YsOP8p9XvWLgfP6taqUYyPOXq9ViYyP/" +
      "WbVWDI7nC9V6MXgz/17NK4ZE/rVapRj6Sf7dWrUYPphTrVYMv5F/u1YvNp3LX3y24nlPP3Fe/hegwD2cJA0AAA==",
    layer:
      "H4sIAAAAAAACA2WRzWvUQBiHJ9m6KBSEVbEilAoFaVHI925QYduiIi0IFaEgCKEZa8xusiTpF0r9G5LZrSehbTZtl+LZi6fOwcsbWXAvguBJEDx58iTIJF" +
      "HLepnfwxvemYdfwghNR2TP1mNb1mNbrZKf/U/991EHFbNpNuwMvHrUDfBGsGcEMe0JcKce054O9+td2pN1aLJUJGixVKvwcvgCgvatADcnBErO5KRTcvUg" +
      "I1mnZDpHRaJEz1Gt0rBdHp3UojC2pWr4NeqURxlNasM6Giywd0UJFllKVTAyLw2eZT4KvDixTMq5gEbJaP6UKFFyOUepSslkoaVRohUuCg3DsYjEtiTGtq" +
      "LGtiqS7/2P/TRqs9nYn2H7pBlTEeFRpqTA46wiFfxMSYTN4VVyoVAQKRkrUKHketGMSolc2Ig0JJVxgf03ObZFNbZlmfz60f8SbReTyjibCdtDRclwLytK" +
      "hYdZ1mApK0oAM0sZVjLLGqz9dxUp5bXJlJwtalMpqRRYo2S8qE2g5EqBMiVCoV+jA6/eSTzDWcFvbLx513NXW3PuqhMc+ng5sFzHTxw3wH5iOSbeGHgzUf" +
      "LE8vyg2zD8AJVGXg282XbXMZq4a1uOeWRif9mzWmwzWX/qNvCuk6wZjVW8czy76/7DRrdh+QGjZtw0WgyCv18PtgKriT1/P4+d49nDrXXLMd11fz/Pnvtk" +
      "wpgIsB8cD7y5MMGOiU36GdURQiMIjZxD3EWYQTwswW0OwesyhyA+zXFwdIvj4RvM8CjlpkrsvHae51KufoPnU+75zRJKuben2PmuUuJS7gPMl/iUvwSLUx" +
      "xCDxbmpd+eLnRhnAMAAA==",
  },
  SLK3: {
    base:
      "H4sIAAAAAAACA52VS2wcVRaGq6o7fj/ycJwnjnESx9iJU/dVj2QEnYThmRkeAdZYuAmmnHZon8wku8yIBTPSLHxsECwcJb42pDVig9iwQZYaybOo2nkWI2" +
      "WBBiGxZMkS3T7HJLCy6cX9/nNvVet01//XWexD/44XlFey1GZSjdhMGZupdNxmWunEZia2mUkx2HgPOrxffToqxIPMCWLlAvH281y/wPwT779EHH6Z6yt8" +
      "/+vEN5nDb1QWt9fc31ehehPQv2ObjdA2G9I2G9o2G+lqsyHVarOhtFuMW9yelm5xB8YpE7kldku6MgWLpf9v9IPvBeXOAyPHT41P6CQ9v81O0L+D3qczUL" +
      "02HGJAQmKZhMZOEike+IyOFI6QUhqPszJ4ilWK46S0xAlWCjUpIzFhFWHKKsbzrNIddLxwb2phs15ZuHfTa+lKQCgTOgkHCCOE44RThHHCBEETEkJKOL+0" +
      "vYYWy4uloPUAPM/zf/l8MwohSNCQglSgNCgDKgUtQSswEkwEJgaToleULy/uQ/+Bt6+to2e3zURsM5EO2kzGR0/YTMWjYzbT4rTNdBrZzJhzGGx8smXuET" +
      "bjGFMyEzZryvwDs8Lmfpqv+yPzReI68/Zl3v8z7zNvcwjefJW/5zXiXeb665Ud/pitMDzw9tlmI7LNRrLabAhndOGMLpzRRSsabk+6UrpLlDtVrlSu1KFb" +
      "hFtcerS7wzhlXI5M0krKDxsDLiltXd29u/cPDh0bHjk+OhEKvdMH4C7GNkpHhB0kEuwhMwuJu1lFuIdVjPtYpTjIcZJ4hFWMR1kleILjFOFJVjGOskpwjI" +
      "MV4hOsBJ5mpVGwSjHiYGmMWRk8xyr5Xb/3YezaKCIdhB7CbsIeAl1eGSQcIRwlnCCcJIwSxghPEE4TBCEixIRzSzvrnhLqHvwj+dyKaQwRJCAkiAhEDCIF" +
      "KUHGIBNQEagYVAI6BC1Aa9ApGA3GgEkot+4VsZKJlcw1ofpsJsXBwzZTYthm2kzaTLt3hLCZUY9OpJ+eIp7kUCkOm+H6Ka4vcn2Jw/Ys7z9H/JbDWHmFQ8" +
      "gc5gn17ZXKTjp8dCwJ22y0guemjnAxki5asqVawXOlag0mly/t9nRrJrkDo1px+671Xmzr6R04cGjo2Okzk1Lv6C/z76BP2RLYTiLGXo6Rwj5WGvdzeAQe" +
      "ZKXxMKsIj3F4BA6zkniGg2JwklWEZ1nFqDgoAg0rtdPGH6bFJ9u2E3oJfYT9hIOEw4RjhGHCGcIk4SxBEczSDrp6ZFL9KgJjICAGoUBokAKkBhmBEqAkaA" +
      "M6Ah2DEWAUeb4X/eWVTK1kpstmQthMmL0DNpPGZjIdsplSocRgY2bL7HvZtEPMSTZ1yIx4/zzzSZ4kbP51nlC3n+Gaze/xBFp/tbKtlrbcvWybDWWbDeda" +
      "4WaGcIYVrdLNEen2pCulGyHKlcqlQLtTE7aM/f1Gn5sj7R09/XsGDx8ZOnN2e3+Lv4wl8rHCXSQMdrGNQ+xmJbCflcG9rBIcYEOHeIiVwcdYpTjE1g7xcV" +
      "YKQzZ0gpJtHG67z4f+LZHXdhG6CN2EfsJewgDhEOExwhDhcUJIkEvb6YMc2/cbx35zEhQYECEIAcKASECGIA3IFFQISoFOwIQtt27WKx+u1adqV6ufZ9Vb" +
      "z9bnbly/NHejBvfnq2/BzFxtfq02B9X5tZnadPXmZv0Crr09U5+H1dmpefBK5Q836xeXVmtT16qr2Uxt+t/T1fm36jPX3Z1rf31nbrZ6r7b2l6nZG9W7zY" +
      "v35h7K2dXZmXlw6pq9NnXdCdg63axfWlir1qar080H3sue5+XLnp8v5//0gsI/lX/hlQr/f/mCVy6Cd/PM94rgv3nh+0VpJf/SD4ryG/mPfqnY9Uz+tV8u" +
      "2sr5PwKvaPtXvhL4RfvZfCEIivb1/KugVHTcyj8KykVnf14veUXn3/LFkl90DeTvl4Ki6+P8fqlUdFfyD0rlovs/+dVx3/OuXH5R/Qy4x87+YQ0AAA==",
    layer:
      "H4sIAAAAAAACA2WRz2vUQBiGZ7J1UVgQVsWKsCgUxKKQ37tBhW2LirQgVISCIITuWGN2s0uS1hYF/4ZkdnsTbLNRS/HsxZNz8PJFFtyLIHgSBE+ePIggk0" +
      "yxrJf5Ht7wzTy8iWI0G9Nd10pczUpco05/jT6PPsQDJLJZHg7GfjMehmQz3LXDhO3JcKOZsD0LbjeHbE+zoMOnrkKPT6MOzyYvoOilE5LOOZnRYwVZjF54" +
      "lZNmMTpboK4yahVo1FnUL1dmzDhKXLUefYsH5QqnGXNSx4Ql/q6iwjKfah3s3MuER7mPDk8PLdNyIWAyWimeUlRGzxao1hmdEVomo6Zw0VkUTcc0cVUlcX" +
      "UjcQ2F/hh9GmVxn2fTB2H/sBlXUeBerqTD/bwiA4JcSYGtyVV6SigojE4L1Bm9LJoxGNWEjcIiWq3J/L9piasYiatp9M/P0dd4WyTVGs/k7YmiNLiVF2XA" +
      "3Xw2YCUvSoZWPjVYyy0bsPHfVbRU1KYxelzUZjBaFdhgtCZqkxk9L1BjVBb6DTb2m4PUt7018sYlWzf97npvobvuha8Dsho6XS9IvW5IgtTxWmRz7M/F6Q" +
      "PHD8Jh2w5CVJoajP35/tCzO2ToOl5rv0WCVd/p8c308cNum+x46YbdXicv3s/vdP9he9h2gpBTJ+nYPQ7hwdexvxClxGuRFvuCmgihKYSmTiB8GuaQBCtw" +
      "HSN4XsYIkqMYw/41LMF3mJNQhi+W+HnppIQz3LwiSRl+crWEMvz2CD/fVUs4wx9hsSRl0hlY/o0QurO0qP0FgjYkT24DAAA=",
  },
};

const uid = "totals";
const inflated = (text: string): Uint8Array => new Uint8Array(gunzipSync(Buffer.from(text, "base64")));
const keyGroupCount = 4;

const descriptors = {
  n: value(type<number>(), 0),
  o: value(type<{ text: string; at: number }>(), { text: "", at: 0 }),
  l: list(type<unknown>()),
  m: map(type<{ x: number }>()),
  t: value(type<string>(), "", { ttlMs: 1_000 }),
};

const keys = Array.from({ length: 60 }, (_, k): Key => k % 2 === 0 ? k : `k${k}`);

/** What the captured state holds of the k-th key. */
function expected(k: number) {
  const changed = k % 3 === 0;
  return {
    n: !changed ? k * 1.5 : k % 6 === 0 ? 0 : -k,
    o: { text: `é${k}`, at: k - 30 + (changed ? 100 : 0) },
    l: [k, `item ${k}`, ...(changed ? [true] : [])],
    m: [["a", { x: k }]],
    t: `t${k}`,
  };
}

function subjectOf<D extends KeyedDescriptors>(declared: D, subtask: number, parallelism: number, nowMs = 200) {
  const range = rangeOf(subtask, parallelism, keyGroupCount);
  const make = (options: ConstructorParameters<typeof HeapKeyedStateBackend>[0]) => new HeapKeyedStateBackend(options);
  return { range, subject: new Subject(make, declared, { range, keyGroupCount, now: () => nowMs }) };
}

function readerOf(bytes: Uint8Array): ByteReader {
  return { length: bytes.length, read: (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)) };
}

for (const [format, capture] of Object.entries(captured)) {
  const [base, layer] = [inflated(capture.base), inflated(capture.layer)] as const;
  const parts: readonly RestoredPart[] = [{ scope: "keyed", name: "keyed", subtask: 0, bytes: layer, below: [base] }];
  const former = suite(`keyed state of format ${format}`);

  for (const parallelism of [1, 2]) {
    former(`is restored by ${parallelism} subtasks, both layers of it, and comes back from a snapshot of now`, () => {
      for (let subtask = 0; subtask < parallelism; subtask++) {
        const { range, subject } = subjectOf(descriptors, subtask, parallelism);
        const [old] = subject.backend.restore(parts);
        assert.equal(old?.notes, { ended: true });
        const again = subjectOf(descriptors, subtask, parallelism).subject;
        again.backend.restore(restorable([subject.backend.snapshot({})], subtask).map((part) => ({ ...part, subtask })));
        let seen = 0;
        for (const { at } of [subject, again].map((of) => ({ at: (key: Key) => stateOf(of, key) }))) {
          for (const [k, key] of keys.entries()) {
            const group = keyGroupOf(key, keyGroupCount);
            if (group < range.first || group > range.last) continue;
            seen++;
            assert.equal(at(key), expected(k), `key ${key}`);
          }
        }
        assert.ok(seen > 40, `${seen} keys`);
      }
    });
  }

  former("expires by what it says", () => {
    const late = subjectOf(descriptors, 0, 1, 1_100).subject;
    late.backend.restore(parts);
    assert.equal(stateOf(late, 2), { ...expected(2), t: "" });
  });

  former("is shown entry by entry without its operator", async () => {
    const found: StoredEntry[] = [];
    for await (const entry of storedEntries(uid, 0, [readerOf(base), readerOf(layer)])) found.push(entry);
    const of = (name: string) => found.filter((entry) => entry.name === name);
    assert.is(of("n").length, 50);
    for (const name of ["o", "l", "m", "t"]) assert.is(of(name).length, 60, name);
    for (const { name, key, keyGroup, value, expiresAt } of found) {
      const content = expected(keys.indexOf(key)) as Readonly<Record<string, unknown>>;
      assert.equal(value instanceof Map ? [...value] : value, content[name], `${name} of ${key}`);
      assert.is(keyGroup, keyGroupOf(key, keyGroupCount), `${name} of ${key}`);
      assert.is(expiresAt, name === "t" ? 1_100 : undefined);
    }
  });

  former("goes through the checks of its version only", () => {
    const { subject } = subjectOf(descriptors, 0, 1);
    for (const version of [0x31, 0x35]) {
      const bytes = base.slice();
      bytes[bytes.length - 1] = version;
      fails("STATE_DAMAGED", /it has no trailer/, () => subject.backend.restore([{ ...parts[0]!, bytes, below: [] }]));
    }
    const written = restorable([subject.backend.snapshot({})], 0)[0]!.bytes;
    assert.is(Buffer.from(written.subarray(-4)).toString(), "SLK4");
    assert.is(Buffer.from(base.subarray(-4)).toString(), format);
  });

  former.run();
}

function stateOf(subject: Subject<typeof descriptors>, key: Key) {
  subject.invocation.about(key, keyIdentity(key)).begin(keyGroupOf(key, keyGroupCount), 0);
  const { n, o, l, m, t } = subject.state;
  return { n: n.get(), o: o.get(), l: [...l.get()], m: [...m.entries()], t: t.get() };
}

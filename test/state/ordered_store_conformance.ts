import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SluiceError } from "../../actors/error.ts";
import type { OrderedStore, StoreReader } from "../../runtime/graph/ordered_store.ts";

const bytes = (...items: number[]): Uint8Array => new Uint8Array(items);
const contentOf = (reader: StoreReader) =>
  reader.range(bytes(0), bytes(255), 1_000).map(({ key, value }) => [[...key], [...value]]);

/** What every ordered store must do. */
export function testOrderedStore(name: string, make: () => OrderedStore): void {
  const conforms = suite(`${name} is an ordered store`);

  conforms("keys are in the order of their bytes, and values come back, empty ones too", () => {
    const store = make();
    const keys = [[1, 0], [1], [200], [1, 255, 0], [2], [127], [128]];
    store.write((batch) => keys.forEach((key, at) => batch.put(bytes(...key), bytes(...key.slice(1), at).subarray(at % 2))));
    assert.equal(
      contentOf(store).map(([key]) => key),
      [[1], [1, 0], [1, 255, 0], [2], [127], [128], [200]],
    );
    assert.equal([...store.get(bytes(1))!], []);
    assert.equal([...store.get(bytes(1, 0))!], [0, 0]);
    assert.is(store.get(bytes(3)), undefined);
    assert.equal(store.range(bytes(1, 0), bytes(128), 3).map(({ key }) => [...key]), [[1, 0], [1, 255, 0], [2]]);
    store.close();
  });

  conforms("a reader sees what is there when it is asked, and outlives its store; several may be open", () => {
    const store = make();
    store.write((batch) => batch.put(bytes(1), bytes(1)));
    const first = store.reader();
    store.write((batch) => {
      batch.put(bytes(1), bytes(2));
      batch.put(bytes(2), bytes(2));
    });
    const second = store.reader();
    assert.equal(contentOf(first), [[[1], [2]], [[2], [2]]]);
    store.write((batch) => {
      assert.equal([...first.get(bytes(1))!], [2]);
      batch.remove(bytes(1));
      batch.remove(bytes(77));
      assert.is(store.get(bytes(1)), undefined, "what a batch has changed is seen at once");
    });
    for (const reader of [first, second, store]) assert.equal(contentOf(reader), [[[2], [2]]]);
    first.close();
    first.close();
    store.close();
    assert.equal([...second.get(bytes(2))!], [2], "a reader outlives its store");
    second.close();
    assert.throws(() => second.get(bytes(2)), (error: unknown) => (error as SluiceError).code === "STATE_BACKEND_FAILED");
    assert.throws(() => store.get(bytes(2)), (error: unknown) => (error as SluiceError).code === "STATE_BACKEND_FAILED");
  });

  conforms("changes are made all or none, and those before them are read within", () => {
    const store = make();
    store.write((batch) => batch.put(bytes(1), bytes(1)));
    assert.throws(() =>
      store.write((batch) => {
        batch.put(bytes(1), bytes(2));
        batch.put(bytes(2), bytes(2));
        throw new SluiceError("STATE_BACKEND_FAILED", "no more");
      }), /no more/);
    assert.equal(contentOf(store), [[[1], [1]]]);
    store.write((batch) => batch.put(bytes(3), bytes(3)));
    assert.equal(contentOf(store), [[[1], [1]], [[3], [3]]]);
    store.close();
    store.close();
  });

  conforms("what it gives belongs to the caller", () => {
    const store = make();
    store.write((batch) => batch.put(bytes(1), bytes(1, 1)));
    const given = store.get(bytes(1))!;
    store.write((batch) => batch.put(bytes(1), bytes(2, 2)));
    assert.equal([...given], [1, 1]);
    given[0] = 9;
    assert.equal([...store.get(bytes(1))!], [2, 2]);
    store.close();
  });

  conforms.run();
}

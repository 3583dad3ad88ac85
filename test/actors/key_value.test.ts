import { MemoryKeyValueStore } from "../../actors/memory_key_value.ts";
import { settled, VirtualClock } from "../../actors/simulation/clock.ts";
import { keyValueConformance } from "./key_value_conformance.ts";

keyValueConformance("MemoryKeyValue", () => {
  const clock = new VirtualClock();
  const store = new MemoryKeyValueStore(clock);
  return {
    connect: () => store.connect(),
    async done(work) {
      let over = false;
      work.catch(() => {}).finally(() => over = true);
      for (let turns = 0; !over && turns < 1_000; turns++) {
        await settled();
        clock.runNext();
      }
      return await work;
    },
  };
});

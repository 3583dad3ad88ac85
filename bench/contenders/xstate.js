import { createActor, fromTransition } from "xstate";

/** The same tasks with XState's actors, whose events are handled in the call that sends them. */
export function open() {
  return {
    /** One actor takes `count` events; settles when it has them all. */
    tell(count) {
      return new Promise((resolve) => {
        const logic = fromTransition((seen) => {
          if (seen + 1 === count) resolve();
          return seen + 1;
        }, 0);
        const actor = createActor(logic).start();
        for (let n = 0; n < count; n++) actor.send({ type: "message", n });
      });
    },
    /** `count` questions, one after the other: an event with a callback, since there is no ask. */
    async ask(count) {
      const actor = createActor(fromTransition((state, event) => {
        event.answer(event.n + 1);
        return state;
      }, 0)).start();
      for (let n = 0; n < count; n++) await new Promise((answer) => actor.send({ type: "message", n, answer }));
    },
    /** `count` actors, each sent one event. */
    spawn(count) {
      return new Promise((resolve) => {
        let told = 0;
        const logic = fromTransition((state) => {
          if (++told === count) resolve();
          return state;
        }, 0);
        for (let n = 0; n < count; n++) {
          const actor = createActor(logic).start();
          actor.send({ type: "message", n });
          actor.stop();
        }
      });
    },
    close() {},
  };
}

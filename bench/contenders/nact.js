import { dispatch, query, spawn, start, stop } from "nact";

/** The same tasks with Nact. */
export function open() {
  const system = start();
  return {
    /** One actor takes `count` messages; settles when it has them all. */
    tell(count) {
      return new Promise((resolve) => {
        const actor = spawn(system, (seen = 0) => {
          if (seen + 1 === count) resolve();
          return seen + 1;
        });
        for (let n = 0; n < count; n++) dispatch(actor, { n });
      });
    },
    /** `count` questions, one after the other. */
    async ask(count) {
      const actor = spawn(system, (state, message) => {
        dispatch(message.sender, message.n + 1);
        return state;
      });
      for (let n = 0; n < count; n++) await query(actor, (sender) => ({ n, sender }), 10_000);
    },
    /** `count` actors, each told one message. */
    spawn(count) {
      return new Promise((resolve) => {
        let told = 0;
        for (let n = 0; n < count; n++) {
          const actor = spawn(system, (state) => {
            if (++told === count) resolve();
            stop(actor);
            return state;
          });
          dispatch(actor, { n });
        }
      });
    },
    close() {
      stop(system);
    },
  };
}

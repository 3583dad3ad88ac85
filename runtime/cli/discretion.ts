import type { Console } from "./console.ts";

/** Shorter ones are parts of words: to hide them would make nonsense of what is said. */
const leastLength = 4;

/** A console that never shows a secret that it was told: whatever is said has `***` in its place. */
export function discreet(console: Console): Console {
  const secrets = new Set<string>();
  const hide = (text: string): string => {
    let hidden = text;
    for (const secret of secrets) hidden = hidden.replaceAll(secret, "***");
    return hidden;
  };
  return {
    ...console,
    out: (line) => console.out(hide(line)),
    say: (line) => console.say(hide(line)),
    keepSecret: (secret) => {
      for (const form of [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]) {
        if (form.length >= leastLength) secrets.add(form);
      }
    },
  };
}

/** The secret in the address of a server: a password, or a token. */
export function secretIn(address: string): string | undefined {
  const user = /^(?:[a-z]+:\/\/)?(.*)@/is.exec(address)?.[1];
  return user === undefined ? undefined : user.slice(user.indexOf(":") + 1);
}

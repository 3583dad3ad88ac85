/**
 * Calls a function in such a way that no compiler draws it into its caller.
 *
 * For what is done seldom on the way of every record, such as the first value of a key. A compiler has room for so much code in
 * one piece, and fills it with what was called often while it was learning, which is when a job begins: every key is new then.
 * What is frequent later would have to stay outside. A call that has gone to several functions is never drawn in.
 */
export function apart<A, R>(fn: (argument: A) => R, argument: A): R {
  return fn(argument);
}

for (const seen of [(n: number) => n, (n: number) => -n, (n: number) => n + 1]) apart(seen, 1);

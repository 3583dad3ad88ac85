/**
 * The smallest part of a failing list that deleting finds: by delta debugging (Zeller and Hildebrandt), ever smaller pieces are
 * left out, and what still fails without them goes on. Of what it returns no single element can be left out, unless `maxTries`
 * came first.
 *
 * @param fails whether a part of the list, in order, still fails
 */
export async function shrink<T>(
  failing: readonly T[],
  fails: (part: readonly T[]) => Promise<boolean>,
  maxTries: number,
): Promise<readonly T[]> {
  let left = failing;
  let tries = 0;
  if (left.length > 0 && tries++ < maxTries && await fails([])) return [];
  for (let pieces = 2; left.length >= 2;) {
    const size = Math.ceil(left.length / pieces);
    let smaller: readonly T[] | undefined;
    for (let at = 0; at < left.length && smaller === undefined; at += size) {
      const rest = [...left.slice(0, at), ...left.slice(at + size)];
      if (tries++ >= maxTries) return left;
      if (await fails(rest)) smaller = rest;
    }
    if (smaller !== undefined) {
      left = smaller;
      pieces = Math.max(2, pieces - 1);
    } else if (size === 1) {
      return left;
    } else {
      pieces = Math.min(left.length, 2 * pieces);
    }
  }
  return left;
}

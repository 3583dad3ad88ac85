/** What flows through simulated jobs. */
export interface SimRecord {
  /** Where it comes from and the path it took, without what depends on state: the same in every run. */
  readonly id: string;
  /** What keyed operators counted on its way: `#1` where it was seen once. */
  readonly tags: string;
  readonly key: number;
  /** Event time. */
  readonly at: number;
  /** Its split, and its place in it: for checks of order. */
  readonly split: string;
  readonly place: number;
  /** How often it has gone round the loop it is in. */
  readonly round: number;
}

/** How often a record goes round a loop: depends on where it comes from only. */
export function roundsOf(record: SimRecord, loop: string): number {
  return hashOf(`${record.split}.${record.place}.${loop}`) % 4;
}

/** A small hash for decisions of operators. */
export function hashOf(text: string): number {
  let hash = 7;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) >>> 0;
  return (hash ^ (hash >>> 13)) >>> 0;
}

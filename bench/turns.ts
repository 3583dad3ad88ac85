/** The order of sides in a round: in every other round the reverse, so that what disturbs the machine disturbs all of them. */
export function orderIn(round: number, sides: number): readonly number[] {
  return Array.from({ length: sides }, (_, index) => (round % 2 === 0 ? index : sides - 1 - index));
}

/** Runs sides in turn, as {@link orderIn} has it: what each gave, round by round. */
export async function inTurn<Result>(
  sides: readonly { run(round: number): Promise<Result> }[],
  rounds: number,
): Promise<Result[][]> {
  const given = sides.map((): Result[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const index of orderIn(round, sides.length)) {
      given[index]?.push(await (sides[index] as (typeof sides)[number]).run(round));
    }
  }
  return given;
}

/**
 * Runs sides in turn, every other round in reverse order, so that what disturbs the machine disturbs all of them: what each
 * gave, round by round. `begins` is told before each run.
 */
export async function inTurn<Result>(
  sides: readonly { run(): Promise<Result> }[],
  rounds: number,
  begins: (index: number, round: number) => void = () => {},
): Promise<Result[][]> {
  const given = sides.map((): Result[] => []);
  for (let round = 0; round < rounds; round++) {
    const order = sides.map((_, index) => (round % 2 === 0 ? index : sides.length - 1 - index));
    for (const index of order) {
      begins(index, round);
      given[index]?.push(await (sides[index] as (typeof sides)[number]).run());
    }
  }
  return given;
}

import { count, generate, job, stdout } from "sluice";

/** A thousand clicks a second, counted by user: what `docs/cluster.md` runs on several processes. */
export default job("clicks", (flow) => {
  const clicks = generate({ ratePerSecond: 1_000, splits: 4, make: (n) => ({ user: `user-${n % 50}`, n }) });
  flow.from("clicks", clicks)
    .keyBy("user", (click) => click.user)
    .aggregate("count", count())
    .to("out", stdout());
});

import { groupBy, map, mergeMap, range, scan } from "rxjs";

/** keyed-count with RxJS: one group a key, a running count and sum in each. */
export function keyedCount({ records, makeEvent, mapEvent, onCount }) {
  range(0, records).pipe(
    map(makeEvent),
    map(mapEvent),
    groupBy((event) => event.key),
    mergeMap((events) =>
      events.pipe(scan((total, event) => {
        total.count++;
        total.sum += event.value;
        return total;
      }, { count: 0, sum: 0 }))
    ),
  ).subscribe((total) => onCount(total.count));
}

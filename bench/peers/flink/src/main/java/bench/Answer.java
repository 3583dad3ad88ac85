package bench;

import java.io.Serializable;

/** What a run came to: sums over the results at its sinks, which another engine must come to as well. */
final class Answer {
  private Answer() {}

  /** What one result adds. */
  interface Of<T> extends Serializable {
    long counted(T result);

    default long summed(T result) {
      return 0;
    }

    /** The end of the result's window. */
    default long end(T result) {
      return 0;
    }
  }

  private static long counted;
  private static long summed;
  private static long lastEnd;

  /** Called by each sink when it ends. */
  static synchronized void add(long itsCounted, long itsSummed, long itsLastEnd) {
    counted += itsCounted;
    summed += itsSummed;
    lastEnd = Math.max(lastEnd, itsLastEnd);
  }

  static synchronized void into(Json out) {
    out.put("emittedByReader", Probe.emittedByReader()).put("counted", counted).put("summed", summed)
        .put("lastEnd", lastEnd);
  }
}

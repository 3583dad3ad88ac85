import { messageOf } from "../../actors/error.ts";
import type { ActorContext, Signal } from "../../actors/behavior.ts";
import type { ActorRef } from "../../actors/ref.ts";
import { CheckpointFiles } from "../checkpoint/checkpoint_files.ts";
import type { CheckpointStore } from "../checkpoint/storage.ts";
import type { Channel } from "../graph/channel.ts";
import type { BarrierMode, CheckpointId } from "../graph/frame.ts";
import type { Split } from "../graph/source.ts";
import type { SubtaskAssignment, SubtaskCounters, SubtaskReports } from "../task/assignment.ts";
import { type CreditWindowLimits, firstWindow } from "../task/credit_window.ts";
import type { TaskControl } from "../task/control.ts";
import { freshInput } from "../task/input_channel.ts";
import type { InputLink, OutputLink } from "../task/link.ts";
import { noGrant } from "../task/output_channel.ts";
import { MarkedSubtask } from "../task/marked_subtask.ts";
import { Subtask } from "../task/subtask.ts";
import type { TurnMark } from "../task/turn_mark.ts";
import type { Attempt, PlacedSubtask, World } from "./attempt.ts";
import type { ChannelLinks } from "./channel_links.ts";
import type { Deployment, DeploymentReports } from "./deployment.ts";
import type { RunSettings } from "./options.ts";
import { rulesOf } from "./rules.ts";
import { type ChannelStart, Restore } from "./restore.ts";
import type { RestoreDecision } from "./restore_plan.ts";
import type { Snapshot } from "./snapshot.ts";

/** A subtask that runs here. */
interface Deployed extends PlacedSubtask {
  /** Its number in the attempt. */
  readonly number: number;
  readonly ref: ActorRef<TaskControl>;
  readonly subtask: Subtask;
  readonly counters: SubtaskCounters;
}

/** What a subtask has processed in this attempt. */
export interface SubtaskFigure {
  readonly task: string;
  readonly subtask: number;
  /** Records that it was given; of a source, that it has read. */
  readonly recordsIn: number;
  /** Records that it has sent to other subtasks; one that goes to several of them counts for each. A sink sends none. */
  readonly recordsOut: number;
  readonly counts: Readonly<Record<string, number>>;
}

/** What a part of an attempt is made from. */
export interface WorkerAttemptOptions {
  readonly job: string;
  readonly attempt: Attempt;
  readonly snapshot: Snapshot | undefined;
  /** What of the snapshot is converted and dropped. @default nothing */
  readonly decision?: RestoreDecision | undefined;
  readonly splits: ReadonlyMap<string, readonly Split[]>;
  readonly settings: RunSettings;
  /** By uid: the hashes of records that an operator is not to get. */
  readonly guards: ReadonlyMap<string, ReadonlySet<string>>;
  readonly world: World;
  /** Where data files are written. */
  readonly store: Pick<CheckpointStore, "createData">;
  readonly links: ChannelLinks;
  /** Of the actor that the subtasks are children of; it hands on its signals. */
  readonly context: ActorContext<never>;
  readonly reports: DeploymentReports;
  /** Which subtasks run here. @default all of them */
  readonly hosts?: (task: number, subtask: number) => boolean;
  /** Watches the turns of a subtask, which it is given the name of. @default nobody does */
  readonly mark?: (subtask: string) => TurnMark;
}

/**
 * The part of an attempt that runs in one process: its subtasks as actors, joined by channels, from nothing or from a snapshot,
 * and one data file for what they contribute to a checkpoint.
 */
export class WorkerAttempt implements Deployment {
  readonly attempt: Attempt;
  readonly #options: WorkerAttemptOptions;
  readonly #subtasks: readonly Deployed[];
  /** By task and subtask. */
  readonly #counters: SubtaskCounters[][] = [];
  readonly #files: CheckpointFiles;
  /** Subtasks that have not loaded yet, and those that have not ended yet. */
  #loading: number;
  #alive: number;
  #stopping = false;

  constructor(options: WorkerAttemptOptions) {
    const { attempt, world, reports, context, settings, hosts = () => true, mark } = options;
    this.attempt = attempt;
    this.#options = options;
    const own = attempt.subtasks.flatMap(({ task, index }, number) => hosts(task.index, index) ? [{ task, index, number }] : []);
    this.#loading = own.length;
    this.#alive = own.length;
    this.#files = new CheckpointFiles(options.store, {
      attempt: attempt.number,
      subtasks: own.length,
      clock: world.clock,
      expedite: (work) => context.system.expedite(work),
      written: (id, file, acknowledgements) => reports.written?.(id, acknowledgements, file),
      done: (id, outcome) => {
        if (outcome.kind === "durable") return reports.acknowledged(id, outcome.acknowledgements, outcome.file);
        const said = messageOf(outcome.cause);
        const reason = `its data could not be written: ${said}`;
        reports.coordinate({ kind: "declined", id, reason, counts: true, cause: outcome.cause });
      },
    });
    // Before anything is made: what cannot be read shows here.
    const { snapshot, decision } = options;
    const restore = snapshot === undefined ? undefined : new Restore(snapshot, attempt.plan, attempt.number, decision);
    this.#subtasks = own.map(({ task, index, number }) => {
      const counters: SubtaskCounters = { recordsIn: 0, counts: new Map() };
      const subtask = new Subtask(this.#assignment(restore, { task, index, number }, counters));
      const ref = context.spawn<TaskControl>(
        `${attempt.number}-${task.index}-${index}`,
        () => mark === undefined ? subtask : new MarkedSubtask(subtask, mark(nameOf({ task, index }))),
        {
          restart: "temporary",
          handlerTimeoutMs: settings.handlerTimeoutMs,
          shutdownMs: settings.shutdownMs,
        },
      );
      context.watch(ref);
      (this.#counters[task.index] ??= [])[index] = counters;
      return { task, index, number, ref, subtask, counters };
    });
  }

  positions(): Readonly<Record<string, string>> {
    const positions: Record<string, string> = {};
    for (const { task, subtask } of this.#subtasks) {
      const position = subtask.position();
      if (position === undefined || position === "") continue;
      positions[task.id] = positions[task.id] === undefined ? position : `${positions[task.id]}, ${position}`;
    }
    return positions;
  }

  counts(task: number, subtask: number): Readonly<Record<string, number>> {
    const { counts } = this.#counters[task]?.[subtask] ?? {};
    return counts === undefined || counts.size === 0 ? noCounts : Object.fromEntries(counts);
  }

  /** What each subtask that runs here has processed so far. */
  figures(): readonly SubtaskFigure[] {
    return this.#subtasks.map(({ task, index, subtask, counters: { recordsIn, counts } }) => ({
      task: task.id,
      subtask: index,
      recordsIn,
      recordsOut: subtask.recordsOut,
      counts: Object.fromEntries(counts),
    }));
  }

  run(): void {
    for (const { ref } of this.#subtasks) ref.tell({ kind: "run" });
  }

  trigger(id: CheckpointId, last: boolean, elapsedMs: number = 0, mode?: BarrierMode): void {
    if (this.#subtasks.length > 0) this.#files.expect(id);
    for (const { task, ref } of this.#subtasks) {
      if (task.inputs.length === 0) ref.tell({ kind: "trigger", id, elapsedMs, last, mode });
      else if (task.inputs.some((edge) => edge.feedback)) ref.tell({ kind: "expect", id });
    }
  }

  abort(id: CheckpointId): void {
    this.#files.abort(id);
    for (const { ref } of this.#subtasks) ref.tell({ kind: "abort", id });
  }

  endLoop(loop: number, phase: "flush" | "close"): void {
    const head = this.attempt.plan.loops[loop]?.head;
    for (const { task, ref } of this.#subtasks) if (task.index === head) ref.tell({ kind: "loop", phase });
  }

  completed(id: CheckpointId): void {
    this.#files.completed(id);
    for (const { ref } of this.#subtasks) ref.tell({ kind: "completed", id });
  }

  stop(): void {
    this.#stopping = true;
    for (const { ref } of this.#subtasks) this.#options.context.stop(ref);
    if (this.#alive === 0) this.#options.reports.stopped();
  }

  signal(signal: Signal): void {
    if (signal.kind !== "terminated" || !this.#subtasks.some(({ ref }) => ref.address.id === signal.ref.address.id)) return;
    this.#alive--;
    const { reports } = this.#options;
    if (!this.#stopping) {
      reports.failed(signal.reason.kind === "failed" ? signal.reason.cause : new Error("a subtask stopped by itself"));
    }
    if (this.#alive === 0) reports.stopped();
  }

  async close(): Promise<void> {
    this.#options.links.close();
    await this.#files.close();
  }

  #assignment(
    restore: Restore | undefined,
    { task, index: subtask, number }: PlacedSubtask & { readonly number: number },
    counters: SubtaskCounters,
  ): SubtaskAssignment {
    const { attempt, snapshot, settings, world, links, splits } = this.#options;
    const { plan } = attempt;
    const limitsOf = ({ encoded }: InputLink | OutputLink) => settings.channels[encoded ? "encoded" : "local"];
    const windowOf = (link: InputLink | OutputLink): CreditWindowLimits => {
      const { windowBytes, targetMs } = limitsOf(link);
      return { maxBytes: windowBytes, targetMs };
    };
    const start = (channel: Channel): ChannelStart => restore?.channelStart(channel) ?? { sent: 0, input: freshInput };
    const source = task.operators[0]?.role.kind === "source" ? task.operators[0].id : undefined;
    return {
      job: this.#options.job,
      life: attempt.life,
      plan,
      task,
      subtask,
      attempt: attempt.number,
      clock: world.clock,
      random: world.random,
      disk: world.disk,
      log: world.log,
      rules: rulesOf(settings.mode),
      state: settings.state,
      inputs: attempt.channels
        .filter((channel) => channel.edge.to === task.index && channel.receiver === subtask)
        .map((channel) => {
          const link = links.input(channel);
          return { channel, link, window: windowOf(link), start: start(channel).input };
        }),
      outputs: attempt.channels
        .filter((channel) => channel.edge.from === task.index && channel.sender === subtask)
        .map((channel) => {
          const link = links.output(channel);
          // Feedback lies outside credit: its head may wait for the sender that would wait for it.
          const first = channel.edge.feedback ? Infinity : firstWindow(windowOf(link));
          const limit = link.encoded ? noGrant : first;
          return { channel, link, limits: limitsOf(link), start: { sent: start(channel).sent, limit } };
        }),
      recovered: restore?.recovered(task, subtask) ?? [],
      splits: source === undefined ? [] : splits.get(source) ?? [],
      restoredCheckpoint: snapshot?.manifest.id ?? 0,
      restored: restore?.parts(task, subtask) ?? new Map(),
      guards: this.#options.guards,
      reports: this.#reports(number),
      counters,
    };
  }

  #reports(number: number): SubtaskReports {
    const { reports } = this.#options;
    return {
      contribute: (contribution) => this.#files.add(contribution),
      decline: (id, reason, cause) => {
        const matterOfCourse = cause === undefined;
        reports.coordinate({ kind: "declined", id, reason, counts: !matterOfCourse, cause });
      },
      drained: () => reports.coordinate({ kind: "drained", subtask: number }),
      finished: () => reports.coordinate({ kind: "finished", subtask: number }),
      committed: (id) => reports.coordinate({ kind: "committed", subtask: number, id }),
      ready: () => {
        if (--this.#loading === 0) reports.ready();
      },
      skipped: (record) => reports.skipped(record),
    };
  }
}

const noCounts: Readonly<Record<string, number>> = {};

/** The operators of a subtask, which of several it is, and those that records may be handed to in its turns. */
function nameOf({ task, index }: PlacedSubtask): string {
  const next = task.outputs.filter(({ feedback, partitioner: { kind } }) =>
    !feedback && (kind === "forward" || kind === "keyBy")
  );
  const behind = [...new Set(next.map(({ toOperator }) => toOperator))].join(", ");
  const own = `${task.operators.map(({ id }) => id).join(", ")} (subtask ${index} of ${task.parallelism})`;
  return behind === "" ? own : `${own}, or ${behind} behind it`;
}

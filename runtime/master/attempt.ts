import type { ActorContext } from "../../actors/behavior.ts";
import type { Clock } from "../../actors/clock.ts";
import type { Disk } from "../../actors/disk.ts";
import type { Logger } from "../../actors/logger.ts";
import type { Random } from "../../actors/random.ts";
import type { ActorRef } from "../../actors/ref.ts";
import { CheckpointFiles } from "../checkpoint/checkpoint_files.ts";
import type { CoordinatorEvent } from "../checkpoint/coordinator.ts";
import type { DataFile } from "../checkpoint/manifest.ts";
import type { CheckpointStore } from "../checkpoint/storage.ts";
import { type Channel, channelsOf } from "../graph/channel.ts";
import type { CheckpointId } from "../graph/frame.ts";
import type { Plan, PlannedTask } from "../graph/plan.ts";
import type { Split } from "../graph/source.ts";
import type { SubtaskAssignment, SubtaskCounters, SubtaskReports } from "../task/assignment.ts";
import { firstWindow } from "../task/credit_window.ts";
import type { SkippedRecord } from "../task/guarded_link.ts";
import type { TaskControl } from "../task/control.ts";
import { freshInput } from "../task/input_channel.ts";
import { noGrant } from "../task/output_channel.ts";
import { Subtask } from "../task/subtask.ts";
import type { ChannelLinks } from "./channel_links.ts";
import type { RunSettings } from "./options.ts";
import { rulesOf } from "./rules.ts";
import { type ChannelStart, Restore } from "./restore.ts";
import type { Snapshot } from "./snapshot.ts";

/** The outside world of a run. */
export interface World {
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: Disk;
  readonly log: Logger;
}

/** What an attempt tells its master. */
export interface AttemptReports {
  ready(): void;
  skipped(record: SkippedRecord): void;
  coordinate(event: CoordinatorEvent): void;
  /** The data of a checkpoint is durable in this file. */
  dataFile(id: CheckpointId, file: DataFile): void;
}

/** One subtask of an attempt. */
interface Deployed {
  readonly task: PlannedTask;
  readonly index: number;
  readonly ref: ActorRef<TaskControl>;
  readonly subtask: Subtask;
  readonly counters: SubtaskCounters;
}

/**
 * One attempt: every subtask of a plan as an actor, joined by channels, from nothing or from a snapshot.
 *
 * Everything in it is made anew for each attempt, so a zombie of an older one reaches nothing.
 */
export class Attempt {
  readonly number: number;
  /** Which life of the job: see `SinkContext.life`. */
  readonly life: string;
  readonly plan: Plan;
  readonly snapshot: Snapshot | undefined;
  readonly channels: readonly Channel[];
  readonly subtasks: readonly Deployed[];
  readonly #files: CheckpointFiles;

  constructor(options: {
    readonly job: string;
    readonly life: string;
    readonly number: number;
    readonly plan: Plan;
    readonly snapshot: Snapshot | undefined;
    readonly splits: ReadonlyMap<string, readonly Split[]>;
    readonly settings: RunSettings;
    readonly world: World;
    readonly store: CheckpointStore;
    readonly links: ChannelLinks;
    /** By uid: the hashes of records that an operator is not to get. */
    readonly guards: ReadonlyMap<string, ReadonlySet<string>>;
    readonly context: ActorContext<never>;
    readonly reports: AttemptReports;
  }) {
    const { number, plan, snapshot, world, reports, context, settings } = options;
    this.number = number;
    this.life = options.life;
    this.plan = plan;
    this.snapshot = snapshot;
    this.channels = channelsOf(plan);
    const total = plan.tasks.reduce((sum, task) => sum + task.parallelism, 0);
    this.#files = new CheckpointFiles(options.store, {
      attempt: number,
      subtasks: total,
      clock: world.clock,
      done: (id, outcome) => {
        if (outcome.kind === "durable") {
          reports.dataFile(id, outcome.file);
          reports.coordinate({ kind: "acknowledged", id, acknowledgements: outcome.acknowledgements });
        } else {
          const said = outcome.cause instanceof Error ? outcome.cause.message : String(outcome.cause);
          const reason = `its data could not be written: ${said}`;
          reports.coordinate({ kind: "declined", id, reason, counts: true, cause: outcome.cause });
        }
      },
    });
    // Before anything is made: what cannot be read shows here.
    const restore = snapshot === undefined ? undefined : new Restore(snapshot, plan, number);
    const deployed: Deployed[] = [];
    for (const task of plan.tasks) {
      for (let index = 0; index < task.parallelism; index++) {
        const counters: SubtaskCounters = { recordsIn: 0, recordsOut: 0, counts: new Map() };
        const assignment = this.#assignment(options, restore, task, index, deployed.length, counters);
        const subtask = new Subtask(assignment);
        const ref = context.spawn<TaskControl>(`${number}-${task.index}-${index}`, () => subtask, {
          restart: "temporary",
          handlerTimeoutMs: settings.handlerTimeoutMs,
          shutdownMs: settings.shutdownMs,
        });
        context.watch(ref);
        deployed.push({ task, index, ref, subtask, counters });
      }
    }
    this.subtasks = deployed;
  }

  /** The numbers of the subtasks that hold sinks. */
  get sinkSubtasks(): readonly number[] {
    return this.subtasks.flatMap(({ task }, number) => task.operators.some((of) => of.role.kind === "sink") ? [number] : []);
  }

  /** By loop of the plan: the numbers of its head's subtasks. */
  get loopHeads(): readonly (readonly number[])[] {
    return this.plan.loops.map(({ head }) => this.subtasks.flatMap(({ task }, number) => (task.index === head ? [number] : [])));
  }

  /** Where each source is, by uid. */
  positions(): Readonly<Record<string, string>> {
    const positions: Record<string, string> = {};
    for (const { task, subtask } of this.subtasks) {
      const position = subtask.position();
      if (position === undefined || position === "") continue;
      positions[task.id] = positions[task.id] === undefined ? position : `${positions[task.id]}, ${position}`;
    }
    return positions;
  }

  /** What a subtask's operators and connectors have counted. */
  counts(task: number, subtask: number): Readonly<Record<string, number>> {
    const deployed = this.subtasks.find((of) => of.task.index === task && of.index === subtask);
    return Object.fromEntries(deployed?.counters.counts ?? []);
  }

  run(): void {
    for (const { ref } of this.subtasks) ref.tell({ kind: "run" });
  }

  /** Has the sources start checkpoint `id`; heads of loops are told that its barrier will come. */
  trigger(id: CheckpointId, last: boolean): void {
    for (const { task, ref } of this.subtasks) {
      if (task.inputs.length === 0) ref.tell({ kind: "trigger", id, elapsedMs: 0, last });
      else if (task.inputs.some((edge) => edge.feedback)) ref.tell({ kind: "expect", id });
    }
  }

  abort(id: CheckpointId): void {
    this.#files.abort(id);
    for (const { ref } of this.subtasks) ref.tell({ kind: "abort", id });
  }

  /** A step to the end of a loop: its heads emit the last watermark, or take feedback as ended. */
  endLoop(loop: number, phase: "flush" | "close"): void {
    for (const head of this.loopHeads[loop] ?? []) this.subtasks[head]?.ref.tell({ kind: "loop", phase });
  }

  completed(id: CheckpointId): void {
    this.#files.completed(id);
    for (const { ref } of this.subtasks) ref.tell({ kind: "completed", id });
  }

  /** Drops what is being written. The subtasks are stopped by their master. */
  async close(): Promise<void> {
    await this.#files.close();
  }

  #assignment(
    options: ConstructorParameters<typeof Attempt>[0],
    restore: Restore | undefined,
    task: PlannedTask,
    subtask: number,
    number: number,
    counters: SubtaskCounters,
  ): SubtaskAssignment {
    const { snapshot, settings, world, plan, links, reports } = options;
    const window = { maxBytes: settings.channels.windowBytes, targetMs: settings.channels.targetMs };
    const start = (channel: Channel): ChannelStart => restore?.channelStart(channel) ?? { sent: 0, input: freshInput };
    const source = task.operators[0]?.role.kind === "source" ? task.operators[0].id : undefined;
    return {
      job: options.job,
      life: options.life,
      plan,
      task,
      subtask,
      attempt: options.number,
      clock: world.clock,
      random: world.random,
      disk: world.disk,
      log: world.log,
      limits: settings.channels,
      window,
      rules: rulesOf(settings.mode),
      state: settings.state,
      inputs: this.channels
        .filter((channel) => channel.edge.to === task.index && channel.receiver === subtask)
        .map((channel) => ({ channel, link: links.input(channel), start: start(channel).input })),
      outputs: this.channels
        .filter((channel) => channel.edge.from === task.index && channel.sender === subtask)
        .map((channel) => {
          const link = links.output(channel);
          // Feedback lies outside credit: its head may wait for the sender that would wait for it.
          const first = channel.edge.feedback ? Infinity : firstWindow(window);
          return { channel, link, start: { sent: start(channel).sent, limit: link.awaitsGrant ? noGrant : first } };
        }),
      recovered: restore?.recovered(task, subtask) ?? [],
      splits: source === undefined ? [] : options.splits.get(source) ?? [],
      restoredCheckpoint: snapshot?.manifest.id ?? 0,
      restored: restore?.parts(task, subtask) ?? new Map(),
      guards: options.guards,
      reports: this.#reports(number, reports),
      counters,
    };
  }

  #reports(number: number, reports: AttemptReports): SubtaskReports {
    return {
      contribute: (contribution) => this.#files.add(contribution),
      decline: (id, reason, cause) => {
        const matterOfCourse = cause === undefined;
        reports.coordinate({ kind: "declined", id, reason, counts: !matterOfCourse, cause });
      },
      drained: () => reports.coordinate({ kind: "drained", subtask: number }),
      finished: () => reports.coordinate({ kind: "finished", subtask: number }),
      committed: (id) => reports.coordinate({ kind: "committed", subtask: number, id }),
      ready: () => reports.ready(),
      skipped: (record) => reports.skipped(record),
    };
  }
}

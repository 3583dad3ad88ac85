/**
 * The operator actor: one subtask of a task, as a data lane and a control lane of one mailbox.
 *
 * A step is one record, one timer or one mark. The loop over a frame's records reads one flag besides the records; everything
 * else happens per frame. Control (barriers, triggers, timeouts) is served between two steps, ahead of data.
 */
import type { ActorContext, LaneBehavior, LaneHost, StopReason } from "../../actors/behavior.ts";
import type { DataLane } from "../../actors/lane.ts";
import type { Frame, Mark } from "../graph/frame.ts";
import type { Operator } from "../graph/operator.ts";
import { apart } from "../state/apart.ts";
import type { SubtaskAssignment } from "./assignment.ts";
import { commitSinks } from "./commit.ts";
import type { TaskControl } from "./control.ts";
import type { InputChannel } from "./input_channel.ts";
import { type LoadedSubtask, loadSubtask, type SubtaskWiring } from "./load.ts";
import type { BarrierOnChannel } from "./link.ts";
import { ProcessingAlarm } from "./processing_alarm.ts";
import { type FrameRun, processRecords } from "./record_loop.ts";

/** How far a subtask is. */
type Phase = "loading" | "loaded" | "running" | "ending" | "finished";

/** The number of records a source emits between two looks at the brakes of its own loop. */
const pollRecords = 1_024;

export class Subtask implements LaneBehavior<TaskControl>, DataLane, SubtaskWiring {
  readonly #assignment: SubtaskAssignment;
  #host!: LaneHost;
  #context!: ActorContext<TaskControl>;
  #loaded: LoadedSubtask | undefined;
  /** The records in hand; the same object for every frame. */
  #records!: FrameRun;
  #head: Operator | undefined;
  #phase: Phase = "loading";
  /** The channel whose first frame is half processed. */
  #current: InputChannel | undefined;
  #toResume = false;
  readonly #alarm: ProcessingAlarm;
  #progress = false;
  /** Senders have handed records over since the last turn: outputs are to be flushed, and promises to be awaited. */
  #handedOver = false;
  /** Everything is closed: nobody is there to be told of a failure. */
  #ended = false;

  constructor(assignment: SubtaskAssignment) {
    this.#assignment = assignment;
    this.#alarm = new ProcessingAlarm(assignment.clock, () => {
      this.#loaded?.entrance.close();
      this.#host.wake();
    });
  }

  // The actor

  lane(host: LaneHost, context: ActorContext<TaskControl>): DataLane {
    this.#host = host;
    this.#context = context;
    return this;
  }

  async start(context: ActorContext<TaskControl>): Promise<void> {
    const loaded = await loadSubtask(this.#assignment, this, context.signal);
    this.#loaded = loaded;
    this.#records = { loaded, input: undefined, from: 0, to: 0 };
    this.#head = loaded.chain.links[0]?.operator;
    if (loaded.source !== undefined) this.#head = undefined;
    this.#phase = "loaded";
    this.#assignment.reports.ready();
  }

  loading(): void {
    this.#context?.progress();
  }

  control(message: TaskControl): void | Promise<void> {
    const loaded = this.#loaded;
    if (loaded === undefined) return;
    // A handler that a sender called in a turn of its own has given a promise: it goes before control, as after a turn of ours.
    if (loaded.suspensions.some) {
      return loaded.suspensions.settled(() => this.#control(loaded, message)).then(() => this.#reopen(loaded));
    }
    const pending = this.#control(loaded, message);
    if (pending === undefined) this.#reopen(loaded);
    return pending;
  }

  #control(loaded: LoadedSubtask, message: TaskControl): void | Promise<void> {
    switch (message.kind) {
      case "run":
        return this.#run(loaded);
      case "trigger":
        loaded.participant.trigger(message.id, message.elapsedMs, message.mode);
        if (message.last && loaded.source !== undefined) loaded.source.halted = true;
        break;
      case "barrier":
        loaded.participant.barrier(message.input, message.barrier);
        break;
      case "timeout":
        loaded.participant.timeout(message.id);
        break;
      case "abort":
        loaded.participant.abort(message.id);
        loaded.gate.feedback?.expectNoMore(message.id, false);
        break;
      case "completed":
        loaded.participant.completed(message.id);
        loaded.chain.completed(message.id);
        this.#commit(loaded, message.id);
        loaded.gate.feedback?.expectNoMore(message.id, true);
        break;
      case "expect":
        loaded.gate.feedback?.expect(message.id);
        break;
      case "loop":
        this.#endLoop(loaded, message.phase);
        break;
      default:
        message satisfies never;
    }
  }

  async stop(reason: StopReason): Promise<void> {
    this.#alarm.cancel();
    this.#loaded?.entrance.close();
    if (this.#loaded?.suspensions.some) await this.#loaded.suspensions.over();
    const errors = await this.#loaded?.close() ?? [];
    this.#ended = true;
    for (const error of errors) {
      if (reason.kind !== "failed") {
        this.#assignment.log({ level: "warn", from: this.name, message: "could not close", cause: error });
      }
    }
  }

  /** Where its source is, for messages; undefined without a source. */
  position(): string | undefined {
    return this.#loaded?.source?.describe();
  }

  /** Records sent to other subtasks, by frames or handed over; each counts for every one of its receivers. */
  get recordsOut(): number {
    return this.#loaded?.outputs.reduce((sum, output) => sum + output.recordsOut, 0) ?? 0;
  }

  // The data lane

  get ready(): boolean {
    const loaded = this.#loaded;
    if (loaded === undefined || this.#phase === "loading" || this.#phase === "loaded") return false;
    if (this.#progress || this.#handedOver) return true;
    for (const output of loaded.outputs) if (output.sendable) return true;
    if (!loaded.brake.on) {
      if (this.#toResume || loaded.eventTime.advancing || this.#alarm.due) return true;
      if (this.#current !== undefined || loaded.gate.readable || loaded.source?.ready) return true;
      if (this.#phase === "ending" || (this.#phase === "running" && this.#inputEnded(loaded))) return true;
    }
    return loaded.outputs.some((output) => output.flushable);
  }

  run(maxSteps: number): number | Promise<number> {
    const loaded = this.#loaded as LoadedSubtask;
    if (this.#progress) {
      this.#progress = false;
      loaded.participant.progress();
    }
    loaded.entrance.close();
    const handedOver = this.#handedOver;
    this.#handedOver = false;
    for (const output of loaded.outputs) {
      output.drain();
      output.beginTurn(maxSteps);
    }
    let steps = 0;
    while (steps < maxSteps && !loaded.brake.on) {
      const taken = this.#step(loaded, maxSteps - steps);
      if (taken === 0) break;
      steps += taken;
      if (this.#host.interrupted) break;
    }
    if (loaded.brake.on && loaded.chain.mayHoldBack) this.#toResume = true;
    if (steps > 0 || handedOver) loaded.chain.onBatch();
    for (const output of loaded.outputs) {
      output.endTurn();
      if (output.flushable) output.seal(undefined);
    }
    return loaded.suspensions.some ? loaded.suspensions.settled(() => this.#over(loaded, steps)) : this.#over(loaded, steps);
  }

  #over(loaded: LoadedSubtask, steps: number): number {
    this.#reopen(loaded);
    return Math.max(1, steps);
  }

  /** Records may be handed over while the next one could be processed at once. */
  #reopen(loaded: LoadedSubtask): void {
    const { entrance, brake, gate, eventTime, participant } = loaded;
    if (this.#phase !== "running" || brake.on || this.#current !== undefined || this.#toResume) return;
    if (this.#alarm.due || eventTime.advancing || participant.busy || !gate.clear) return;
    entrance.open();
  }

  close(): readonly unknown[] {
    return [];
  }

  // What its parts tell it

  get name(): string {
    return `${this.#assignment.task.id}/${this.#assignment.subtask}`;
  }

  wake(): void {
    this.#host.wake();
  }

  handedOver(records: number): void {
    const loaded = this.#loaded as LoadedSubtask;
    this.#assignment.counters.recordsIn += records;
    if (loaded.brake.on && loaded.chain.mayHoldBack) this.#toResume = true;
    this.#handedOver = true;
    this.#host.wake();
  }

  suspend(pending: Promise<unknown>): void {
    (this.#loaded as LoadedSubtask).suspensions.add(pending);
  }

  timersChanged(): void {
    this.#alarm.set(this.#head?.nextProcessingTimer?.() ?? Infinity);
  }

  /** What fails when the subtask has ended, such as a commit whose connection was closed, changes nothing. */
  fail(error: unknown): void {
    this.#loaded?.entrance.close();
    if (!this.#ended) this.#context.fail(error);
  }

  barrierArrived(input: InputChannel, barrier: BarrierOnChannel): void {
    this.#loaded?.entrance.close();
    this.#context.self.tell({ kind: "barrier", input, barrier });
  }

  frameArrived(input: InputChannel): void {
    const loaded = this.#loaded;
    if (loaded === undefined) return; // the gate looks at every channel when it is made
    loaded.entrance.close();
    if (input.feedback?.overflows) return this.fail(input.feedback.overflow());
    loaded.gate.offer(input);
    if (loaded.participant.busy) this.#progress = true;
    this.#host.wake();
  }

  gap(input: InputChannel, frame: Frame): void {
    this.fail(input.lostBefore(frame));
  }

  barrierLeft(): void {
    this.#progress = true;
    this.#host.wake();
  }

  timeoutDue(id: number): void {
    this.#context.self.tell({ kind: "timeout", id });
  }

  finished(): boolean {
    return this.#phase === "finished";
  }

  quiet(): boolean {
    const { eventTime, chain } = this.#loaded as LoadedSubtask;
    const timer = this.#head?.nextProcessingTimer?.() ?? Infinity;
    return !eventTime.advancing && timer === Infinity && !chain.pending;
  }

  // Steps

  #step(loaded: LoadedSubtask, maxSteps: number): number {
    if (this.#toResume) {
      if (!loaded.chain.resume(false)) return 0;
      this.#toResume = false;
      return 1;
    }
    if (loaded.eventTime.advancing) {
      loaded.chain.guardHead(() => loaded.eventTime.step());
      return 1;
    }
    if (this.#alarm.due) return this.#fireProcessingTimer(loaded);
    if (loaded.source !== undefined) {
      const taken = loaded.source.ready ? loaded.source.poll(Math.min(maxSteps, pollRecords)) : 0;
      if (taken > 0) return taken;
    } else {
      const taken = this.#readFrame(loaded, maxSteps);
      if (taken > 0) return taken;
    }
    return this.#end(loaded);
  }

  /** What barriers leave behind them is no step: where they are frequent, nothing else would happen. */
  #readFrame(loaded: LoadedSubtask, maxSteps: number): number {
    for (;;) {
      const input = this.#current ??= loaded.gate.next();
      if (input === undefined) return 0;
      if (!loaded.participant.isSpent(input.first as Frame)) return this.#readFrom(loaded, input, maxSteps);
      this.#consume(loaded, input);
    }
  }

  #readFrom(loaded: LoadedSubtask, input: InputChannel, maxSteps: number): number {
    const frame = input.first as Frame;
    const { values } = frame;
    const start = input.elements;
    let taken = 0;
    if (start < values.length) {
      if (input.idle) this.#becameActive(loaded, input);
      if (input.feedback !== undefined && this.#phase !== "running") throw input.feedback.late();
      const run = this.#records;
      run.input = input;
      run.from = start;
      run.to = Math.min(values.length, start + maxSteps);
      taken = apart(processRecords, run);
      input.elements = start + taken;
      this.#assignment.counters.recordsIn += taken;
      if (loaded.gate.feedback !== undefined) loaded.gate.feedback.passed += taken;
      if (input.elements < values.length) return taken;
    }
    if (frame.mark !== undefined) {
      if (loaded.brake.on) return taken;
      this.#consume(loaded, input);
      this.#onMark(loaded, input, frame.mark);
      return taken + 1;
    }
    this.#consume(loaded, input);
    return Math.max(1, taken);
  }

  #consume(loaded: LoadedSubtask, input: InputChannel): void {
    const fedBack = input.feedback !== undefined && (input.first as Frame).values.length > 0;
    input.consume();
    if (fedBack) loaded.eventTime.idleStill();
    this.#current = undefined;
    if (input.drained) {
      loaded.gate.recoveredDrained(input);
      loaded.eventTime.inputsAt(loaded.gate.watermark());
      this.#drained(loaded);
    } else {
      loaded.gate.offer(input);
    }
  }

  #onMark(loaded: LoadedSubtask, input: InputChannel, mark: Mark): void {
    switch (mark.kind) {
      case "watermark":
        if (mark.timestamp > input.watermark) input.watermark = mark.timestamp;
        input.idle = false;
        break;
      case "idle":
        input.idle = true;
        break;
      case "barrier":
        loaded.participant.reached(input, mark.id);
        return;
      case "end":
        input.ended = true;
        this.#drained(loaded);
        break;
      default:
        mark satisfies never;
    }
    loaded.eventTime.inputsAt(loaded.gate.watermark());
  }

  #becameActive(loaded: LoadedSubtask, input: InputChannel): void {
    input.idle = false;
    loaded.eventTime.inputsAt(loaded.gate.watermark());
  }

  #fireProcessingTimer(loaded: LoadedSubtask): number {
    const due = this.#head?.nextProcessingTimer?.() ?? Infinity;
    if (due > this.#assignment.clock.now()) {
      this.#alarm.due = false;
      this.timersChanged();
      return 1;
    }
    loaded.chain.guardHead(() => this.#head?.fireProcessingTimer?.());
    return 1;
  }

  #inputEnded(loaded: LoadedSubtask): boolean {
    if (loaded.source !== undefined) return loaded.source.ended && !loaded.source.halted;
    return loaded.gate.ended;
  }

  /** The head of a loop says when nothing more comes from outside: then the coordinator looks whether the loop is quiet. */
  #drained(loaded: LoadedSubtask): void {
    if (loaded.gate.feedback?.closed === false && loaded.gate.regularEnded) this.#assignment.reports.drained();
  }

  /** A step to the end of the loop it is the head of. The same step again does nothing. */
  #endLoop(loaded: LoadedSubtask, phase: "flush" | "close"): void {
    const { feedback } = loaded.gate;
    if (feedback === undefined) return;
    if (phase === "close") feedback.closed = true;
    feedback.flushed = true;
    loaded.eventTime.inputsAt(loaded.gate.watermark());
  }

  /** The end of input, in two steps, since what an operator emits at its end may suspend the task. */
  #end(loaded: LoadedSubtask): number {
    if (this.#phase === "running" && this.#inputEnded(loaded)) {
      this.#phase = "ending";
      loaded.chain.onBatch();
      loaded.chain.finish();
      return 1;
    }
    if (this.#phase !== "ending") return 0;
    this.#phase = "finished";
    for (const output of loaded.outputs) output.seal({ kind: "end" });
    this.#assignment.reports.finished();
    return 1;
  }

  #run(loaded: LoadedSubtask): Promise<void> | void {
    const started = () => {
      this.#phase = "running";
      if (loaded.source === undefined) {
        loaded.eventTime.announce();
        loaded.eventTime.inputsAt(loaded.gate.watermark());
      }
      this.timersChanged();
      this.#reopen(loaded);
      this.#host.wake();
    };
    const id = this.#assignment.restoredCheckpoint;
    const sinks = loaded.sinks.filter((sink) => sink.transactional);
    if (sinks.length === 0 || id === 0) return started();
    return Promise.all(sinks.map((sink) => sink.commit(id))).then(started);
  }

  #commit(loaded: LoadedSubtask, id: number): void {
    if (loaded.sinks.length === 0) return;
    if (!loaded.sinks.some((sink) => sink.mayHaveToCommit)) return this.#assignment.reports.committed(id);
    commitSinks(this.name, loaded.sinks, id).then(
      () => this.#assignment.reports.committed(id),
      (error: unknown) => this.fail(error),
    );
  }
}

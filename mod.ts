/**
 * Stateful stream processing, exactly once, on supervised actors.
 *
 * A job is a graph of operators; `start` runs it in this process, takes checkpoints, and restores it from the latest one when
 * something fails. See `README.md` for a first example and `docs/` for every option, event and error.
 *
 * @module
 */
export { SluiceError } from "./actors/error.ts";
export { DiskError } from "./actors/disk.ts";
export type { Clock, Timer } from "./actors/clock.ts";
export type { Disk, DiskFault, DiskWriter } from "./actors/disk.ts";
export type { LogEntry, Logger, LogLevel } from "./actors/logger.ts";
export type { Random } from "./actors/random.ts";
export type { Delivery as TransportDelivery, Subscription, Transport } from "./actors/transport.ts";

// Jobs
export { isJob, job } from "./runtime/job/job.ts";
export type { Job, JobOptions } from "./runtime/job/job.ts";
export type { Flow } from "./runtime/job/flow.ts";
export type { LoopEnds } from "./runtime/job/loop.ts";
export type { IterateOptions, OperatorOptions, ProcessOperatorOptions } from "./runtime/job/operator_options.ts";
export type { KeyedStream } from "./runtime/job/keyed_stream.ts";
export type { ConnectedStream, KeyedConnectedStream } from "./runtime/job/connected_stream.ts";
export type { BroadcastStream, Stream } from "./runtime/job/stream.ts";
export type { LateSide, WindowedStream } from "./runtime/job/windowed_stream.ts";
export type { Key } from "./runtime/graph/key.ts";
export type { Parallelism } from "./runtime/graph/parallelism.ts";

// State, process functions, windows, aggregates
export { list, map, replicate, split, type, value } from "./runtime/state/descriptor.ts";
export { migrating } from "./runtime/state/migration.ts";
export type { KeyedDescriptors, OperatorDescriptors, Shape, StateHandles, Typed } from "./runtime/state/descriptor.ts";
export type { ListState, MapState, ValueState } from "./runtime/state/handle.ts";
export type { TimeToLive } from "./runtime/state/time_to_live.ts";
export { StaleContextError } from "./runtime/state/stale_context.ts";
export type { KeyedProcessDefinition, ProcessDefinition } from "./runtime/operators/process.ts";
export type {
  FiredTimer,
  KeyedProcessContext,
  NoSides,
  ProcessContext,
  Sides,
  Timers,
} from "./runtime/operators/process_context.ts";
export type { ConnectedProcessDefinition, KeyedConnectedProcessDefinition } from "./runtime/operators/broadcast_process.ts";
export type {
  BroadcastContext,
  BroadcastDescriptors,
  BroadcastView,
  ConnectedContext,
  KeyedConnectedContext,
} from "./runtime/operators/broadcast_context.ts";
export { days, hours, milliseconds, minutes, seconds, tumbling } from "./runtime/operators/tumbling.ts";
export type { TumblingWindow } from "./runtime/operators/tumbling.ts";
export type { WindowResult } from "./runtime/operators/window.ts";
export type { RunningResult } from "./runtime/operators/running_aggregate.ts";
export { average, combine, count, max, min, reduce, sum } from "./runtime/operators/aggregate.ts";
export type { Aggregate } from "./runtime/operators/aggregate.ts";
export type { WatermarkOptions } from "./runtime/operators/watermarks.ts";
export { MAX_WATERMARK } from "./runtime/graph/frame.ts";

// Sources and sinks
export { forEach } from "./runtime/connectors/for_each.ts";
export { generate } from "./runtime/connectors/generator.ts";
export { jsonArraySource } from "./runtime/connectors/json_array.ts";
export { jsonlSource } from "./runtime/connectors/jsonl.ts";
export { jsonlSink } from "./runtime/connectors/jsonl_sink.ts";
export { memorySink } from "./runtime/connectors/memory_sink.ts";
export { memorySource } from "./runtime/connectors/memory_source.ts";
export { stdout } from "./runtime/connectors/stdout.ts";
export type { GenerateOptions } from "./runtime/connectors/generator.ts";
export type { JsonArrayOptions, JsonArrayPosition } from "./runtime/connectors/json_array.ts";
export type { JsonlOptions } from "./runtime/connectors/jsonl.ts";
export type { JsonlSinkOptions } from "./runtime/connectors/jsonl_sink.ts";
export type { MemorySink, MemorySinkOptions } from "./runtime/connectors/memory_sink.ts";
export type { MemorySourceOptions } from "./runtime/connectors/memory_source.ts";
export type { StdoutOptions } from "./runtime/connectors/stdout.ts";
export type { PollResult, Source, SourceContext, SourceOutput, Split, SplitReader } from "./runtime/graph/source.ts";
export type { Committable, Delivery, Sink, SinkContext, SinkWriter } from "./runtime/graph/sink.ts";

// Running
export { start } from "./runtime/master/start.ts";
export { planRestore } from "./runtime/master/plan_restore.ts";
export { inspect } from "./runtime/master/inspection.ts";
export type {
  InspectedChannel,
  InspectedEntry,
  InspectedOperator,
  InspectedPosition,
  InspectedRecord,
  Inspection,
} from "./runtime/master/inspection.ts";
export type { EdgeRestore, OperatorRestore, RestoreAction, RestorePlan, StateRestore } from "./runtime/master/restore_plan.ts";
export type { Run, SavepointOptions, StopOptions } from "./runtime/master/run.ts";
export type { RunResult } from "./runtime/master/master_control.ts";
export type { ChannelOptions, CheckpointOptions, StartOptions, StateOptions } from "./runtime/master/options.ts";
export type { PoisonLetter, PoisonOptions } from "./runtime/master/poison.ts";
export type { RestartStrategy } from "./runtime/master/restart.ts";
export type { CheckpointFigures, JobEvent, SubtaskCheckpoint } from "./runtime/master/event.ts";
export type { CheckpointMode } from "./runtime/checkpoint/manifest.ts";
export type { CheckpointStorage } from "./runtime/checkpoint/storage.ts";
export { fileStorage } from "./runtime/checkpoint/file_storage.ts";
export type { FileStorageWorld } from "./runtime/checkpoint/file_storage.ts";
export { memoryStorage } from "./runtime/checkpoint/memory_storage.ts";

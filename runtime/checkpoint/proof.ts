import type { Channel } from "../graph/channel.ts";
import { channelName } from "../graph/channel.ts";
import type { Acknowledgement, FrameRange, InputReport, OutputReport } from "./contribution.ts";
import type { Extent, ManifestChannel } from "./manifest.ts";

/** What the channels of a checkpoint add up to. */
export type Proof =
  | { readonly kind: "proven"; readonly channels: readonly ManifestChannel[] }
  | { readonly kind: "refuted"; readonly channel: string; readonly reason: string };

/**
 * Proves over the whole graph that what was captured of every channel is exactly what its sender had sent and its receiver
 * had not processed: output ∪ input captures = `(processed, sent]`, disjoint (protocol 2.5). On an aligned edge that leaves
 * nothing to capture; in at-least-once mode the receiver may have processed more than was sent.
 *
 * It cannot see open batches, source positions or transactions: those have tests of their own.
 */
export function proveCapture(
  channels: readonly Channel[],
  acknowledgements: readonly Acknowledgement[],
  rule: { readonly atLeastOnce: boolean; readonly mustBeEmpty: (edge: string) => boolean },
): Proof {
  // By edge, sender and receiver: no name is made for a channel of which nothing has to be said.
  const reports = new Map<string, EdgeReports>();
  const recovered: InputReport<readonly Extent[]>[] = [];
  for (const ack of acknowledgements) {
    for (const output of ack.outputs) (reportsOf(reports, output.edge).outputs[output.sender] ??= [])[output.receiver] = output;
    for (const input of ack.inputs) {
      if (input.recovered !== 0) recovered.push(input);
      else (reportsOf(reports, input.edge).inputs[input.sender] ??= [])[input.receiver] = input;
    }
  }
  const proven: ManifestChannel[] = [];
  for (const { edge, sender, receiver } of channels) {
    const ofEdge = reports.get(edge.id);
    const output = ofEdge?.outputs[sender]?.[receiver];
    const input = ofEdge?.inputs[sender]?.[receiver];
    if (output === undefined || input === undefined) {
      const reason = `no report of its ${output === undefined ? "sender" : "receiver"}`;
      return { kind: "refuted", channel: channelName(edge.id, sender, receiver), reason };
    }
    const reason = refute(input, output, rule.atLeastOnce, rule.mustBeEmpty(edge.id));
    if (reason !== undefined) return { kind: "refuted", channel: channelName(edge.id, sender, receiver), reason };
    proven.push(join(input, output.sent, output));
  }
  for (const input of recovered) {
    const reason = refute(input, undefined, false, false);
    if (reason !== undefined) {
      const name = `${channelName(input.edge, input.sender, input.receiver)} recovered by attempt ${input.recovered}`;
      return { kind: "refuted", channel: name, reason };
    }
    if (input.captured !== undefined) proven.push(join(input, input.sent ?? 0, undefined));
  }
  return { kind: "proven", channels: proven };
}

/** The reports of the channels of one edge, by sender and receiver. */
interface EdgeReports {
  readonly outputs: OutputReport<readonly Extent[]>[][];
  readonly inputs: InputReport<readonly Extent[]>[][];
}

function reportsOf(reports: Map<string, EdgeReports>, edge: string): EdgeReports {
  let found = reports.get(edge);
  if (found === undefined) reports.set(edge, found = { outputs: [], inputs: [] });
  return found;
}

function refute(
  input: InputReport<unknown>,
  output: OutputReport<unknown> | undefined,
  atLeastOnce: boolean,
  mustBeEmpty: boolean,
): string | undefined {
  const sent = output?.sent ?? input.sent ?? 0;
  const { seq, elements } = input.processed;
  if (seq >= sent && (seq > sent || elements > 0) && !atLeastOnce) {
    return `processed beyond the cut: ${factsOf(input, output, sent)}`;
  }
  if (seq >= sent) {
    return input.captured === undefined && output?.captured === undefined
      ? undefined
      : `captured what is processed: ${factsOf(input, output, sent)}`;
  }
  if (mustBeEmpty) return `an aligned edge has frames at the cut: ${factsOf(input, output, sent)}`;
  let at = seq;
  let skip = elements;
  for (const range of [input.captured, output?.captured]) {
    if (range === undefined) continue;
    if (range.from !== at + 1) return `captures leave a gap or overlap: ${factsOf(input, output, sent)}`;
    if (range.skip !== skip) {
      return `a half-processed frame is captured wrongly (${range.skip} for ${skip}): ${factsOf(input, output, sent)}`;
    }
    if (range.to < range.from) return `an empty range: ${factsOf(input, output, sent)}`;
    at = range.to;
    skip = 0;
  }
  return at === sent ? undefined : `captures do not reach what was sent: ${factsOf(input, output, sent)}`;
}

/** Put into words only where there is something to say: once for every channel of the job, a function made for it shows. */
function factsOf(input: InputReport<unknown>, output: OutputReport<unknown> | undefined, sent: number): string {
  const { seq, elements } = input.processed;
  return `processed ${seq}+${elements}, sent ${sent}, captured ${show(input.captured)} and ${show(output?.captured)}`;
}

function show(range: FrameRange | undefined): string {
  return range === undefined ? "nothing" : `${range.from}-${range.to} less ${range.skip}`;
}

function join(
  input: InputReport<readonly Extent[]>,
  sent: number,
  output: OutputReport<readonly Extent[]> | undefined,
): ManifestChannel {
  return {
    edge: input.edge,
    sender: input.sender,
    receiver: input.receiver,
    recovered: input.recovered,
    sent,
    processed: input.processed,
    watermark: input.watermark,
    idle: input.idle,
    ended: input.ended,
    captured: output === undefined || output.bytes.length === 0 ? input.bytes : [...input.bytes, ...output.bytes],
    records: input.records + (output?.records ?? 0),
  };
}

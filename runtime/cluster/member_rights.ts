import type { Disk } from "../../actors/disk.ts";
import type { KeyValue } from "../../actors/key_value.ts";
import { framesPrefix } from "../master/encoded_links.ts";
import type { Denial } from "../nats/denial.ts";
import { checkRights, type RightsConnection } from "../nats/rights.ts";
import { channelScope, clientSubject, coordinatorSubject, jobsPrefix, leaseKey, workerSubject } from "./names.ts";
import { inNats } from "./snapshot_places.ts";

/** Who is to have rights. */
export interface MemberRole {
  readonly cluster: string;
  readonly name: string;
  readonly works: boolean;
  readonly coordinates: boolean;
}

/** A member as errors call it. */
export function titleOf({ name, works, coordinates }: MemberRole): string {
  return `${works ? coordinates ? "node" : "worker" : "coordinator"} ${name}`;
}

/** Tries what goes over the connection for orders. @throws {SluiceError} `NATS_DENIED` */
export async function checkControlRights(connection: RightsConnection, member: MemberRole): Promise<void> {
  const { cluster, name, works, coordinates } = member;
  const coordinator = coordinatorSubject(cluster);
  const worker = workerSubject(cluster, name);
  await checkRights(connection, titleOf(member), {
    publish: [...(works ? [coordinator] : []), ...(coordinates ? [worker] : [])],
    subscribe: [...(works ? [worker] : []), ...(coordinates ? [coordinator, clientSubject(cluster)] : [])],
  });
}

/** Tries what goes over the connection for frames, as of an attempt that never is. @throws {SluiceError} `NATS_DENIED` */
export async function checkDataRights(connection: RightsConnection, member: MemberRole): Promise<void> {
  const frames = `${framesPrefix(channelScope(member.cluster, "rights"), 0)}.0.0`;
  await checkRights(connection, titleOf(member), { publish: [frames], subscribe: [frames] });
}

/** No value ever has this revision. */
const never = Number.MAX_SAFE_INTEGER;

/** Does with the bucket of a cluster what a coordinator will do, and changes nothing. Rejects with what is denied. */
export async function tryBucket(bucket: KeyValue): Promise<void> {
  await bucket.get(leaseKey);
  await bucket.put(leaseKey, new Uint8Array(), never);
  await bucket.keys(jobsPrefix);
  (await bucket.watch(leaseKey, () => {})).unsubscribe();
}

/** Writes a file, reads it and removes it again. Rejects with what is denied. */
export async function tryObjects(disk: Disk, { name }: MemberRole): Promise<void> {
  const path = `${inNats}/rights/${name}`;
  const writer = await disk.openWrite(path);
  await writer.write(new Uint8Array([1]));
  await writer.sync();
  await writer.close();
  await disk.read(path);
  await disk.list(`${inNats}/rights`);
  await disk.remove(path);
}

/**
 * Whether a member cannot do its work without what it was denied. It can without services and answers to clients; what is
 * denied to frames ends the job that they are of.
 */
export function isVital({ operation, subject }: Denial, { cluster }: MemberRole): boolean {
  if (subject.startsWith("$SRV.") || subject.startsWith(`sluice_cluster.${cluster}.figures.`)) return false;
  if (subject.startsWith("sluice.")) return false;
  return operation === "subscribe" || /^(sluice_cluster|\$JS|\$KV|\$O)\./.test(subject);
}

/** What things of a cluster are called at NATS: every name holds the cluster's, so that several share an account. */
import { SluiceError } from "../../actors/error.ts";

const pattern = /^[A-Za-z0-9_-]{1,64}$/;

/** @throws {SluiceError} `BAD_NAME` when it cannot be a token of subjects and keys */
export function checkClusterName(what: string, name: string): void {
  if (typeof name === "string" && pattern.test(name)) return;
  throw new SluiceError("BAD_NAME", `the name of a ${what} has 1 to 64 letters, digits, "_" or "-", not ${JSON.stringify(name)}`);
}

/** Where workers report to, and coordinators listen. */
export function coordinatorSubject(cluster: string): string {
  return `sluice_cluster.${cluster}.coordinator`;
}

/** Where a worker takes orders. */
export function workerSubject(cluster: string, worker: string): string {
  return `sluice_cluster.${cluster}.worker.${worker}`;
}

/** Where clients ask; whoever coordinates answers. */
export function clientSubject(cluster: string): string {
  return `sluice_cluster.${cluster}.client`;
}

/** The bucket of a cluster's lease and job records. */
export function bucketName(cluster: string): string {
  return `sluice_${cluster}`;
}

export const leaseKey = "lease";

/** The keys of job records begin with it. */
export const jobsPrefix = "jobs";

export function jobKey(job: string): string {
  return `${jobsPrefix}.${job}`;
}

/** What a job's data channels are named by. */
export function channelScope(cluster: string, job: string): string {
  return `${cluster}.${job}`;
}

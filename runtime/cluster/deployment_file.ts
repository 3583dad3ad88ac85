import { type Static, Type } from "@sinclair/typebox";
import { messageOf, SluiceError } from "../../actors/error.ts";
import { makeDirectoryDurably, replaceDurably } from "../checkpoint/durable_file.ts";
import { openValue, sealValue } from "./message.ts";
import type { ClusterFolder } from "./cluster_folder.ts";

const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

/** All that the workers of an attempt must agree on, beside the job itself. */
const DeploymentFileSchema = Type.Object({
  version: Type.Literal(1),
  job: Type.String(),
  module: Type.String(),
  attempt: Count,
  life: Type.String(),
  /** Of the plan: a worker whose module makes another one refuses. */
  graphHash: Type.String(),
  /** What the job runs with: see `StartOptions`. */
  options: Type.Record(Type.String(), Type.Unknown()),
  /** By uid. */
  parallelism: Type.Record(Type.String(), Type.Integer({ minimum: 1 })),
  keepEdges: Type.Array(Type.String()),
  /** The checkpoint to start from: its id, and the attempt that took it; and its folder, where that is not the job's. */
  restored: Type.Union([
    Type.Null(),
    Type.Object({ id: Count, attempt: Count, inFlightRecords: Count, folder: Type.Union([Type.Null(), Type.String()]) }),
  ]),
  /** The splits of every source. */
  splits: Type.Array(Type.Tuple([Type.String(), Type.Array(Type.Object({ id: Type.String() }))])),
  /** By uid: the hashes of records that an operator is not to get. */
  guards: Type.Array(Type.Tuple([Type.String(), Type.Array(Type.String())])),
  /** The worker of each slot. */
  slots: Type.Array(Type.String()),
});
export type DeploymentFile = Static<typeof DeploymentFileSchema>;

/** Where it is, in a job's folder. No two attempts have the same number, so no name is used twice. */
function pathOf(folder: string, attempt: number): string {
  return `${folder}/deployment-${attempt}`;
}

/** Writes it durably. */
export async function writeDeployment({ disk, folder }: ClusterFolder, deployment: DeploymentFile): Promise<void> {
  await makeDirectoryDurably(disk, folder);
  await replaceDurably(disk, folder, `deployment-${deployment.attempt}`, sealValue(deployment));
}

/** @throws {SluiceError} `DEPLOYMENT_UNREADABLE` when it is not there or damaged */
export async function readDeployment({ disk, folder }: ClusterFolder, attempt: number): Promise<DeploymentFile> {
  const path = pathOf(folder, attempt);
  let reason: string;
  try {
    const opened = openValue(DeploymentFileSchema, await disk.read(path), 256 * 1024 * 1024);
    if (opened.kind === "message") return opened.message;
    ({ reason } = opened);
  } catch (error) {
    reason = messageOf(error);
  }
  throw new SluiceError(
    "DEPLOYMENT_UNREADABLE",
    `cannot read ${path}: ${reason}; all members of a cluster need the same --state`,
  );
}

export async function removeDeployment({ disk, folder }: ClusterFolder, attempt: number): Promise<void> {
  await disk.remove(pathOf(folder, attempt));
}

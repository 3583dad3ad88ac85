import type { SluiceError } from "../../actors/error.ts";
import { createSystem } from "../../actors/system.ts";
import type { Job } from "../job/job.ts";
import type { World } from "../master/attempt.ts";
import { deferred } from "../master/deferred.ts";
import type { JobEvent } from "../master/event.ts";
import { connectNats } from "../nats/connect.ts";
import type { NatsOptions } from "../nats/connect.ts";
import { type Denial, denied, explainDenial, watchDenials } from "../nats/denial.ts";
import { NatsKeyValue } from "../nats/nats_key_value.ts";
import { ObjectDisk } from "../nats/object_disk.ts";
import { patiently } from "../nats/patience.ts";
import { serverOf } from "../nats/server_lacks.ts";
import { NatsTransport } from "../nats/transport.ts";
import { scratchStores } from "../scratch/mod.ts";
import { ClusterServices } from "./cluster_services.ts";
import { ClusterCoordinator } from "./coordinator.ts";
import { checkControlRights, checkDataRights, isVital, titleOf, tryBucket, tryObjects } from "./member_rights.ts";
import { bucketName, checkClusterName } from "./names.ts";
import type { ClusterFolder } from "./cluster_folder.ts";
import { inNats, snapshotPlaces } from "./snapshot_places.ts";
import { checkedTimes, type ClusterTimes } from "./times.ts";
import type { Watchdog } from "./watchdog.ts";
import { startWatchdog } from "./watchdog_start.ts";
import { ClusterWorker } from "./worker.ts";

/** How long a server may be away while a member tries what it may do, in milliseconds. */
const joinPatienceMs = 10_000;

/** So many different denials are said, once each. */
const denialsTold = 100;

/** How a process takes part in a cluster over NATS. */
export interface JoinOptions {
  readonly cluster: string;
  /** No other member may ever have had this name: also not the same process before a restart. */
  readonly name: string;
  readonly nats: NatsOptions;
  /** Of how many servers the bucket of leases and job records is kept, when it has to be made. @default 1 */
  readonly replicas?: number;
  /** The folder that all members see, on a shared disk; or `nats`: in an Object Store. */
  readonly shared: ClusterFolder | "nats";
  /** Gives the job of a module of this machine's own disk, by the module's name. */
  readonly modules: (name: string) => Promise<Job>;
  /** It runs parts of jobs, in so many slots. @default it is no worker */
  readonly slots?: number;
  /** A folder of this machine's own disk for keyed state that is to be on the disk. @default none */
  readonly stateDirectory?: string;
  /** It stands ready to coordinate. @default false */
  readonly coordinates?: boolean;
  readonly world: World;
  readonly times?: Partial<ClusterTimes>;
  /** Told what happens to jobs while this member coordinates. */
  readonly onEvent?: (job: string, event: JobEvent) => void;
}

/** A process that takes part in a cluster. */
export interface ClusterMember extends AsyncDisposable {
  readonly worker: ClusterWorker | undefined;
  readonly coordinator: ClusterCoordinator | undefined;
  /** Settles when it cannot do its work any more: rights that it had at the start were taken from it. It is to be closed then. */
  readonly hopeless: Promise<SluiceError>;
  /** Has what runs here go on elsewhere, for at most `timeoutMs`, and ends. */
  leave(timeoutMs: number): Promise<void>;
  /** Ends at once: what runs here is restored elsewhere. */
  close(): Promise<void>;
}

/**
 * Joins a cluster: connects to NATS, and works, coordinates, or both.
 *
 * What it will have to do at NATS it tries first: what its user may not do ends it now, and not as a silence later.
 *
 * @throws {SluiceError} `BAD_NAME`, `BAD_OPTIONS`; `NATS_UNREACHABLE`, `NATS_REFUSED`, `NATS_DENIED`, `JETSTREAM_MISSING`;
 * `STATE_BACKEND_UNAVAILABLE`
 */
export async function joinCluster(options: JoinOptions): Promise<ClusterMember> {
  const { cluster, name, nats, replicas = 1, slots, coordinates = false, world } = options;
  checkClusterName("cluster", cluster);
  checkClusterName("member", name);
  const { clock, random } = world;
  const { stateDirectory } = options;
  const patience = { clock, patienceMs: joinPatienceMs };
  const role = { cluster, name, works: slots !== undefined, coordinates };
  if (stateDirectory !== undefined) await scratchStores(stateDirectory, name); // a worker that cannot do it says so now
  const transports: NatsTransport[] = [];
  const system = createSystem({ name, clock, random, logger: world.log });
  const connect = async (use: string) => {
    const connection = await connectNats({ ...nats, name: `sluice ${cluster} ${name} ${use}`, random });
    const transport = new NatsTransport(connection, { clock, random, ownsConnection: true });
    transports.push(transport);
    watchConnection(transport, world, name, use);
    return { connection, transport };
  };
  const disconnect = async (): Promise<void> => {
    await system.shutdown();
    for (const transport of transports) await transport.close();
  };
  try {
    const { connection, transport: control } = await connect("control");
    await patiently(() => checkControlRights(connection, role), patience);
    const frames = slots === undefined ? undefined : await connect("data");
    if (frames !== undefined) await patiently(() => checkDataRights(frames.connection, role), patience);
    const { version, lacks } = serverOf(connection);
    for (const lack of lacks) world.log({ level: "info", from: name, message: `nats-server ${version} lacks ${lack}` });
    const shared = options.shared === "nats"
      ? { disk: await ObjectDisk.open(connection, { name: bucketName(cluster), clock, random, replicas }), folder: inNats }
      : options.shared;
    if (options.shared === "nats") await tryObjects(shared.disk, role);
    const places = options.shared === "nats" ? snapshotPlaces(world.disk, shared.disk) : world.disk;
    const common = { ...options, shared, places, system, control };
    let coordinator: ClusterCoordinator | undefined;
    if (coordinates) {
      const keyValue = await NatsKeyValue.open(connection, bucketName(cluster), { replicas });
      await tryBucket(keyValue);
      coordinator = new ClusterCoordinator({ ...common, keyValue });
    }
    let worker: ClusterWorker | undefined;
    let watchdog: Watchdog | undefined;
    if (slots !== undefined && frames !== undefined) {
      const { blockedMs, blockLimitMs } = checkedTimes(options.times);
      const unwatched = (cause: unknown) =>
        world.log({ level: "info", from: name, message: "its event loop is not watched for blocking operators", cause });
      watchdog = startWatchdog(clock, { nats, cluster, worker: name, blockedMs, blockLimitMs }, unwatched);
      const data = frames.transport;
      const mark = (subtask: string) => (watchdog as Watchdog).mark(subtask);
      const own = stateDirectory === undefined ? {} : { stateDirectory: `${stateDirectory}/${name}` };
      worker = new ClusterWorker({ ...common, ...own, slots, data, mark });
    }
    const failed = (cause: unknown) =>
      world.log({ level: "warn", from: name, message: "cannot be shown as a service of NATS", cause });
    const hopeless = deferred<SluiceError>();
    const toldOf = new Set<string>();
    const onDenied = (denial: Denial): void => {
      const { operation, subject } = denial;
      if (toldOf.size < denialsTold && !toldOf.has(`${operation} ${subject}`)) {
        toldOf.add(`${operation} ${subject}`);
        world.log({ level: "error", from: name, message: denied(titleOf(role), [denial]).message });
      }
      worker?.denied(denial);
      if (isVital(denial, role)) hopeless.resolve(denied(titleOf(role), [denial]));
    };
    for (const of of [connection, ...(frames === undefined ? [] : [frames.connection])]) watchDenials(of, onDenied);
    const services = new ClusterServices({ connection, clock, cluster, name, worker, coordinator, failed });
    let closing: Promise<void> | undefined;
    const close = async (): Promise<void> => {
      watchdog?.close();
      await services.close();
      await coordinator?.close();
      await worker?.close();
      await disconnect();
    };
    const end = () => closing ??= close();
    return {
      worker,
      coordinator,
      hopeless: hopeless.promise,
      leave: async (timeoutMs) => {
        await worker?.leave(timeoutMs);
        await end();
      },
      close: end,
      [Symbol.asyncDispose]: end,
    };
  } catch (error) {
    await disconnect();
    throw explainDenial(error, titleOf(role));
  }
}

/** Says when a connection breaks, and when it stands again. */
function watchConnection(transport: NatsTransport, { clock, log }: World, name: string, use: string): void {
  let brokeAtMs = 0;
  transport.onConnection((connected) => {
    const connection = `its connection to NATS (${use})`;
    const now = clock.monotonic();
    const tookMs = Math.round(now - brokeAtMs);
    if (!connected) brokeAtMs = now;
    const message = connected
      ? `${connection} stands again after ${tookMs} ms: what was lost is sent again`
      : `${connection} broke: the server is away, or has ended it since this process did not read for long`;
    log({ level: connected ? "info" : "warn", from: name, message });
  });
}

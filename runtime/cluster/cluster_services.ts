import type { Clock, Timer } from "../../actors/clock.ts";
import { addService, type RunningService, type ServiceConnection, type ServiceDescription } from "../nats/nats_service.ts";
import type { ClusterCoordinator } from "./coordinator.ts";
import { healthOf } from "./health.ts";
import type { ClusterWorker } from "./worker.ts";

/** How often it is looked which jobs there are, in milliseconds. */
const lookMs = 500;

/** What a member shows of itself. */
export interface ServicesOptions {
  readonly connection: ServiceConnection;
  readonly clock: Clock;
  readonly cluster: string;
  readonly name: string;
  readonly worker: ClusterWorker | undefined;
  readonly coordinator: ClusterCoordinator | undefined;
  /** What cannot be shown: a member works without. */
  readonly failed: (cause: unknown) => void;
}

/** A member of a cluster, and the jobs that it coordinates, as services of NATS: `nats service list` and `stats` show them. */
export class ClusterServices {
  readonly #options: ServicesOptions;
  readonly #jobs = new Map<string, Promise<RunningService | undefined>>();
  readonly #member: Promise<RunningService | undefined>;
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: ServicesOptions) {
    this.#options = options;
    const { cluster, name, worker, coordinator } = options;
    const roles = [worker === undefined ? [] : ["worker"], coordinator === undefined ? [] : ["coordinator"]].flat();
    this.#member = this.#add({
      name: "sluice-member",
      description: `${roles.join(" and ")} ${name} of the Sluice cluster ${cluster}`,
      metadata: { cluster, member: name, roles: roles.join(",") },
      subject: `sluice_cluster.${cluster}.figures.member.${name}`,
      figures: () => ({
        ...worker?.figures(),
        ...(coordinator === undefined ? {} : { term: coordinator.term ?? null }),
        ...healthOf([...new Set([...worker?.troubles ?? [], ...coordinator?.troubles ?? []])]),
      }),
    });
    this.#look();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    for (const service of [this.#member, ...this.#jobs.values()]) await (await service)?.stop().catch(() => {});
  }

  #look(): void {
    if (this.#closed) return;
    const { clock, cluster, coordinator } = this.#options;
    const running = coordinator?.runningJobs ?? [];
    for (const [job, service] of this.#jobs) {
      if (running.includes(job)) continue;
      this.#jobs.delete(job);
      void service.then((of) => of?.stop()).catch(() => {});
    }
    for (const job of running) {
      if (this.#jobs.has(job)) continue;
      const service = this.#add({
        name: "sluice-job",
        description: `job ${job} of the Sluice cluster ${cluster}`,
        metadata: { cluster, job },
        subject: `sluice_cluster.${cluster}.figures.job.${job}`,
        figures: () => coordinator?.figures(job) ?? null,
      });
      this.#jobs.set(job, service);
    }
    this.#timer = clock.setTimer(lookMs, () => this.#look());
  }

  #add(description: Omit<ServiceDescription, "version">): Promise<RunningService | undefined> {
    return addService(this.#options.connection, { ...description, version: "1.0.0" }).catch((cause: unknown) => {
      this.#options.failed(cause);
      return undefined;
    });
  }
}

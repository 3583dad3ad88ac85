import type { Disk } from "../../actors/disk.ts";
import { SluiceError } from "../../actors/error.ts";
import { type ClusterFolder, folderOf } from "./cluster_folder.ts";

/** Where what a cluster keeps in NATS is: paths that begin with it. */
export const inNats = "nats:";

/** Folders of snapshots, wherever they are: those in NATS have paths that begin with `nats:`, all others are on a disk. */
export function snapshotPlaces(disk: Disk, objects: Disk): Disk {
  const of = (path: string): Disk => path.startsWith(inNats) ? objects : disk;
  return {
    read: (path) => of(path).read(path),
    readRange: (path, offset, length) => of(path).readRange(path, offset, length),
    size: (path) => of(path).size(path),
    openWrite: (path, options) => of(path).openWrite(path, options),
    isLink: async (path) => await of(path).isLink?.(path) ?? false,
    rename: (from, to) => of(from).rename(from, to),
    link: (from, to) => of(from).link(from, to),
    remove: (path) => of(path).remove(path),
    list: (path) => of(path).list(path),
    makeDirectory: (path) => of(path).makeDirectory(path),
    removeDirectory: (path) => of(path).removeDirectory(path),
    syncDirectory: (path) => of(path).syncDirectory(path),
  };
}

const nameOfSavepoint = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

/**
 * The folder of a savepoint or checkpoint, as clients say it: a name is one of the job's savepoints beside its checkpoints; what
 * has a slash is a path that all members see, or one in NATS.
 *
 * @throws {SluiceError} `BAD_SAVEPOINT_PATH`
 */
export function snapshotFolderOf(shared: ClusterFolder, job: string, place: string): string {
  const bad = (why: string) =>
    new SluiceError("BAD_SAVEPOINT_PATH", `${JSON.stringify(place)} is no place of a savepoint: ${why}`);
  if (place.startsWith(inNats)) {
    if (!shared.folder.startsWith(inNats)) {
      throw bad("the cluster keeps nothing in NATS; give a name, or a path that all members see");
    }
    if (!/^nats:\/[^/]/.test(place)) throw bad("in NATS it is called nats:/job/savepoints/name");
    return place;
  }
  if (place.includes("/")) return place;
  if (nameOfSavepoint.test(place)) return `${folderOf(shared, job).folder}/savepoints/${place}`;
  throw bad('a name has letters, digits, "_", "-" or "."; a path has a slash');
}

import type { Clock } from "../../actors/clock.ts";
import { type Disk, DiskError } from "../../actors/disk.ts";

/** Pauses between tries, in milliseconds. */
const pausesMs = [20, 100, 500] as const;

/**
 * A disk on which a read that fails (`io`) is tried again, three times with growing pauses: a network drive that stutters, or a
 * server that is away, damages nothing. What is missing or denied is said at once, and nothing that writes is tried again.
 */
export function patientReads(disk: Disk, clock: Clock): Disk {
  const patiently = async <T>(read: () => Promise<T>): Promise<T> => {
    for (const pauseMs of pausesMs) {
      try {
        return await read();
      } catch (error) {
        if (!(error instanceof DiskError) || error.code !== "io") throw error;
      }
      await new Promise<void>((resolve) => void clock.setTimer(pauseMs, resolve));
    }
    return await read();
  };
  const { isLink } = disk;
  return {
    read: (path) => patiently(() => disk.read(path)),
    readRange: (path, offset, length) => patiently(() => disk.readRange(path, offset, length)),
    size: (path) => patiently(() => disk.size(path)),
    list: (path) => patiently(() => disk.list(path)),
    ...(isLink === undefined ? {} : { isLink: (path: string) => patiently(() => isLink.call(disk, path)) }),
    openWrite: (path, options) => disk.openWrite(path, options),
    rename: (from, to) => disk.rename(from, to),
    link: (from, to) => disk.link(from, to),
    remove: (path) => disk.remove(path),
    makeDirectory: (path) => disk.makeDirectory(path),
    removeDirectory: (path) => disk.removeDirectory(path),
    syncDirectory: (path) => disk.syncDirectory(path),
  };
}

import { DiskError } from "../disk.ts";
import type { Random } from "../random.ts";

/** A file's content: as it reads now, and as it would after a power failure. */
interface FileNode {
  readonly kind: "file";
  content: Uint8Array;
  /** Where `content` lies while it grows; its unused end is overwritten by appending only. */
  room: Uint8Array;
  /** The content that was last synced. */
  durable: Uint8Array;
  /** Whether the file was emptied since, so that `content` does not go on from `durable`. */
  emptied: boolean;
}

interface FolderNode {
  readonly kind: "folder";
  readonly names: Map<string, Node>;
  /** The names that a power failure leaves. */
  readonly durable: Map<string, Node>;
}

type Node = FileNode | FolderNode;

/** One change of names that is not durable yet; it becomes so as a whole. */
interface NameChange {
  readonly folder: FolderNode;
  readonly name: string;
  readonly node: Node | undefined;
}

/** Bytes are stored in sectors of this size; a torn write leaves whole ones empty. */
const sectorBytes = 512;

/** A file of a medium, opened for writing. */
export class MediumFile {
  readonly #node: FileNode;

  constructor(node: FileNode) {
    this.#node = node;
  }

  append(bytes: Uint8Array): void {
    const node = this.#node;
    const from = node.content.length;
    const to = from + bytes.length;
    if (node.content.buffer !== node.room.buffer || to > node.room.length) {
      node.room = new Uint8Array(to * 2);
      node.room.set(node.content);
    }
    node.room.set(bytes, from);
    node.content = node.room.subarray(0, to);
  }

  sync(): void {
    this.#node.durable = this.#node.content;
    this.#node.emptied = false;
  }
}

/**
 * What a simulated disk stores: a tree of files as it is, and what of it is durable. Synchronous; throws `DiskError` with the
 * bare reason.
 *
 * Bytes of content, once there, are never changed in place, so that durable and present content can share them.
 */
export class Medium {
  readonly #root: FolderNode;
  #pending: (readonly NameChange[])[] = [];
  /** False once the power has failed: what survived is in another medium. */
  powered = true;

  constructor(root: FolderNode = emptyFolder()) {
    this.#root = root;
  }

  read(path: string): Uint8Array {
    return this.#file(path).content;
  }

  openWrite(path: string, append: boolean): MediumFile {
    const { folder, name } = this.#place(path);
    const found = folder.names.get(name);
    if (found?.kind === "folder") throw new DiskError("io", path, "it is a folder");
    if (found === undefined) {
      const node: FileNode = { kind: "file", content: nothing, room: nothing, durable: nothing, emptied: false };
      this.#change([{ folder, name, node }]);
      return new MediumFile(node);
    }
    if (!append) {
      found.content = nothing;
      found.emptied = true;
    }
    return new MediumFile(found);
  }

  rename(from: string, to: string): void {
    const node = this.#file(from);
    const source = this.#place(from);
    const target = this.#place(to);
    if (target.folder.names.get(target.name)?.kind === "folder") {
      throw new DiskError("io", to, "it is a folder");
    }
    if (target.folder.names.get(target.name) === node) return;
    this.#change([{ ...target, node }, { ...source, node: undefined }]);
  }

  link(from: string, to: string): void {
    const node = this.#file(from);
    const target = this.#place(to);
    if (target.folder.names.has(target.name)) {
      throw new DiskError("exists", to, "the name is taken");
    }
    this.#change([{ ...target, node }]);
  }

  remove(path: string): void {
    const place = this.#placeOrNone(path);
    const found = place?.folder.names.get(place.name);
    if (place === undefined || found === undefined) return;
    if (found.kind === "folder") throw new DiskError("io", path, "it is a folder");
    this.#change([{ ...place, node: undefined }]);
  }

  list(path: string): readonly string[] {
    return [...this.#folder(path).names.keys()].sort();
  }

  makeDirectory(path: string): void {
    let folder = this.#root;
    const names = namesOf(path);
    for (const [index, name] of names.entries()) {
      let next = folder.names.get(name);
      if (next?.kind === "file") {
        const fault = index === names.length - 1 ? "exists" : "io";
        throw new DiskError(fault, path, `${name} is a file`);
      }
      if (next === undefined) {
        next = emptyFolder();
        this.#change([{ folder, name, node: next }]);
      }
      folder = next;
    }
  }

  removeDirectory(path: string): void {
    const place = this.#placeOrNone(path);
    const found = place?.folder.names.get(place.name);
    if (place === undefined || found === undefined) return;
    if (found.kind === "file") throw new DiskError("io", path, "it is a file");
    if (found.names.size > 0) throw new DiskError("exists", path, "it is not empty");
    this.#change([{ ...place, node: undefined }]);
  }

  syncDirectory(path: string): void {
    // Earlier changes of the folders that a change spans must come with it: backwards, collect which folders count.
    const folders = new Set<FolderNode>([this.#folder(path)]);
    const synced = new Set<readonly NameChange[]>();
    for (let index = this.#pending.length - 1; index >= 0; index--) {
      const changes = this.#pending[index] as readonly NameChange[];
      if (!changes.some((change) => folders.has(change.folder))) continue;
      synced.add(changes);
      for (const change of changes) folders.add(change.folder);
    }
    for (const changes of this.#pending) if (synced.has(changes)) makeDurable(changes);
    this.#pending = this.#pending.filter((changes) => !synced.has(changes));
  }

  /** Replaces a file's content, now and durably: damage from outside. */
  damage(path: string, content: Uint8Array): void {
    const node = this.#file(path);
    node.content = content;
    node.durable = content;
    node.emptied = false;
  }

  /** The length of all files together. */
  usedBytes(): number {
    let bytes = 0;
    for (const content of this.files().values()) bytes += content.length;
    return bytes;
  }

  /** All files by path, sorted. */
  files(): ReadonlyMap<string, Uint8Array> {
    const found: [string, Uint8Array][] = [];
    const walk = (folder: FolderNode, path: string): void => {
      for (const [name, node] of folder.names) {
        if (node.kind === "folder") walk(node, `${path}/${name}`);
        else found.push([`${path}/${name}`, node.content]);
      }
    };
    walk(this.#root, "");
    return new Map(found.sort(([a], [b]) => a < b ? -1 : 1));
  }

  /**
   * The power fails: this medium is dead, and what survived is in the one that is returned. `lost`: how many changes of names and
   * files did not survive whole.
   */
  crash(random: Random): { readonly medium: Medium; readonly lost: number } {
    this.powered = false;
    let lost = 0;
    const keeps = random.pick([0, 0.5, 0.9, 1]);
    // Some file systems keep the order of changes in a folder, others only that of changes of one name.
    const inOrder = random.chance(0.5);
    const stopped = new Map<FolderNode, Set<string>>();
    const isStopped = ({ folder, name }: NameChange): boolean => {
      const names = stopped.get(folder);
      return names !== undefined && (inOrder || names.has(name));
    };
    for (const changes of this.#pending) {
      if (random.chance(keeps) && !changes.some(isStopped)) {
        makeDurable(changes);
        continue;
      }
      lost++;
      for (const { folder, name } of changes) stopped.set(folder, (stopped.get(folder) ?? new Set()).add(name));
    }
    this.#pending = [];
    const survivors = new Map<FileNode, FileNode>();
    const copy = (folder: FolderNode): FolderNode => {
      const names = new Map<string, Node>();
      for (const [name, node] of folder.durable) {
        if (node.kind === "folder") names.set(name, copy(node));
        else {
          let survivor = survivors.get(node);
          if (survivor === undefined) {
            const content = survivingContent(node, random);
            if (content.length < node.content.length) lost++;
            survivor = { kind: "file", content, room: nothing, durable: content, emptied: false };
            survivors.set(node, survivor);
          }
          names.set(name, survivor);
        }
      }
      return { kind: "folder", names, durable: new Map(names) };
    };
    const medium = new Medium(copy(this.#root));
    return { medium, lost };
  }

  #change(changes: readonly NameChange[]): void {
    for (const { folder, name, node } of changes) set(folder.names, name, node);
    this.#pending.push(changes);
  }

  #file(path: string): FileNode {
    const place = this.#place(path);
    const node = place.folder.names.get(place.name);
    if (node === undefined) throw new DiskError("missing", path, `${path} does not exist`);
    if (node.kind === "folder") throw new DiskError("io", path, `${path} is a folder`);
    return node;
  }

  #folder(path: string): FolderNode {
    let folder = this.#root;
    for (const name of namesOf(path)) {
      const next = folder.names.get(name);
      if (next === undefined) throw new DiskError("missing", path, `${path} does not exist`);
      if (next.kind === "file") throw new DiskError("io", path, `${path} is no folder`);
      folder = next;
    }
    return folder;
  }

  #place(path: string): { readonly folder: FolderNode; readonly name: string } {
    const names = namesOf(path);
    const name = names.at(-1);
    if (name === undefined) throw new DiskError("io", path, `${path} is the root folder`);
    const folder = names.slice(0, -1).join("/");
    return { folder: this.#folder(folder), name };
  }

  #placeOrNone(path: string): { readonly folder: FolderNode; readonly name: string } | undefined {
    try {
      return this.#place(path);
    } catch (error) {
      if (error instanceof DiskError && error.code === "missing") return undefined;
      throw error;
    }
  }
}

const nothing = new Uint8Array(0);

function emptyFolder(): FolderNode {
  return { kind: "folder", names: new Map(), durable: new Map() };
}

function namesOf(path: string): string[] {
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return names;
}

function set(names: Map<string, Node>, name: string, node: Node | undefined): void {
  if (node === undefined) names.delete(name);
  else names.set(name, node);
}

function makeDurable(changes: readonly NameChange[]): void {
  for (const { folder, name, node } of changes) set(folder.durable, name, node);
}

/** What a power failure leaves of a file: at best all, at worst what was synced, or torn sectors in between. */
function survivingContent(file: FileNode, random: Random): Uint8Array {
  const { content, durable } = file;
  if (content === durable) return durable;
  if (file.emptied && random.chance(0.5)) return durable;
  const kept = file.emptied ? 0 : durable.length;
  const length = kept + random.int(content.length - kept + 1);
  const left = content.slice(0, random.chance(0.3) ? content.length : length);
  if (random.chance(0.5)) return left;
  for (let from = kept; from < left.length;) {
    const to = Math.min(left.length, (Math.floor(from / sectorBytes) + 1) * sectorBytes);
    if (random.chance(0.3)) left.fill(0, from, to);
    from = to;
  }
  return left;
}

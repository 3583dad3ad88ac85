import type { Disk } from "../../mod.ts";
import { decodeSealedJson, encodeSealedJson } from "../../runtime/checkpoint/sealed_json.ts";

type Json = Record<string, unknown>;

/** Writes bytes to a file, whatever stood there. */
export async function put(disk: Disk, path: string, bytes: Uint8Array): Promise<void> {
  const file = await disk.openWrite(path);
  await file.write(bytes);
  await file.sync();
  await file.close();
}

/** The path of a savepoint's data. */
export async function dataOf(disk: Disk, folder: string): Promise<string> {
  return `${folder}/${(await disk.list(folder)).find((name) => name.startsWith("data-")) as string}`;
}

/** Changes a manifest and seals it again, as somebody who means harm would. */
export async function forgeManifest(disk: Disk, folder: string, change: (manifest: Json) => void): Promise<void> {
  const opened = decodeSealedJson(await disk.read(`${folder}/manifest.json`));
  if (opened.kind === "damaged") throw new Error(opened.reason);
  const manifest = opened.content as Json;
  change(manifest);
  await put(disk, `${folder}/manifest.json`, encodeSealedJson(manifest));
}

/** The disk, and the paths that were read, listed or removed through it. */
export function seen(disk: Disk): { readonly disk: Disk; readonly touched: string[] } {
  const touched: string[] = [];
  const watched = new Proxy(disk, {
    get(target, property) {
      const own: unknown = Reflect.get(target, property);
      if (typeof own !== "function") return own;
      return (path: unknown, ...rest: unknown[]): unknown => {
        if (typeof path === "string") touched.push(path);
        return Reflect.apply(own, target, [path, ...rest]);
      };
    },
  });
  return { disk: watched, touched };
}

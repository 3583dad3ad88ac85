import { readdirSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's folder. */
export const projectRoot = fileURLToPath(new URL("../../", import.meta.url));

export type RuntimeName = "node" | "deno" | "bun";

export const runtimeNames: readonly RuntimeName[] = ["node", "deno", "bun"];

/** Folders whose tests read files or start processes; what they say does not depend on the runtime, so Node alone runs them. */
const nodeOnlyFolders = ["test/house/", "test/mutation/", "test/package/", "test/runner/"];

/** Every test file below `folder` for this runtime, as paths from the project's folder, sorted; `filters` keep by substring. */
export function discover(runtime: RuntimeName, folder: string, filters: readonly string[]): string[] {
  const found: string[] = [];
  const walk = (path: string): void => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const child = join(path, entry.name);
      if (entry.isDirectory() && entry.name !== "fixtures" && entry.name !== "node_modules") walk(child);
      else if (entry.isFile() && entry.name.endsWith(".test.ts")) found.push(relative(projectRoot, child).split(sep).join("/"));
    }
  };
  walk(join(projectRoot, folder));
  return found
    .filter((file) =>
      runtime === "node" || !nodeOnlyFolders.some((prefix) => file.startsWith(prefix) && !folder.startsWith(prefix))
    )
    .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
    .sort();
}

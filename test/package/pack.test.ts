import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import manifest from "../../package.json" with { type: "json" };
import { denoFlags, firstExample } from "../docs/code_blocks.ts";
import { takesUpTo } from "../limit.ts";
import { projectRoot, type RuntimeName } from "../runner/discover.ts";
import { findRuntime } from "../runner/runtimes.ts";
import { skip } from "../skip.ts";

takesUpTo(600_000);

/** What npm says when it cannot reach a registry; any other failure to install is ours. */
const unreachable =
  /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ENOTCACHED|ERR_SOCKET_TIMEOUT)\b/;

const readme = readFileSync(join(projectRoot, "README.md"), "utf8");
const packed = suite("the packed package");

/** An empty project into which the tarball is installed. */
let project = "";
let contents: string[] = [];
let state: "not packed" | "not installed" | "no registry" | "installed" = "not packed";

function run(command: string, args: readonly string[], cwd: string): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: "utf8", timeout: 300_000 });
  if (error !== undefined) throw error;
  return { status, stdout, stderr };
}

/** Fails with what a program said, once and without npm's warnings. */
function succeeds(act: string, { status, stdout, stderr }: ReturnType<typeof run>): void {
  if (status === 0) return;
  const error = new Error(`${act}: exit code ${status}\n${stdout}${stderr.replaceAll(/^npm warn .*\n/gm, "")}`);
  error.stack = error.name;
  throw error;
}

function prints(act: string, program: ReturnType<typeof run>): void {
  succeeds(act, program);
  assert.ok(program.stdout.trim() !== "", `${act} prints nothing`);
}

/** Whether the package is installed; a skip where no registry is reachable, a failure where packing or installing failed. */
function installed(): boolean {
  if (state === "no registry") skip("the package could not be installed");
  else assert.is(state, "installed");
  return state === "installed";
}

function commandOf(name: RuntimeName): string {
  const runtime = findRuntime(name);
  if (!("command" in runtime)) throw new Error(runtime.reason);
  return runtime.command;
}

packed.after(() => {
  if (project !== "") rmSync(project, { recursive: true, force: true });
});

packed("builds and packs only what a user needs", () => {
  project = mkdtempSync(join(tmpdir(), "sluice-pack-"));
  const packing = run("npm", ["pack", "--json", "--pack-destination", project], projectRoot);
  succeeds("npm pack", packing);
  state = "not installed";
  const { stdout } = packing;
  const report = JSON.parse(stdout.slice(stdout.search(/^\[/m))) as { files: { path: string }[] }[];
  contents = report[0]?.files.map(({ path }) => path) ?? [];
  for (const file of ["LICENSE", "README.md", "CHANGELOG.md", "package.json", "dist/mod.js", "dist/mod.d.ts"]) {
    assert.ok(contents.includes(file), `${file} is not in the package`);
  }
  const foreign = contents.filter((path) => !/^(dist\/.*\.(js|js\.map|d\.ts)|docs\/.*|[A-Z]+(\.md)?|package\.json)$/.test(path));
  assert.equal(foreign, []);
});

packed("installs into an empty project", () => {
  assert.is(state, "not installed");
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "empty", private: true, type: "module" }));
  const tarball = `./${manifest.name}-${manifest.version}.tgz`;
  const installation = run("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", tarball], project);
  if (installation.status !== 0 && unreachable.test(installation.stderr)) {
    state = "no registry";
    return skip(`no package registry can be reached: ${unreachable.exec(installation.stderr)?.[0]}`);
  }
  succeeds("npm install", installation);
  state = "installed";
});

packed("the README's first example compiles there, and runs on Node", () => {
  if (!installed()) return;
  writeFileSync(join(project, "first.ts"), firstExample(readme));
  const options = { target: "es2022", module: "nodenext", strict: true, lib: ["es2023", "esnext.disposable", "dom"], types: [] };
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files: ["first.ts"] }));
  const compiler = join(projectRoot, "node_modules/typescript/bin/tsc");
  succeeds("tsc", run("node", [compiler, "-p", "."], project));
  prints("node first.js", run("node", ["first.js"], project));
});

packed("the README's first example runs on Bun there", () => {
  if (!installed()) return;
  prints("bun first.ts", run(commandOf("bun"), ["--no-install", "first.ts"], project));
});

packed("every export can be imported there", () => {
  if (!installed()) return;
  const names = Object.keys(manifest.exports).filter((subpath) => !subpath.endsWith(".json"));
  const imports = names.map((subpath) => `await import(${JSON.stringify(manifest.name + subpath.slice(1))});`);
  succeeds("node", run("node", ["--input-type=module", "--eval", imports.join("\n")], project));
});

packed("what two exports share is one thing there, so that errors and refs of one are known to the other", () => {
  if (!installed()) return;
  const doors = Object.keys(manifest.exports).filter((subpath) => !subpath.endsWith(".json"));
  const code = `
    const doors = await Promise.all(${JSON.stringify(doors)}.map((subpath) => import("${manifest.name}" + subpath.slice(1))));
    const shared = Object.keys(doors[0]).filter((name) => doors.slice(1).some((door) => name in door));
    const twice = shared.filter((name) => doors.some((door) => name in door && door[name] !== doors[0][name]));
    console.log(JSON.stringify({ shared, twice }));`;
  const program = run("node", ["--input-type=module", "--eval", code], project);
  succeeds("node", program);
  const { shared, twice } = JSON.parse(program.stdout) as { shared: string[]; twice: string[] };
  assert.ok(shared.includes("SluiceError"), shared.join(", "));
  assert.equal(twice, []);
});

packed("the file of its watchdog's thread lies beside the module that starts it", () => {
  const starting = contents.filter((path) => path.endsWith(".js")).filter((path) =>
    readFileSync(join(projectRoot, path), "utf8").includes("`./watchdog_thread.")
  );
  assert.is(starting.length, 1, starting.join(", "));
  const thread = starting[0]!.replace(/[^/]+$/, "watchdog_thread.js");
  assert.ok(contents.includes(thread), `${thread} is not in the package`);
});

packed("a start reads few files of it", () => {
  const read = new Set<string>();
  const walk = (path: string): void => {
    if (read.has(path)) return;
    read.add(path);
    const text = readFileSync(join(projectRoot, path), "utf8");
    for (const [, target] of text.matchAll(/^(?:import|export)\b[^"]*?"(\.[^"]+)";$/gm)) walk(join(path, "..", target!));
  };
  walk("dist/mod.js");
  assert.ok(read.size > 1 && read.size < 30, `${read.size} files`);
});

packed("its programs start there", () => {
  if (!installed()) return;
  for (const [name, built] of Object.entries(manifest.bin)) {
    if (!contents.includes(built)) return skip(`${name}: ${built} is not in the package yet`);
    const help = run(join(project, "node_modules/.bin", name), ["--help"], project);
    succeeds(`${name} --help`, help);
    assert.match(help.stdout, name);
  }
});

packed("its command runs a job that imports the package there", () => {
  if (!installed()) return;
  const code = `import { job, memorySource, stdout } from "${manifest.name}";
export default job("numbers", (flow) => flow.from("in", memorySource([1, 2, 3])).to("out", stdout()));`;
  writeFileSync(join(project, "job.js"), code);
  const ran = run(join(project, "node_modules/.bin", "sluice"), ["run", "job.js"], project);
  succeeds("sluice run job.js", ran);
  assert.match(ran.stdout, /^1\n2\n3$/m);
});

packed("the README's first example runs on Deno from source with the permissions that the README names", () => {
  const folder = join(projectRoot, ".sluice", "pack");
  mkdirSync(folder, { recursive: true });
  try {
    const file = join(folder, "first.ts");
    writeFileSync(file, firstExample(readme));
    prints("deno run first.ts", run(commandOf("deno"), ["run", "--no-prompt", ...denoFlags(readme), file], projectRoot));
  } finally {
    if (existsSync(folder)) rmSync(folder, { recursive: true });
  }
});

packed.run();

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SimulatedDisk } from "../../actors/simulation/disk.ts";
import { natsContext } from "../../runtime/nats/mod.ts";
import { writeFile } from "../connectors/connector_world.ts";

const context = suite("NATS contexts");
const seed = `SU${"A".repeat(56)}`;

async function disk(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  await disk.makeDirectory("nats/context");
  const put = (name: string, content: unknown) => writeFile(disk, `nats/context/${name}.json`, JSON.stringify(content));
  await put("local", { url: "nats://a:4222, nats://b:4222", user: "me", password: "hush", inbox_prefix: "_IN" });
  await put("creds", { url: "nats://a:4222", creds: "nats/me.creds" });
  await put("nkey", { nkey: "nats/me.nk", ca: "ca.pem", token: "" });
  await put("broken", { creds: "nats/none.creds" });
  await writeFile(disk, "nats/me.creds", "a JWT and a seed");
  await writeFile(disk, "nats/me.nk", `# mine\n${seed}\n`);
  await writeFile(disk, "nats/context.txt", "local\n");
  return disk;
}

context("the selected context, or the one that is named, becomes the options of a connection", async () => {
  const files = await disk();
  const local = { servers: ["nats://a:4222", "nats://b:4222"], user: "me", password: "hush", inboxPrefix: "_IN" };
  assert.equal(await natsContext(files, "nats"), local);
  assert.equal(await natsContext(files, "nats", "creds"), { servers: ["nats://a:4222"], credentials: "a JWT and a seed" });
  assert.equal(await natsContext(files, "nats", "nkey"), { nkeySeed: seed, tls: { caFile: "ca.pem" } });
});

context("one that is not there, leads elsewhere, or lacks a file is said", async () => {
  const files = await disk();
  const refused = async (folder: string, name: string | undefined, message: RegExp) => {
    const error = await natsContext(files, folder, name).then(() => assert.unreachable(), (error) => error);
    assert.is(error.code, "NATS_CONTEXT", String(error));
    assert.match(error.message, message);
  };
  await refused("nats", "none", /nats\/context\/none\.json, which cannot be read/);
  await refused("nats", "../secret", /is no name of a NATS context/);
  await refused("nats", "broken", /nats\/none\.creds, which cannot be read/);
  await refused("elsewhere", undefined, /no NATS context is selected in elsewhere/);
});

context.run();

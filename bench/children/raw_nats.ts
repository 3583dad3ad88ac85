/** One end of bare NATS: publishes messages as fast as the other end confirms them, or takes them. Asked, says how many. */
import { createInterface } from "node:readline";
import { connectNats } from "../../runtime/nats/mod.ts";

const [role = "", url = "", bytes = "0"] = process.argv.slice(2);
/** Every how many messages the subscriber confirms, and how many may be unconfirmed: as much as keeps both ends busy. */
const [confirmEvery, mostUnconfirmed] = [16, 128];
const nats = await connectNats({ servers: url });
let messages = 0;
if (role === "subscribe") {
  nats.subscribe("raw", {
    callback: () => {
      if (++messages % confirmEvery === 0) nats.publish("confirmed");
    },
  });
} else {
  const payload = new Uint8Array(Number(bytes)).map((_, index) => index);
  let confirmed = 0;
  const publish = () => {
    for (; messages < confirmed + mostUnconfirmed; messages++) nats.publish("raw", payload);
  };
  nats.subscribe("confirmed", {
    callback: () => {
      confirmed += confirmEvery;
      publish();
    },
  });
  await nats.flush();
  publish();
}
await nats.flush();
console.log("ready");
for await (const line of createInterface({ input: process.stdin })) if (line === "figures") console.log(`figures ${messages}`);
process.exit();

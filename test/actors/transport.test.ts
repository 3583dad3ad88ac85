import { SeededRandom } from "../../actors/seeded_random.ts";
import { MemoryBroker } from "../../actors/memory_transport.ts";
import { VirtualClock } from "../../actors/simulation/clock.ts";
import { SimulatedNetwork } from "../../actors/simulation/network.ts";
import { transportConformance } from "./transport_conformance.ts";

transportConformance("MemoryTransport", () => {
  const clock = new VirtualClock();
  const broker = new MemoryBroker({ clock, maxPayloadBytes: 100 });
  return { connect: () => broker.connect(), pass: (ms) => clock.advance(ms) };
});

transportConformance("SimulatedTransport", () => {
  const clock = new VirtualClock();
  const network = new SimulatedNetwork({ clock, random: new SeededRandom("conformance"), maxPayloadBytes: 100 });
  let connections = 0;
  return { connect: () => network.connect(`c${connections++}`), pass: (ms) => clock.advance(ms) };
});

import { keyValueConformance } from "../actors/key_value_conformance.ts";
import { skip } from "../skip.ts";
import { keyValueWorld } from "./key_value_world.ts";
import { findNatsServer } from "./server.ts";

const program = findNatsServer();
if ("reason" in program) skip(program.reason);
else {
  keyValueConformance("NatsKeyValue", () => keyValueWorld());
}

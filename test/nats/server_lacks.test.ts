import { suite } from "uvu";
import * as assert from "uvu/assert";
import { lacksOf } from "../../runtime/nats/server_lacks.ts";

const lacks = suite("what an old server lacks");

lacks("is said by its version", () => {
  assert.equal(lacksOf("2.15.2"), []);
  assert.equal(lacksOf("2.12.0"), []);
  assert.equal(lacksOf("3.0.0-dev"), []);
  assert.match(lacksOf("2.11.9").join("; "), /^atomic batches: JetStream sinks publish one by one.*\(from 2\.12 on\)$/);
  assert.is(lacksOf("2.9.25").length, 1);
  assert.is(lacksOf("v1.14.1").length, 1);
});

lacks("is not guessed from what is no version", () => {
  for (const version of ["unknown", "", "2", "latest"]) assert.equal(lacksOf(version), []);
});

lacks.run();

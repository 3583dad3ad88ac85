import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { AttemptReport } from "../../runtime/cluster/message.ts";
import { RemoteDeployment } from "../../runtime/cluster/remote_deployment.ts";
import { Attempt } from "../../runtime/master/attempt.ts";
import { plan } from "../../runtime/graph/planner.ts";
import { generate, job, memorySink } from "../../mod.ts";

const deployments = suite("an attempt as its master sees it");

const { graph } = job("counting", (flow) => {
  flow.from("numbers", generate({ count: 1, make: (n) => n })).to("out", memorySink<number>());
});

function deployed() {
  const told: string[] = [];
  const deployment = new RemoteDeployment({
    attempt: new Attempt(1, "life", plan(graph, { parallelism: 2 }), undefined),
    job: "counting",
    workers: ["w1", "w2"],
    reports: {
      ready: () => void told.push("ready"),
      acknowledged: () => void told.push("acknowledged"),
      coordinate: ({ kind }) => void told.push(kind),
      failed: () => void told.push("failed"),
      skipped: () => void told.push("skipped"),
      stopped: () => void told.push("stopped"),
    },
    latest: 0,
    lastTriggered: 0,
    changed: () => {},
    now: () => 0,
  });
  const report = (worker: string, phase: AttemptReport["phase"]) => {
    const nothing = { failure: null, finished: [], drained: [], committed: [], skipped: [], positions: {} };
    deployment.report(worker, { job: "counting", attempt: 1, phase, ...nothing });
  };
  const orders = () => ["w1", "w2"].map((worker) => deployment.order(worker)?.phase);
  return { deployment, told, report, orders };
}

deployments("cancelled while it loads it never runs, however late workers say that they are ready", () => {
  const { deployment, told, report, orders } = deployed();
  report("w1", "loading");
  report("w2", "ready");
  deployment.stop();
  // The order to stop and the news that the last one has loaded cross each other.
  report("w1", "ready");
  assert.equal(told, []);
  deployment.run();
  assert.equal(orders(), ["stop", "stop"]);
  report("w1", "stopped");
  report("w2", "stopped");
  assert.equal(told, ["stopped"]);
});

deployments("it is ready when the last worker has loaded, once", () => {
  const { deployment, told, report, orders } = deployed();
  report("w1", "ready");
  assert.equal(told, []);
  report("w2", "ready");
  report("w1", "loading");
  report("w1", "ready");
  assert.equal(told, ["ready"]);
  deployment.run();
  assert.equal(orders(), ["run", "run"]);
});

deployments.run();

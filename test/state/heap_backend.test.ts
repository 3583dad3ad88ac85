import { HeapKeyedStateBackend } from "../../runtime/state/heap_backend.ts";
import { testExpiry } from "./expiry_conformance.ts";
import { testKeyedStateBackend } from "./backend_conformance.ts";

testKeyedStateBackend("the heap", (options) => new HeapKeyedStateBackend(options));
testExpiry("the heap", (options) => new HeapKeyedStateBackend(options));

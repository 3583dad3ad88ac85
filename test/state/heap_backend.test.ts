import { HeapKeyedStateBackend } from "../../runtime/state/heap_backend.ts";
import { seeds } from "../seeds.ts";
import { testKeyedStateBackend } from "./backend_conformance.ts";
import { testEvolution } from "./evolution_conformance.ts";
import type { Make } from "./backend_subject.ts";
import { testExpiry } from "./expiry_conformance.ts";
import { testIncremental } from "./incremental_conformance.ts";
import { testKeyGroups } from "./key_groups_conformance.ts";
import { testManyKeys } from "./many_keys_conformance.ts";

testKeyedStateBackend("the heap", (options) => new HeapKeyedStateBackend(options));
testEvolution("the heap", (options) => new HeapKeyedStateBackend(options));
testExpiry("the heap", (options) => new HeapKeyedStateBackend(options));
testIncremental("the heap", (options) => new HeapKeyedStateBackend(options), seeds(150, 60).length);
testManyKeys("the heap", (options) => new HeapKeyedStateBackend(options));
testKeyGroups("the heap", (options) => new HeapKeyedStateBackend(options));

const inRows: Make = (options) => new HeapKeyedStateBackend({ rowsFrom: 2, ...options });

testKeyedStateBackend("the heap with rows", inRows);
testEvolution("the heap with rows", inRows);
testExpiry("the heap with rows", inRows);
testIncremental("the heap with rows", inRows, seeds(150, 60).length);
testManyKeys("the heap with rows", inRows);
testKeyGroups("the heap with rows", inRows);

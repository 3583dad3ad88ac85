/**
 * Sluice: stateful stream processing, exactly once, on supervised actors, for Node, Deno and Bun.
 *
 * @module
 */
export { SluiceError } from "./actors/error.ts";

import * as assert from "uvu/assert";
import { SluiceError } from "../../actors/error.ts";

/** Runs work that must fail with a `SluiceError` of this code and a message like this. */
export async function failsWith(code: string, message: RegExp, work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    assert.instance(error, SluiceError, String(error));
    assert.is((error as SluiceError).code, code, String(error));
    assert.match((error as SluiceError).message, message);
    return;
  }
  assert.unreachable(`did not fail with ${code}`);
}

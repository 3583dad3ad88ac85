/** What the compiler must say about errors. */
import { SluiceError } from "../../mod.ts";
import { holds, type Same } from "./expect.ts";

const error = new SluiceError("A_CODE", "what is wrong", { cause: new Error("beneath") });
holds<Same<typeof error.code, string>>();

// @ts-expect-error: a code without a message helps nobody
new SluiceError("A_CODE");

// @ts-expect-error: the code is stable
error.code = "ANOTHER_CODE";

// @ts-expect-error: the two types differ
holds<Same<string, number>>();

import { Child } from "./child.ts";
import type { Measurable } from "./children/measuring.ts";
import type { Figures } from "./report.ts";

/** Measures one run of ours in a process of its own. */
export async function freshRun<Name extends keyof Measurable>(name: Name, options: Measurable[Name]): Promise<Figures> {
  const child = new Child("measuring", [name, JSON.stringify(options)]);
  try {
    return JSON.parse((await child.line("figures ")).slice("figures ".length)) as Figures;
  } finally {
    await child.kill();
  }
}

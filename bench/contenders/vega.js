import { parse, View } from "vega";
import { compile } from "vega-lite";

/** The picture of a Vega-Lite specification, as SVG. */
export async function toSvg(specification) {
  const view = new View(parse(compile(specification).spec), { renderer: "none" });
  const svg = await view.toSVG();
  view.finalize();
  return svg;
}

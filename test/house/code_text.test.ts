import { suite } from "uvu";
import * as assert from "uvu/assert";
import { codeText } from "./code_text.ts";

const text = suite("code text");

text("blanks comments and keeps every line and column", () => {
  assert.is(codeText("a(); // b()\n/* c\n d */ e();"), "a();       \n    \n      e();");
});

text("blanks what stands in strings, or keeps it when asked", () => {
  assert.is(codeText(`f("Date.now", 'x')`), `f("        ", ' ')`);
  assert.is(codeText(`f("a // b"); // c`, true), `f("a // b");     `);
});

text("keeps the code inside a template's placeholders", () => {
  assert.is(codeText("`a${b({ c: `d${e}` })}f` + g"), "` ${b({ c: ` ${e}` })} ` + g");
});

text("tells a regular expression from a division", () => {
  assert.is(codeText('x = /a"b[/]/.test(y) / 2 // z'), "x = /      /.test(y) / 2     ");
  assert.is(codeText("f(a / b, c / d)"), "f(a / b, c / d)");
});

text.run();

// Every rejection of the edge as the official SDKs meet it: their own typed errors, and a second try only where it helps.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { RESULTS, ROOT } from "../stack/stack.ts";
import { expect, test } from "./fixtures.ts";
import { runSdk } from "./programs.ts";

/** Written by the crate that holds the rejections, so that a new one is in it. */
function rejections(): string {
  const file = join(RESULTS, "rejections.json");
  const command = ["run", "--quiet", "--package", "keyward-domain", "--example", "rejections"];
  writeFileSync(file, execFileSync("cargo", command, { cwd: ROOT, encoding: "utf8" }));
  return file;
}

for (const program of ["errors.mjs", "errors_sdk.py"]) {
  test(`every rejection raises the SDK's own error, with our code, the request's id and a link: ${program}`, async () => {
    test.setTimeout(300_000);
    const { exitCode, output } = await runSdk(program, { KEYWARD_REJECTIONS: rejections() });
    expect(exitCode, output).toBe(0);
    expect(output).toMatch(/^[1-9]\d* passed, 0 failed$/m);
  });
}

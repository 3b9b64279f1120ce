// Every rejection of the edge, and how a check of them is told.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** As the edge would send them: `KEYWARD_REJECTIONS` names a file, or the program that lists them is run. */
export function rejections() {
  const file = process.env.KEYWARD_REJECTIONS;
  const command = ["run", "--quiet", "--package", "keyward-domain", "--example", "rejections"];
  const text = file ? readFileSync(file, "utf8") : execFileSync("cargo", command, { cwd: ROOT, encoding: "utf8" });
  const all = JSON.parse(text);
  assert(all.length > 40, `only ${all.length} rejections`);
  return all;
}

let passed = 0;

/** Runs one named check; the first that fails ends the program. */
export async function check(name, body) {
  try {
    await body();
    passed += 1;
    console.log(`ok ${passed} - ${name}`);
  } catch (error) {
    console.error(`not ok - ${name}\n${error.stack ?? error}`);
    process.exit(1);
  }
}

export function finish() {
  console.log(`${passed} passed, 0 failed`);
}

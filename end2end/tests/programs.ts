// Runs one of the SDK programs in end2end/sdk as an app would run: knowing a base URL and tokens, and nothing else.
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { RECEIVED, ROOT, stack } from "../stack/stack.ts";

const SDK = join(ROOT, "end2end/sdk");

export interface Outcome {
  exitCode: number | null;
  output: string;
}

export async function runSdk(file: string, settings: Record<string, string>): Promise<Outcome> {
  const program = file.endsWith(".py") ? join(ROOT, "end2end/.venv/bin/python") : process.execPath;
  const env = {
    PATH: process.env.PATH ?? "",
    PYTHONDONTWRITEBYTECODE: "1",
    KEYWARD_THROUGH_EDGE: "1",
    KEYWARD_WITNESS_URL: `${stack().emulatorUrl}/_seen/count`,
    ...settings,
  };
  const child = spawn(program, [join(SDK, file)], { cwd: SDK, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  child.stderr.on("data", (chunk) => (output += chunk));
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  writeFileSync(join(RECEIVED, `sdk-${file}${settings.KEYWARD_LIMIT ? "-limit" : ""}.txt`), output);
  return { exitCode, output };
}

// cargo-fuzz over every target, as many at once as there are cores. On a stable compiler, so without the address sanitizer: there is no
// unsafe code in the workspace for it to look at.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";

const [folder, minutes, ...only] = process.argv.slice(2);
const manifest = readFileSync(join(folder, "Cargo.toml"), "utf8");
const targets = [...manifest.matchAll(/^\[\[bin\]\]\nname = "(\w+)"/gm)].map(([, name]) => name);
const options = ["--fuzz-dir", folder, "--sanitizer", "none", "--release"];
// `cargo fuzz` builds for the host's target by name, in a folder of its own.
const env = { ...process.env, CARGO_TARGET_DIR: join(folder, "target") };
const AT_ONCE = Number(process.env.AT_ONCE || availableParallelism());
const KEPT_CHARS = 1 << 20;

execFileSync("cargo", ["run", "-q", "-p", "keyward-suites", "--bin", "seeds", join(folder, "corpus")], { stdio: ["ignore", "inherit", "inherit"] });
const figures = { engine: "libFuzzer (cargo-fuzz, no sanitizer)", minutes_each: Number(minutes), at_once: AT_ONCE, targets: [], failures: [] };
const built = await cargo(["build", ...options]);
if (built.status !== 0) figures.failures.push(`the targets are not built: ${built.said.slice(-2000)}`);
else {
  const chosen = targets.filter((name) => only.length === 0 || only.includes(name));
  const left = [...chosen];
  const runOn = async () => { for (let name; (name = left.shift()); ) figures.targets.push(await run(name)); };
  await Promise.all(Array.from({ length: AT_ONCE }, runOn));
  figures.targets.sort((one, other) => chosen.indexOf(one.name) - chosen.indexOf(other.name));
}
console.log(JSON.stringify(figures, null, 1));
process.exitCode = figures.failures.length === 0 ? 0 : 1;

/** Its status, and the end of what it said. */
function cargo(args) {
  const child = spawn("cargo", ["fuzz", ...args], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const output of [child.stdout, child.stderr]) output.on("data", (chunk) => (said = (said + chunk).slice(-KEPT_CHARS)));
  return new Promise((resolve, reject) => child.once("error", reject).once("close", (status) => resolve({ status, said })));
}

async function run(name) {
  const seconds = Math.round(Number(minutes) * 60);
  const libfuzzer = [`-max_total_time=${seconds}`, "-max_len=8192", "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1", "-verbosity=1"];
  const { status, said } = await cargo(["run", name, ...options, "--", ...libfuzzer]);
  const stat = (label) => Number(said.match(new RegExp(`stat::${label}:\\s+(\\d+)`))?.[1] ?? 0);
  const covered = [...said.matchAll(/cov: (\d+)/g)].at(-1)?.[1];
  const artifacts = join(folder, "artifacts", name);
  const found = existsSync(artifacts) ? readdirSync(artifacts) : [];
  if (status !== 0) figures.failures.push(`${name}: ${said.match(/panicked at[^\n]*\n[^\n]*/)?.[0] ?? said.slice(-1500)} (${found.at(-1) ?? "no artifact"})`);
  return { name, seconds, executions: stat("number_of_executed_units"), executions_per_second: stat("average_exec_per_sec"), covered_edges: Number(covered ?? 0), crashed: status !== 0 };
}

// The figures of scripts/audit.sh: what cargo-audit and cargo-deny say of the dependencies.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

const [folder, status, versions] = process.argv.slice(2);
const log = readFileSync(join(folder, "audit.log"), "utf8").replace(/\u001b\[[0-9;]*m/g, "");
const figures = { versions: { tools: versions }, failures: [] };
const deny = log.match(/^advisories .*, bans .*, licenses .*, sources .*$/m)?.[0];
if (!deny && /fetch|resolve host|network|connect/i.test(log)) {
  figures.not_run = "the advisory database can't be fetched; name a copy in KEYWARD_ADVISORY_DB";
} else if (status !== "0") {
  figures.failures.push(log.slice(-2000));
} else {
  const report = JSON.parse(readFileSync(join(folder, "audit.json"), "utf8"));
  const { database, lockfile, settings, vulnerabilities, warnings } = report;
  Object.assign(figures, {
    advisories: database["advisory-count"],
    newest_advisory: newestOf(process.env.KEYWARD_ADVISORY_DB),
    dependencies: lockfile["dependency-count"],
    vulnerabilities: vulnerabilities.count,
    ignored: settings.ignore,
    warnings: Object.entries(warnings).flatMap(([kind, found]) => found.map(({ package: { name }, advisory }) => `${kind}: ${name} (${advisory?.id ?? "no advisory"})`)),
    cargo_deny: deny,
  });
}
console.log(JSON.stringify(figures, null, 1));
process.exitCode = figures.failures.length === 0 ? 0 : 1;

/** Of a copy; what was fetched is as new as the run. */
function newestOf(database) {
  if (!database || !existsSync(database)) return undefined;
  const files = readdirSync(join(database, "crates"), { recursive: true }).filter((name) => name.endsWith(".md"));
  const dates = files.map((name) => readFileSync(join(database, "crates", name), "utf8").match(/^date = "([\d-]+)"/m)?.[1] ?? "");
  return dates.sort().at(-1);
}

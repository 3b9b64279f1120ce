// Keeps what each suite said, and writes it down: target/suites.json for programs, docs/scoreboard.md for people.
//   scoreboard.mjs add FOLDER SUITE STATUS SECONDS      takes FOLDER/SUITE.out in
//   scoreboard.mjs write FOLDER JSON MARKDOWN
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { SECTIONS } from "./sections.mjs";

const [verb, folder, ...rest] = process.argv.slice(2);
if (verb === "add") add(...rest);
else if (verb === "write") write(...rest);
else throw new Error("usage: scoreboard.mjs add|write …");

function add(suite, status, seconds) {
  const said = readFileSync(join(folder, `${suite}.out`), "utf8");
  let figures, brokeOff = false;
  try {
    figures = JSON.parse(said);
  } catch {
    brokeOff = true;
    figures = { failures: [`it ended with ${status} before it had figures`] };
  }
  const result = figures.not_run ? "not run" : status === "0" && !brokeOff ? "passed" : "failed";
  const run = { suite, result, at: new Date().toISOString().slice(0, 16).replace("T", " "), seconds: Number(seconds), rust: said_by("rustc", "--version"), node: process.version, command: process.env.COMMAND, figures };
  writeFileSync(join(folder, `${suite}.json`), JSON.stringify(run, null, 1));
}

function said_by(program, ...args) {
  return execFileSync(program, args, { encoding: "utf8" }).trim();
}

function write(json, markdown) {
  const runs = Object.fromEntries(Object.keys(SECTIONS).map((suite) => {
    const file = join(folder, `${suite}.json`);
    return [suite, existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : { suite, result: "not run", figures: { not_run: "nobody ran it on this machine" } }];
  }));
  writeFileSync(json, `${JSON.stringify({ written: new Date().toISOString(), runs }, null, 1)}\n`);
  writeFileSync(markdown, page(runs));
}

function page(runs) {
  const rows = Object.entries(runs).map(([suite, run]) => {
    const { title, summary } = SECTIONS[suite];
    const said = run.figures.not_run ? `not run: ${run.figures.not_run}` : run.result === "failed" && !hasFigures(run) ? "no figures" : summary(run.figures);
    return `| ${title} | ${run.result} | ${said} |`;
  });
  const sections = Object.entries(runs).map(([suite, run]) => section(SECTIONS[suite], run));
  return `# Scoreboard

What suites that others wrote say of Keyward. This page is generated; \`make suites\` runs them all and writes it anew, \`make suites ONLY="…"\` some of them.

| suite | result | figures |
|---|---|---|
${rows.join("\n")}

${sections.join("\n")}`;
}

/** A suite that broke off has none. */
function hasFigures(run) {
  return Object.keys(run.figures).length > 1;
}

function section({ title, about, details }, run) {
  const when = run.at ? `Run at ${run.at} UTC in ${run.seconds} s by \`${run.command}\` with ${run.rust}, node ${run.node.slice(1)}.` : "";
  const versions = Object.entries(run.figures.versions ?? {}).map(([name, version]) => `${name} ${version}`);
  const failures = (run.figures.failures ?? []).slice(0, 20).map((failure) => `- **failed**: ${inline(typeof failure === "string" ? failure : JSON.stringify(failure))}`);
  const parts = [about, run.figures.not_run || !hasFigures(run) ? "" : details?.(run.figures), failures.join("\n"), [when, versions.length ? `With ${versions.join(", ")}.` : ""].filter(Boolean).join(" ")];
  return `## ${title}\n\n${parts.filter(Boolean).join("\n\n")}\n`;
}

function inline(text) {
  return `\`${text.replace(/\s+/g, " ").replaceAll("`", "'").slice(0, 300)}\``;
}

// Runs after everything else: what was logged at TRACE level, what browsers and SDKs were sent, and what the
// database holds is searched for this run's keys, passwords and tokens.
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "@playwright/test";

import { dump, query } from "../stack/database.ts";
import { LOGS, RECEIVED, TOKENS, stack } from "../stack/stack.ts";

interface Secret {
  name: string;
  value: string;
}

function lines(text: string): string[] {
  return text.split("\n").filter(Boolean);
}

function secrets(): Secret[] {
  const { canaries, databaseUrl } = stack();
  const named = Object.entries(canaries).map(([name, value]) => ({ name, value }));
  const databasePassword = decodeURIComponent(new URL(databaseUrl).password);
  if (databasePassword.length > 8) named.push({ name: "database password", value: databasePassword });
  // The signature alone makes a token worth something, and is found whatever is cut off around it.
  const tokens = lines(readFileSync(TOKENS, "utf8")).map((token) => token.split(".")[2]);
  const signatures = [...new Set(tokens)].filter((signature) => signature.length > 20);
  return [...named, ...signatures.map((value, index) => ({ name: `signature of user token ${index}`, value }))];
}

/** As it is, as a database or a log may spell bytes, and as an address spells it. */
function spellings(value: string): string[] {
  const bytes = Buffer.from(value);
  return [...new Set([value, bytes.toString("hex"), bytes.toString("base64").replace(/=+$/, ""), bytes.toString("base64url"), encodeURIComponent(value)])];
}

function findings(where: string, text: string, wanted: Secret[]): string[] {
  const folded = text.toLowerCase();
  return wanted.flatMap(({ name, value }) =>
    spellings(value)
      .filter((spelling) => text.includes(spelling) || folded.includes(spelling.toLowerCase()))
      .map((spelling) => `${name} in ${where}: …${around(text, spelling)}…`),
  );
}

function around(text: string, spelling: string): string {
  const at = text.toLowerCase().indexOf(spelling.toLowerCase());
  return text.slice(Math.max(0, at - 120), at + 20).replaceAll("\n", "\\n");
}

function filesIn(folder: string): string[] {
  return readdirSync(folder).map((name) => join(folder, name));
}

test("no key, password or token is in any log", () => {
  const logs = filesIn(LOGS);
  for (const name of ["dashboard.log", "edge.log"]) {
    expect(readFileSync(join(LOGS, name), "utf8").includes("TRACE"), `${name} is written at TRACE level`).toBe(true);
  }
  expect(logs.flatMap((log) => findings(log, readFileSync(log, "utf8"), secrets()))).toEqual([]);
});

test("no link sent by mail and no session is in any log", () => {
  const { databaseUrl } = stack();
  const bodies = query(databaseUrl, "SELECT body FROM dev_mails").join("\n");
  const sent = [...new Set([...bodies.matchAll(/token=([A-Za-z0-9_-]{20,})/g)].map(([, token]) => token))];
  expect(sent.length).toBeGreaterThan(0);
  const sessions = new Set([...readReceived().matchAll(/set-cookie[^\n]*?keyward=([A-Za-z0-9_-]{16,})/gi)].map(([, id]) => id));
  const wanted = [
    ...sent.map((value, index) => ({ name: `token of mail ${index}`, value })),
    ...[...sessions].map((value) => ({ name: "session id", value })),
  ];
  expect(sessions.size).toBeGreaterThan(0);
  expect(filesIn(LOGS).flatMap((log) => findings(log, readFileSync(log, "utf8"), wanted))).toEqual([]);
  // The mailbox of development keeps what was sent; no other table does.
  expect(findings("the database", dump(databaseUrl, ["--exclude-table-data=dev_mails"]), wanted)).toEqual([]);
});

test("no key, password or token is in any page, answer or error", () => {
  const files = filesIn(RECEIVED).filter((file) => statSync(file).size > 0);
  expect(files.length).toBeGreaterThan(10);
  expect(files.flatMap((file) => findings(file, readFileSync(file, "utf8"), secrets()))).toEqual([]);
});

test("no key, password or token is in a dump of the database", () => {
  const text = dump(stack().databaseUrl);
  expect(text.includes("Recipe chat"), "the dump has the developer's app").toBe(true);
  expect(text.includes("INSERT INTO public.sealed_keys"), "the dump has the sealed keys").toBe(true);
  expect(findings("the dump", text, secrets())).toEqual([]);
});

function readReceived(): string {
  return filesIn(RECEIVED).map((file) => readFileSync(file, "utf8")).join("\n");
}

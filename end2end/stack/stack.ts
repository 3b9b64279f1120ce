// What the tests know of the running system. Written by the global set-up, read by every test.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const RESULTS = join(ROOT, "end2end/test-results");
export const LOGS = join(RESULTS, "logs");
/** Everything that a browser or an SDK was sent, for the search for leaks. */
export const RECEIVED = join(RESULTS, "received");
/** Every user token that was minted, one a line. */
export const TOKENS = join(RESULTS, "tokens.txt");
const STACK_FILE = join(RESULTS, "stack.json");

export interface Stack {
  dashboardUrl: string;
  edgeUrl: string;
  opsUrl: string;
  emulatorUrl: string;
  databaseUrl: string;
  canaries: Canaries;
}

/** Values that no log, page, error or dump may ever contain. */
export interface Canaries {
  providerKey: string;
  password: string;
  newPassword: string;
  issuerSecret: string;
  sellerKey: string;
  appStoreKey: string;
  webhookSecret: string;
  keyEncryptionKey: string;
}

export function publish(stack: Stack): void {
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(STACK_FILE, JSON.stringify(stack, null, 2));
}

let known: Stack | undefined;

export function stack(): Stack {
  known ??= JSON.parse(readFileSync(STACK_FILE, "utf8")) as Stack;
  return known;
}

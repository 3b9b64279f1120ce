// Starts programs, keeps their logs, waits until they answer, and stops them.
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";

import { LOGS, ROOT } from "./stack.ts";

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 30_000;

export interface Program {
  name: string;
  logFile: string;
  child: ChildProcess;
}

export function launch(name: string, binary: string, env: Record<string, string>): Program {
  const path = join(process.env.CARGO_TARGET_DIR ?? join(ROOT, "target"), "debug", binary);
  if (!existsSync(path)) throw new Error(`${path} is not built; \`make test\` builds it`);
  return launchFile(name, [path], env);
}

/** Any program, with its arguments. */
export function launchFile(name: string, [path, ...args]: [string, ...string[]], env: Record<string, string>): Program {
  const logFile = join(LOGS, `${name}.log`);
  const log = openSync(logFile, "w");
  const child = spawn(path, args, { cwd: ROOT, env: { ...inherited(), ...env }, stdio: ["ignore", log, log] });
  closeSync(log);
  return { name, logFile, child };
}

/** The developer's own settings must not reach the programs under test. */
function inherited(): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    ([name, value]) => value !== undefined && !name.startsWith("KEYWARD_") && name !== "DATABASE_URL",
  );
  return Object.fromEntries(kept) as Record<string, string>;
}

export async function awaitExit(program: Program): Promise<number> {
  await awaitCondition(program, "its end", async () => program.child.exitCode !== null || undefined);
  return program.child.exitCode as number;
}

/** Waits for a line of the program's log. */
export async function awaitLine(program: Program, pattern: RegExp): Promise<RegExpMatchArray> {
  return await awaitCondition(program, `a line like ${pattern}`, async () => readFileSync(program.logFile, "utf8").match(pattern));
}

export async function awaitAnswer(program: Program, url: string): Promise<void> {
  await awaitCondition(program, `an answer from ${url}`, async () => {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
    return answer?.ok ? true : undefined;
  });
}

async function awaitCondition<T>(program: Program, what: string, condition: () => Promise<T | null | undefined>): Promise<T> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const met = await condition();
    if (met) return met;
    if (program.child.exitCode !== null || Date.now() > deadline) {
      const why = program.child.exitCode === null ? "is not there in time" : `will not come: it exited with ${program.child.exitCode}`;
      throw new Error(`${program.name}: ${what} ${why}\n${readFileSync(program.logFile, "utf8").slice(-3_000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Asks to stop, and insists when the program does not; a program that had to be killed is a failure. */
export async function stop(program: Program): Promise<void> {
  const { child } = program;
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<boolean>((resolve) => child.once("exit", () => resolve(true)));
  child.kill("SIGTERM");
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), STOP_TIMEOUT_MS)));
  const inTime = await Promise.race([ended, late]);
  clearTimeout(timer);
  if (inTime) return;
  child.kill("SIGKILL");
  throw new Error(`${program.name} did not stop within ${STOP_TIMEOUT_MS / 1_000} s of SIGTERM`);
}

/** All are held at once, so that no two are the same. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

// Starting with something missing or wrong: said at once, in words that name the variable and what to do.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";

import { createDatabase } from "../stack/database.ts";
import { awaitExit, awaitLine, freePorts, launch, stop, type Program } from "../stack/programs.ts";
import { stack } from "../stack/stack.ts";
import { expect, test } from "./fixtures.ts";

const DASHBOARD = { binary: "server", name: "dashboard", addressVariable: "KEYWARD_DASHBOARD_ADDR" };
const EDGE = { binary: "keyward-proxy", name: "edge", addressVariable: "KEYWARD_EDGE_ADDR" };

/** A complete development environment on free ports. */
async function environment(databaseUrl = stack().databaseUrl): Promise<Record<string, string>> {
  const [dashboard, edge, ops] = await freePorts(3);
  return {
    DATABASE_URL: databaseUrl,
    KEYWARD_KEY_ENCRYPTION_KEY: stack().canaries.keyEncryptionKey,
    KEYWARD_MODE: "development",
    KEYWARD_LOG: "trace",
    KEYWARD_DASHBOARD_ADDR: `127.0.0.1:${dashboard}`,
    KEYWARD_EDGE_ADDR: `127.0.0.1:${edge}`,
    KEYWARD_OPS_ADDR: `127.0.0.1:${ops}`,
    KEYWARD_EDGE_DATA_DIR: "none",
  };
}

function log(program: Program): string {
  return readFileSync(program.logFile, "utf8");
}

for (const { binary, name, addressVariable } of [DASHBOARD, EDGE]) {
  test(`the ${name} without a configuration names every variable that is missing, and exits with 2`, async () => {
    const program = launch(`start-up-${name}-empty`, binary, {});
    expect(await awaitExit(program)).toBe(2);
    expect(log(program)).toContain("DATABASE_URL");
    expect(log(program)).toContain("KEYWARD_KEY_ENCRYPTION_KEY");
  });

  test(`the ${name} with another key-encryption key than the database's refuses to start`, async () => {
    const wrong = randomBytes(32).toString("hex");
    const program = launch(`start-up-${name}-key`, binary, { ...(await environment()), KEYWARD_KEY_ENCRYPTION_KEY: wrong });
    expect(await awaitExit(program)).not.toBe(0);
    expect(log(program)).toContain("KEYWARD_KEY_ENCRYPTION_KEY");
    expect(log(program)).not.toContain(wrong);
  });

  test(`the ${name} names the port that is taken, and the variable that changes it`, async () => {
    const taken = new URL(name === "edge" ? stack().edgeUrl : stack().dashboardUrl).port;
    const program = launch(`start-up-${name}-port`, binary, {
      ...(await environment()),
      [addressVariable]: `127.0.0.1:${taken}`,
    });
    expect(await awaitExit(program)).not.toBe(0);
    expect(log(program)).toContain(taken);
    expect(log(program)).toContain(addressVariable);
  });

  test(`the ${name} says that it waits for a database that is away, and stops when told to`, async () => {
    const [nobody] = await freePorts(1);
    const program = launch(`start-up-${name}-database`, binary, await environment(`postgres://keyward@127.0.0.1:${nobody}/keyward`));
    await awaitLine(program, /database/i);
    expect(program.child.exitCode).toBeNull();
    await stop(program);
  });
}

test("the edge that has never seen its database is not ready", async () => {
  const [nobody] = await freePorts(1);
  const env = await environment(`postgres://keyward@127.0.0.1:${nobody}/keyward`);
  const program = launch("start-up-edge-ready", EDGE.binary, env);
  await awaitLine(program, /database/i);
  await expect
    .poll(async () => (await fetch(`http://${env.KEYWARD_OPS_ADDR}/readyz`).catch(() => undefined))?.status)
    .toBe(503);
  await stop(program);
});

test("the edge waits for the schema that the dashboard makes", async () => {
  const database = createDatabase();
  const program = launch("start-up-edge-schema", EDGE.binary, await environment(database.url));
  await awaitLine(program, /schema|dashboard/i);
  expect(program.child.exitCode).toBeNull();
  await stop(program);
  database.drop();
});

test("production refuses what is for development only", async () => {
  const program = launch("start-up-dashboard-production", DASHBOARD.binary, {
    ...(await environment()),
    KEYWARD_MODE: "production",
    KEYWARD_DASHBOARD_URL: "https://keyward.example.com",
    KEYWARD_EDGE_URL: "https://edge.example.com",
    KEYWARD_EMULATOR_URL: "http://127.0.0.1:8790",
    KEYWARD_SEED_DEMO: "true",
  });
  expect(await awaitExit(program)).toBe(2);
  for (const variable of ["KEYWARD_EMULATOR_URL", "KEYWARD_SEED_DEMO", "KEYWARD_SMTP_URL"]) {
    expect(log(program)).toContain(variable);
  }
});

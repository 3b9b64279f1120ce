// Starts all of Keyward once for a run of the tests: database, emulator, dashboard and edge, each a process of its own.
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createDatabase } from "./database.ts";
import { awaitAnswer, awaitLine, freePorts, launch, launchFile, stop, type Program } from "./programs.ts";
import { LOGS, RECEIVED, ROOT, TOKENS, publish, type Canaries } from "./stack.ts";

export default async function setup(): Promise<() => Promise<void>> {
  for (const folder of [LOGS, RECEIVED]) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
  }
  rmSync(TOKENS, { force: true });
  const running: Program[] = [];
  const database = createDatabase();
  const teardown = async (): Promise<void> => {
    const outcomes = await Promise.allSettled(running.reverse().map(stop));
    database.drop();
    const failed = outcomes.filter((outcome) => outcome.status === "rejected");
    if (failed.length > 0) throw new AggregateError(failed.map((outcome) => outcome.reason));
  };
  try {
    await start(database.url, running);
  } catch (error) {
    await teardown();
    throw error;
  }
  return teardown;
}

async function start(databaseUrl: string, running: Program[]): Promise<void> {
  const canaries = newCanaries();
  const [dashboardPort, edgePort, opsPort, localstripePort] = await freePorts(4);
  const dashboardUrl = `http://localhost:${dashboardPort}`;
  const edgeUrl = `http://127.0.0.1:${edgePort}`;
  const opsUrl = `http://127.0.0.1:${opsPort}`;

  const localstripeUrl = `http://127.0.0.1:${localstripePort}`;
  const python = join(ROOT, "end2end/.localstripe/bin/python");
  if (!existsSync(python)) throw new Error(`${python} is not there; scripts/setup.sh --test installs it`);
  const localstripe = launchFile("localstripe", [python, "-m", "localstripe", "--from-scratch", "--port", String(localstripePort)], {});
  running.push(localstripe);
  await awaitAnswer(localstripe, `${localstripeUrl}/js.stripe.com/v3/`);

  const emulator = launch("emulator", "keyward-emulator", {
    KEYWARD_EMULATOR_ADDR: "127.0.0.1:0",
    KEYWARD_EMULATOR_LOCALSTRIPE_URL: localstripeUrl,
    KEYWARD_EMULATOR_KEY: canaries.providerKey,
  });
  running.push(emulator);
  const [, emulatorUrl] = await awaitLine(emulator, /keyward-emulator listening on (http:\S+)/);

  const shared = {
    DATABASE_URL: databaseUrl,
    KEYWARD_KEY_ENCRYPTION_KEY: canaries.keyEncryptionKey,
    KEYWARD_MODE: "development",
    KEYWARD_LOG: "trace",
  };
  const dashboard = launch("dashboard", "server", {
    ...shared,
    KEYWARD_DASHBOARD_ADDR: `127.0.0.1:${dashboardPort}`,
    KEYWARD_DASHBOARD_URL: dashboardUrl,
    KEYWARD_EDGE_URL: edgeUrl,
    KEYWARD_EMULATOR_URL: emulatorUrl,
    KEYWARD_STRIPE_URL: `${emulatorUrl}/stripe`,
    KEYWARD_REVENUECAT_URL: `${emulatorUrl}/revenuecat/v1`,
    // The tests come from many addresses, as far as the dashboard can tell.
    KEYWARD_TRUSTED_PROXIES: "127.0.0.0/8,::1",
    KEYWARD_SITE_ROOT: join(ROOT, "target", "site"),
  });
  running.push(dashboard);
  await awaitAnswer(dashboard, `http://127.0.0.1:${dashboardPort}/healthz`);

  const edge = launch("edge", "keyward-proxy", {
    ...shared,
    KEYWARD_EDGE_ADDR: `127.0.0.1:${edgePort}`,
    KEYWARD_OPS_ADDR: `127.0.0.1:${opsPort}`,
    KEYWARD_EDGE_DATA_DIR: mkdtempSync(join(tmpdir(), "keyward-edge-")),
  });
  running.push(edge);
  await awaitAnswer(edge, `${opsUrl}/readyz`);

  publish({ dashboardUrl, edgeUrl, opsUrl, emulatorUrl, databaseUrl, canaries });
}

function newCanaries(): Canaries {
  const canary = (what: string): string => `canary-${what}-${randomBytes(8).toString("hex")}`;
  return {
    providerKey: canary("provider-key"),
    password: canary("password"),
    newPassword: canary("new-password"),
    issuerSecret: canary("issuer-secret-of-32-bytes-or-more"),
    sellerKey: `rk_test_${canary("seller-key")}`,
    appStoreKey: `sk_${canary("app-store-key")}`,
    webhookSecret: `whsec_${canary("webhook-secret")}`,
    keyEncryptionKey: randomBytes(32).toString("hex"),
  };
}

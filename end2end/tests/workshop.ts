// One developer with one app that has everything: made once through the dashboard, for tests that begin from there.
import { expect, type Browser } from "@playwright/test";

import { stack } from "../stack/stack.ts";
import { Dashboard, newAddress, visitor, type Proxy } from "./dashboard.ts";
import { mintToken } from "./emulator.ts";
import { Watch, test as base } from "./fixtures.ts";

/** Requests an hour that the limited proxy lets each user make. */
export const LIMIT = 3;

export interface Workshop {
  address: string;
  /** Cookies of the developer's session. */
  session: Awaited<ReturnType<import("@playwright/test").BrowserContext["storageState"]>>;
  appPath: string;
  /** The default plan's page. */
  planPath: string;
  /** The page of one user. */
  userPath: string;
  openai: Proxy;
  anthropic: Proxy;
  gemini: Proxy;
  limited: Proxy;
}

/** A second browser that shares nothing with the first. */
type Elsewhere = Dashboard & { watch: Watch };

export const test = base.extend<{ dashboard: Dashboard; elsewhere: Elsewhere }, { workshop: Workshop }>({
  workshop: [async ({ browser }, use) => use(await furnish(browser)), { scope: "worker", timeout: 120_000 }],
  dashboard: async ({ page, javaScriptEnabled }, use) => use(new Dashboard(page, javaScriptEnabled ?? true)),
  elsewhere: async ({ browser }, use, testInfo) => {
    const context = await browser.newContext(visitor());
    const watch = new Watch(context, `${testInfo.titlePath.join(" ")} elsewhere`);
    await use(Object.assign(new Dashboard(await context.newPage(), true), { watch }));
    await watch.finish(context.pages());
    await context.close();
  },
});

/** A test of somebody who is signed in as the workshop's developer. */
export const signedIn = test.extend({
  storageState: async ({ workshop }, use) => use(workshop.session),
});

async function furnish(browser: Browser): Promise<Workshop> {
  const { emulatorUrl } = stack();
  const context = await browser.newContext(visitor());
  const watch = new Watch(context, "workshop");
  const dashboard = new Dashboard(await context.newPage(), true);
  const address = newAddress();
  await dashboard.becomeMember(address);
  const appPath = await dashboard.createApp("Recipe chat");
  await dashboard.linkEmulator(appPath);
  const add = (name: string, provider: string, base: string): Promise<Proxy> =>
    dashboard.createProxy(appPath, { name, provider, baseUrl: `${emulatorUrl}/${base}` });
  const workshop = {
    address,
    appPath,
    planPath: await dashboard.defaultPlan(appPath),
    userPath: await dashboard.userPage(appPath, "user-1"),
    openai: await add("Chat", "OpenAI", "openai"),
    anthropic: await add("Claude", "Anthropic", "anthropic"),
    gemini: await add("Gemini", "Google Gemini", "gemini"),
    limited: await add("Trial", "OpenAI", "openai"),
    session: await context.storageState(),
  };
  await dashboard.limit(`${workshop.limited.path}/limits`, LIMIT);
  await watch.finish(context.pages());
  await context.close();
  await edgeKnows(workshop);
  return workshop;
}

/** The edge follows the dashboard within a second or so. */
async function edgeKnows(workshop: Workshop): Promise<void> {
  const token = await mintToken("first-visitor");
  const reaches = async (url: string): Promise<Response> => fetch(url, { headers: { authorization: `Bearer ${token}`, "anthropic-version": "2023-06-01" } });
  for (const url of [`${workshop.openai.edgeUrl}/v1/models`, `${workshop.anthropic.edgeUrl}/v1/models`, `${workshop.gemini.edgeUrl}/v1beta/models`]) {
    await expect.poll(async () => (await reaches(url)).status, { message: url }).toBe(200);
  }
  // The limit came last: when it is in force, everything is.
  await expect
    .poll(async () => (await reaches(`${workshop.limited.edgeUrl}/v1/models`)).headers.get("ratelimit-policy"), {
      message: "the limit is in force",
    })
    .toContain(String(LIMIT));
}

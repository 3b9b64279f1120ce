// A developer takes a larger tier: an installation of its own that takes money, with Checkout and the portal of the stand-in.
import { join } from "node:path";

import { createDatabase, query, type Database } from "../stack/database.ts";
import { awaitAnswer, freePorts, launch, stop, type Program } from "../stack/programs.ts";
import { ROOT, stack } from "../stack/stack.ts";
import { Dashboard, newAddress } from "./dashboard.ts";
import { expect, test } from "./fixtures.ts";
import { newPrice, sendWebhooks } from "./shop.ts";

let database: Database;
let server: Program;
let baseURL: string;

test.beforeAll(async () => {
  const { canaries, edgeUrl, emulatorUrl } = stack();
  const [port] = await freePorts(1);
  baseURL = `http://localhost:${port}`;
  database = createDatabase();
  const prices = `pro=${await newPrice("Pro", 2900)},scale=${await newPrice("Scale", 19900)}`;
  server = launch("billing-dashboard", "server", {
    DATABASE_URL: database.url,
    KEYWARD_KEY_ENCRYPTION_KEY: canaries.keyEncryptionKey,
    KEYWARD_MODE: "development",
    KEYWARD_LOG: "trace",
    KEYWARD_DASHBOARD_ADDR: `127.0.0.1:${port}`,
    KEYWARD_DASHBOARD_URL: baseURL,
    KEYWARD_EDGE_URL: edgeUrl,
    KEYWARD_STRIPE_URL: `${emulatorUrl}/stripe`,
    KEYWARD_BILLING_STRIPE_KEY: canaries.sellerKey,
    KEYWARD_BILLING_WEBHOOK_SECRETS: canaries.webhookSecret,
    KEYWARD_BILLING_PRICES: prices,
    KEYWARD_SITE_ROOT: join(ROOT, "target", "site"),
  });
  await awaitAnswer(server, `http://127.0.0.1:${port}/healthz`);
  await sendWebhooks({ stripe: [{ url: `${baseURL}/webhooks/billing`, secrets: [canaries.webhookSecret] }] });
});

test.afterAll(async () => {
  await sendWebhooks({});
  await stop(server);
  database.drop();
});

for (const javaScriptEnabled of [true, false]) {
  test(`a developer takes a larger tier and cancels it, ${javaScriptEnabled ? "with" : "without"} JavaScript`, async ({ browser }) => {
    test.setTimeout(90_000);
    const context = await browser.newContext({ baseURL, javaScriptEnabled });
    const page = await context.newPage();
    const dashboard = new Dashboard(page, javaScriptEnabled);
    await dashboard.becomeMember(newAddress());
    await dashboard.open("/account");
    await page.getByRole("link", { name: "Open billing" }).click();
    await dashboard.arrivesAt(/\/account\/billing$/);
    await expect(page.getByText("Your tier is Free.")).toBeVisible();
    await expect(page.getByText("0 of 25,000")).toBeVisible();

    await dashboard.press("Take Pro");
    await page.getByRole("button", { name: "Pay" }).click();
    await page.waitForURL(/\/account\/billing\?paid=1/);
    await expect(async () => {
      await dashboard.open("/account/billing");
      await expect(page.getByText("Your tier is Pro.")).toBeVisible({ timeout: 500 });
    }).toPass({ timeout: 15_000 });
    await expect(page.getByText("0 of 1,000,000")).toBeVisible();
    await expect(page.getByRole("button", { name: "Take Scale" }), "changing is the portal's").toHaveCount(0);

    await dashboard.press("Open billing at Stripe");
    await page.getByRole("button", { name: "Cancel now" }).click();
    await expect(page.getByText("No subscription.")).toBeVisible();
    await expect(async () => {
      await dashboard.open("/account/billing");
      await expect(page.getByText("Your tier is Free.")).toBeVisible({ timeout: 500 });
    }).toPass({ timeout: 15_000 });
    await context.close();
  });
}

test("two apps are what the free tier has room for, and the third is refused with what to do", async ({ browser }) => {
  const context = await browser.newContext({ baseURL });
  const page = await context.newPage();
  const dashboard = new Dashboard(page, true);
  await dashboard.becomeMember(newAddress());
  for (const name of ["One", "Two"]) await dashboard.createApp(name);
  await dashboard.open("/apps");
  await page.getByLabel("Name").fill("Three");
  await dashboard.press("Create app");
  await expect(page.getByText("your tier has room for 2 apps")).toBeVisible();
  await context.close();
});

test("one member is what the free tier has room for, and the page says what the next one has", async ({ browser }) => {
  const context = await browser.newContext({ baseURL });
  const page = await context.newPage();
  const dashboard = new Dashboard(page, true);
  await dashboard.becomeMember(newAddress());
  await dashboard.open("/account/members");
  await expect(page.getByText("Your tier, Free, has room for 1 member, open invitations included; Pro has room for 10.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Send invitation" })).toHaveCount(0);
  await page.getByRole("link", { name: "See the tiers" }).click();
  await dashboard.arrivesAt(/\/account\/billing$/);
  await context.close();
});

test("owners are told by mail and on every page that most of their requests are used", async ({ browser }) => {
  const context = await browser.newContext({ baseURL });
  const page = await context.newPage();
  const dashboard = new Dashboard(page, true);
  const address = newAddress();
  await dashboard.becomeMember(address);
  await expect(page.getByText("25,000 requests of your tier")).toHaveCount(0);
  query(
    database.url,
    `INSERT INTO account_months (account_id, month, requests)
     SELECT account_id, date_trunc('month', now() AT TIME ZONE 'UTC')::date, 21000
     FROM account_members JOIN members ON members.id = member_id WHERE email = '${address}'`,
  );
  for (const path of ["/apps", "/account"]) {
    await dashboard.open(path);
    await expect(page.getByText(/21,000 of this month.s 25,000 requests of your tier, Free, are used/)).toBeVisible();
  }
  await page.getByRole("main").getByRole("link", { name: "Open billing" }).first().click();
  await dashboard.arrivesAt(/\/account\/billing$/);
  await expect(async () => {
    await dashboard.open("/dev/mail");
    await expect(page.getByRole("heading", { name: "Most of this month's requests are used" })).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 30_000 });
  await context.close();
});

test("where no money is taken there is no billing page", async ({ page, watch }) => {
  watch.expectRefusals(404);
  const dashboard = new Dashboard(page, true);
  await dashboard.becomeMember(newAddress());
  await dashboard.open("/account");
  await expect(page.getByRole("link", { name: "Open billing" })).toHaveCount(0);
  await page.goto("/account/billing");
  await expect(page.getByRole("heading", { name: "Page not found" })).toBeVisible();
});

// From a seller's connection to a call under the plan that was bought, and back: the real dashboard, edge, Checkout and portal.
import type { Page } from "@playwright/test";

import { stack } from "../stack/stack.ts";
import { newAddress, type Dashboard } from "./dashboard.ts";
import { mintToken } from "./emulator.ts";
import { expect } from "./fixtures.ts";
import { test } from "./workshop.ts";

// Forms as the browser sends them: the pages' scripts have tests of their own.
test.use({ javaScriptEnabled: false });

/** Requests an hour without a purchase, and with one. */
const FREE = 2;
const PRO = 50;

interface Answer {
  status: number;
  policy: string;
}

async function call(edgeUrl: string, token: string): Promise<Answer> {
  const answer = await fetch(`${edgeUrl}/v1/models`, { headers: { authorization: `Bearer ${token}` } });
  await answer.text();
  return { status: answer.status, policy: answer.headers.get("ratelimit-policy") ?? "" };
}

/** As the developer's own server or dashboard of Stripe would. */
async function atStripe(path: string, form: Record<string, string>): Promise<Record<string, string>> {
  const answer = await fetch(`${stack().emulatorUrl}/stripe/v1/${path}`, {
    method: "POST",
    headers: { authorization: "Bearer sk_test_of_the_developer" },
    body: new URLSearchParams(form),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Record<string, string>;
}

async function newPrice(): Promise<string> {
  const price = { currency: "eur", unit_amount: "900", "recurring[interval]": "month", "product_data[name]": "Pro" };
  return (await atStripe("prices", price)).id;
}

async function createPlan(dashboard: Dashboard, appPath: string, name: string): Promise<string> {
  await dashboard.open(`${appPath}/plans`);
  await dashboard.page.getByLabel("Name", { exact: true }).fill(name);
  await dashboard.press("Create plan");
  await dashboard.arrivesAt(/\/plans\/[0-9a-f-]{36}$/);
  return new URL(dashboard.page.url()).pathname;
}

async function connectStripe(dashboard: Dashboard, appPath: string): Promise<void> {
  const { page } = dashboard;
  const { sellerKey, webhookSecret } = stack().canaries;
  await dashboard.open(`${appPath}/purchases/stripe`);
  const key = page.getByLabel(/key/i).first();
  await key.fill(`${sellerKey}_no_events`);
  await dashboard.press("Connect Stripe");
  await expect(page.getByText("the key may not read: Events")).toBeVisible();
  await page.getByLabel(/key/i).first().fill(sellerKey);
  await page.getByLabel(/secret/i).first().fill(webhookSecret);
  await dashboard.press("Connect Stripe");
  await dashboard.arrivesAt(/\/purchases$/);
}

/** Stripe sends its webhooks to the dashboard, each of them twice. */
async function sendWebhooks(appPath: string): Promise<void> {
  const { dashboardUrl, emulatorUrl, canaries } = stack();
  const url = `${dashboardUrl}/webhooks/stripe/${appPath.split("/").at(-1)}`;
  const habits = { stripe: [{ url, secrets: [canaries.webhookSecret] }], copies: 2 };
  const answer = await fetch(`${emulatorUrl}/_billing/webhooks`, { method: "PUT", body: JSON.stringify(habits) });
  expect(answer.status).toBe(204);
}

async function addRule(dashboard: Dashboard, appPath: string, price: string): Promise<void> {
  const { page } = dashboard;
  await dashboard.open(`${appPath}/plans/rule`);
  await page.getByRole("link", { name: /^Bought at Stripe/ }).click();
  await dashboard.arrivesAt(/kind=/);
  await page.getByLabel(/ or product$/).fill(price);
  await page.getByLabel("Is in the plan").selectOption("Pro");
  await dashboard.press("Add rule");
  await dashboard.arrivesAt(/\/plans$/);
}

/** On the seller's own pages. */
async function buy(page: Page, price: string, user: string): Promise<void> {
  await page.goto(`${stack().emulatorUrl}/stripe/buy/${price}?client_reference_id=${user}`);
  await page.getByLabel("E-mail").fill(`${user}@example.com`);
  await page.getByRole("button", { name: "Pay" }).click();
  await expect(page.getByRole("heading", { name: "Paid" })).toBeVisible();
}

async function cancel(page: Page, customer: string): Promise<void> {
  const portal = await atStripe("billing_portal/sessions", { customer, return_url: "https://app.example.com" });
  await page.goto(portal.url);
  await page.getByRole("button", { name: "Cancel now" }).click();
  await expect(page.getByText("No subscription.")).toBeVisible();
}

test("somebody pays, and the very next calls have the limit of the plan; cancels, and they have not", async ({ page, dashboard }) => {
  test.setTimeout(120_000);
  await dashboard.becomeMember(newAddress());
  const appPath = await dashboard.createApp("Shop");
  await dashboard.linkEmulator(appPath);
  const proxy = await dashboard.createProxy(appPath, { name: "Chat", provider: "OpenAI", baseUrl: `${stack().emulatorUrl}/openai` });
  await dashboard.limit(`${await dashboard.defaultPlan(appPath)}`, FREE);
  await dashboard.limit(await createPlan(dashboard, appPath, "Pro"), PRO);
  const price = await newPrice();
  await connectStripe(dashboard, appPath);
  await addRule(dashboard, appPath, price);
  await sendWebhooks(appPath);

  const [buyer, other] = [await mintToken("buyer"), await mintToken("other")];
  const policy = async (token: string): Promise<string> => (await call(proxy.edgeUrl, token)).policy;
  await expect.poll(() => policy(other), { message: "the default plan's limit is in force" }).toContain(`q=${FREE}`);
  await expect.poll(async () => (await call(proxy.edgeUrl, buyer)).status, { message: "what is free is used up" }).toBe(429);

  await buy(page, price, "buyer");
  await expect.poll(() => call(proxy.edgeUrl, buyer), { message: "the purchase counts", timeout: 10_000 }).toMatchObject({ status: 200 });
  expect(await policy(buyer)).toContain(`q=${PRO}`);

  await dashboard.open(`${appPath}/purchases`);
  const customer = await page.getByText(/^cus_\w+$/).first().innerText();
  await cancel(page, customer);
  await expect.poll(() => call(proxy.edgeUrl, buyer), { message: "what was used stays used", timeout: 10_000 }).toMatchObject({ status: 429 });
  expect(await policy(buyer)).toContain(`q=${FREE}`);
});

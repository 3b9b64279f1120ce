// A seller as a developer connects it, and its own pages as a buyer sees them.
import type { Page } from "@playwright/test";

import { stack } from "../stack/stack.ts";
import { newAddress, type Dashboard, type Proxy } from "./dashboard.ts";
import { mintToken } from "./emulator.ts";
import { expect } from "./fixtures.ts";

/** Requests an hour without a purchase, and with one. */
export const FREE = 2;
export const PRO = 50;

export type Seller = "Stripe" | "RevenueCat";

const PATHS: Record<Seller, string> = { Stripe: "stripe", RevenueCat: "revenue_cat" };

export interface Answer {
  status: number;
  policy: string;
}

export async function call(edgeUrl: string, token: string): Promise<Answer> {
  const answer = await fetch(`${edgeUrl}/v1/models`, { headers: { authorization: `Bearer ${token}` } });
  await answer.text();
  return { status: answer.status, policy: answer.headers.get("ratelimit-policy") ?? "" };
}

/** As somebody's own server or dashboard of Stripe would. */
export async function atStripe(path: string, form: Record<string, string>): Promise<Record<string, string>> {
  const answer = await fetch(`${stack().emulatorUrl}/stripe/v1/${path}`, {
    method: "POST",
    headers: { authorization: "Bearer sk_test_of_somebody" },
    body: new URLSearchParams(form),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Record<string, string>;
}

export async function newPrice(name = "Pro", cents = 900): Promise<string> {
  const price = { currency: "usd", unit_amount: String(cents), "recurring[interval]": "month", "product_data[name]": name };
  return (await atStripe("prices", price)).id;
}

/** Fills in the form and sends it, whatever becomes of it. */
export async function connect(
  dashboard: Dashboard,
  appPath: string,
  seller: Seller,
  { key, secret, mode = "test" }: { key: string; secret: string; mode?: "test" | "live" },
): Promise<void> {
  const { page } = dashboard;
  await dashboard.open(`${appPath}/purchases/${PATHS[seller]}`);
  await page.getByLabel("Mode").selectOption({ value: mode });
  await page.getByLabel(/key/i).first().fill(key);
  await page.getByLabel(/signing secret|Authorization header/i).first().fill(secret);
  await dashboard.press(`Connect ${seller}`);
}

export async function connectStripe(dashboard: Dashboard, appPath: string): Promise<void> {
  const { sellerKey, webhookSecret } = stack().canaries;
  await connect(dashboard, appPath, "Stripe", { key: sellerKey, secret: webhookSecret });
  await dashboard.arrivesAt(/\/purchases$/);
}

export async function createPlan(dashboard: Dashboard, appPath: string, name: string): Promise<string> {
  await dashboard.open(`${appPath}/plans`);
  await dashboard.page.getByLabel("Name", { exact: true }).fill(name);
  await dashboard.press("Create plan");
  await dashboard.arrivesAt(/\/plans\/[0-9a-f-]{36}$/);
  return new URL(dashboard.page.url()).pathname;
}

/** Whoever bought this is in that plan. */
export async function ruleFor(
  dashboard: Dashboard,
  appPath: string,
  { seller, name, plan }: { seller: Seller; name: string; plan: string },
): Promise<void> {
  const { page } = dashboard;
  await dashboard.open(`${appPath}/plans/rule`);
  await page.getByRole("link", { name: seller === "Stripe" ? /^Bought at Stripe/ : /^Bought in an app store/ }).click();
  await dashboard.arrivesAt(/kind=/);
  await page.getByLabel(/ or product$/).fill(name);
  await page.getByLabel("Is in the plan").selectOption(plan);
  await dashboard.press("Add rule");
  await dashboard.arrivesAt(/\/plans$/);
}

/** Where a seller sends its webhooks: each twice, and out of order. An address stays until it is taken away again. */
export async function sendWebhooks(receivers: Record<string, object[]>): Promise<void> {
  const habits = { ...receivers, copies: 2, shuffle: true };
  const answer = await fetch(`${stack().emulatorUrl}/_billing/webhooks`, { method: "PUT", body: JSON.stringify(habits) });
  expect(answer.status).toBe(204);
}

export function webhookAddress(appPath: string, seller: Seller): string {
  return `${stack().dashboardUrl}/webhooks/${PATHS[seller]}/${appPath.split("/").at(-1)}`;
}

/** A developer whose app has a free plan for everybody, a larger one for who buys, and a proxy. */
export async function openShop(dashboard: Dashboard): Promise<{ appPath: string; proxy: Proxy }> {
  await dashboard.becomeMember(newAddress());
  const appPath = await dashboard.createApp("Shop");
  await dashboard.linkEmulator(appPath);
  const proxy = await dashboard.createProxy(appPath, { name: "Chat", provider: "OpenAI", baseUrl: `${stack().emulatorUrl}/openai` });
  await dashboard.limit(await dashboard.defaultPlan(appPath), FREE);
  await dashboard.limit(await createPlan(dashboard, appPath, "Pro"), PRO);
  return { appPath, proxy };
}

/** The buyer's calls, from what is free to what was bought and back. */
export async function followsThePurchase(
  { edgeUrl }: Proxy,
  { buy, lose }: { buy: () => Promise<void>; lose: () => Promise<void> },
): Promise<void> {
  const [buyer, other] = [await mintToken("buyer"), await mintToken("other")];
  const policy = async (token: string): Promise<string> => (await call(edgeUrl, token)).policy;
  const answer = (): Promise<Answer> => call(edgeUrl, buyer);
  await expect.poll(() => policy(other), { message: "the default plan's limit is in force" }).toContain(`q=${FREE}`);
  await expect.poll(async () => (await answer()).status, { message: "what is free is used up" }).toBe(429);
  await buy();
  await expect.poll(answer, { message: "the purchase counts", timeout: 10_000 }).toMatchObject({ status: 200 });
  expect(await policy(buyer)).toContain(`q=${PRO}`);
  await lose();
  await expect.poll(answer, { message: "what was used stays used", timeout: 10_000 }).toMatchObject({ status: 429 });
  expect(await policy(buyer)).toContain(`q=${FREE}`);
}

/** On the pages of Stripe. */
export async function payByLink(page: Page, price: string, user: string): Promise<void> {
  await page.goto(`${stack().emulatorUrl}/stripe/buy/${price}?client_reference_id=${user}`);
  await page.getByLabel("E-mail").fill(`${user}@example.com`);
  await page.getByRole("button", { name: "Pay" }).click();
  await expect(page.getByRole("heading", { name: "Paid" })).toBeVisible();
}

export async function cancelInPortal(page: Page, customer: string): Promise<void> {
  const portal = await atStripe("billing_portal/sessions", { customer, return_url: "https://app.example.com" });
  await page.goto(portal.url);
  await page.getByRole("button", { name: "Cancel now" }).click();
  await expect(page.getByText("No subscription.")).toBeVisible();
}

/** What RevenueCat has of somebody from now on; it tells of it by webhook. */
export async function inTheAppStore(user: string, event: string, expires: Date): Promise<void> {
  const pro = { product_identifier: "pro_monthly", expires_date: expires.toISOString(), grace_period_expires_date: null };
  const subscriber = {
    entitlements: { pro },
    subscriptions: { pro_monthly: { expires_date: pro.expires_date, is_sandbox: false, store: "app_store" } },
  };
  const said = { subscriber, event: { type: event } };
  const answer = await fetch(`${stack().emulatorUrl}/_billing/subscribers/${user}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(said) });
  expect(answer.status).toBe(204);
}

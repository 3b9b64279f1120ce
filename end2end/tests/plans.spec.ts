// Plans as a developer makes them: who is in which and why, what each says and allows.
import type { Locator, Page } from "@playwright/test";

import { stack } from "../stack/stack.ts";
import type { Dashboard, Proxy } from "./dashboard.ts";
import { mintToken, mintWith } from "./emulator.ts";
import { expect } from "./fixtures.ts";
import { buys } from "./purchases.ts";
import { signedIn, test } from "./workshop.ts";

function row(page: Page, text: string | RegExp): Locator {
  return page.getByRole("listitem").filter({ hasText: text });
}

/** What stands in the list under this heading, from the top. */
async function listed(page: Page, heading: string): Promise<string[]> {
  const section = page.locator("section").filter({ has: page.getByRole("heading", { level: 2, name: heading, exact: true }) });
  const titles = await section.getByRole("heading", { level: 3 }).allInnerTexts();
  return titles.map((title) => title.replace(/\s*For everybody else$/, ""));
}

async function createPlan(dashboard: Dashboard, appPath: string, name: string): Promise<string> {
  await dashboard.open(`${appPath}/plans`);
  await dashboard.page.getByLabel("Name", { exact: true }).fill(name);
  await dashboard.press("Create plan");
  await dashboard.arrivesAt(/\/plans\/[0-9a-f-]{36}$/);
  return new URL(dashboard.page.url()).pathname;
}

interface Bought {
  kind: string;
  name: string;
  plan: string;
  grace?: string;
}

async function addPurchaseRule(dashboard: Dashboard, appPath: string, { kind, name, plan, grace = "" }: Bought): Promise<void> {
  const { page } = dashboard;
  await dashboard.open(`${appPath}/plans/rule`);
  await page.getByRole("link", { name: new RegExp(`^${kind}`) }).click();
  await dashboard.arrivesAt(/kind=/);
  await page.getByLabel(/ or product$/).fill(name);
  await page.getByLabel("Days of grace").fill(grace);
  await page.getByLabel("Is in the plan").selectOption(plan);
  await dashboard.press("Add rule");
  await dashboard.arrivesAt(/\/plans$/);
}

/** An app with the plans Pro and Team, and a rule for each. */
async function furnish(dashboard: Dashboard, name: string): Promise<string> {
  const appPath = await dashboard.createApp(`${name} ${Date.now()}`);
  await createPlan(dashboard, appPath, "Pro");
  await createPlan(dashboard, appPath, "Team");
  await addPurchaseRule(dashboard, appPath, { kind: "Bought at Stripe", name: "price_123", plan: "Pro", grace: "7" });
  await addPurchaseRule(dashboard, appPath, { kind: "Bought in an app store", name: "team", plan: "Team" });
  return appPath;
}

/** The page of somebody who has not called. */
async function openUser(dashboard: Dashboard, appPath: string, sub: string): Promise<void> {
  const { page } = dashboard;
  await dashboard.open(`${appPath}/users`);
  await page.getByLabel("A part of the user id").fill(sub);
  await dashboard.press("Search");
  await page.getByRole("link", { name: new RegExp(`^Open ${sub} of Emulator`) }).click();
  await dashboard.arrivesAt(/\/users\/user\?/);
  await expect(page.getByRole("heading", { level: 1, name: sub })).toBeVisible();
}

const panel = (page: Page): Locator => page.locator(".panel").filter({ has: page.locator(".plan-now") });

async function ordersPlansAndRules(dashboard: Dashboard): Promise<void> {
  const { page } = dashboard;
  const appPath = await furnish(dashboard, "Order");
  await expect(row(page, "Bought price_123 at Stripe, trials count, 7 days of grace")).toContainText("Pro");
  expect(await listed(page, "Who is in which plan")).toEqual(["Pro", "Team", "Default"]);
  await dashboard.press("Move rule 2 up");
  await expect.poll(() => listed(page, "Who is in which plan")).toEqual(["Team", "Pro", "Default"]);
  await expect(page.getByRole("button", { name: "Move rule 1 up" })).toHaveCount(0);
  await dashboard.press("Move Default down");
  await expect.poll(() => listed(page, "Plans")).toEqual(["Pro", "Default", "Team"]);

  await row(page, "price_123").getByRole("link", { name: "Change" }).click();
  await dashboard.arrivesAt(/number=2$/);
  await expect(page.getByLabel("Price or product")).toHaveValue("price_123");
  await page.getByLabel("A trial").selectOption("Does not count");
  await page.getByLabel("Days of grace").fill("1");
  await dashboard.press("Save rule");
  await dashboard.arrivesAt(/\/plans$/);
  await expect(row(page, "Bought price_123 at Stripe, trials don’t count, 1 day of grace")).toHaveCount(1);

  // A rule names it.
  await page.getByRole("link", { name: "Pro", exact: true }).click();
  await dashboard.arrivesAt(/\/plans\/[0-9a-f-]{36}$/);
  await page.getByText("Delete this plan").click();
  await dashboard.press("Delete for good");
  await expect(page.getByRole("alert").getByText(/Rule 2 puts users in this plan/)).toBeVisible();
  await dashboard.open(`${appPath}/plans`);
  const bought = row(page, "price_123");
  await bought.getByText("Remove", { exact: true }).click();
  await dashboard.press("Remove it", bought);
  await expect(bought).toHaveCount(0);
}

async function allowsLess(dashboard: Dashboard): Promise<void> {
  const { page } = dashboard;
  const appPath = await dashboard.createApp(`Less ${Date.now()}`);
  const emulator = `${stack().emulatorUrl}/openai`;
  await dashboard.createProxy(appPath, { name: "Chat", provider: "OpenAI", baseUrl: emulator });
  const planPath = await createPlan(dashboard, appPath, "Free");
  await dashboard.open(planPath);
  await expect(row(page, /Chat · OpenAI/)).toContainText("Every endpoint that the proxy allows");
  await page.getByRole("link", { name: "Change what Free allows at Chat" }).click();
  await dashboard.arrivesAt(/\/proxies\/[0-9a-f-]{36}$/);
  await page.getByLabel("Users of this plan may call").selectOption("Only the endpoints chosen here");
  await dashboard.press("Save");
  await expect(page.getByText("Choose an endpoint, or that nothing may be called.")).toBeVisible();
  await page.getByLabel("POST /v1/chat/completions", { exact: true }).check();
  await page.getByLabel("GET /v1/models", { exact: true }).check();
  await page.getByLabel("Allowed models").fill("fast = gpt-4o-mini");
  await dashboard.press("Save");
  await dashboard.complainsAt("Allowed models (optional)", /name the models themselves/);
  await expect(page.getByLabel("GET /v1/models", { exact: true })).toBeChecked();
  await page.getByLabel("Allowed models").fill("gpt-4o-mini");
  await page.getByLabel("Output tokens").fill("500");
  await dashboard.press("Save");
  await dashboard.arrivesAt(/\/plans\/[0-9a-f-]{36}$/);
  const chat = row(page, /Chat · OpenAI/).first();
  await expect(chat).toContainText("Only 2 endpoints");
  await expect(chat).toContainText("Models: gpt-4o-mini");
  await expect(chat).toContainText("At most 500 output tokens");

  await page.getByLabel("Message").fill("You have used your free messages.");
  await page.getByLabel("Upgrade link").fill("ftp://example.com");
  await dashboard.press("Save");
  await dashboard.complainsAt("Upgrade link (optional)", /begins with https:/);
  await expect(page.getByLabel("Message")).toHaveValue("You have used your free messages.");
  await page.getByLabel("Upgrade link").fill("https://example.com/upgrade");
  await dashboard.press("Save");
  await expect(page.getByLabel("Upgrade link")).not.toHaveAttribute("aria-invalid");
  await dashboard.open(`${appPath}/plans`);
  await expect(row(page, "Free")).toContainText("less at 1 proxy · a message · an upgrade link");
}

async function saysWhy(dashboard: Dashboard): Promise<void> {
  const { page } = dashboard;
  const appPath = await furnish(dashboard, "Why");
  await dashboard.linkEmulator(appPath);
  await openUser(dashboard, appPath, "ann");
  await expect(panel(page)).toContainText("It is the plan for everybody without another.");
  await expect(row(page, "Bought price_123")).toContainText("Nothing was bought.");
  await expect(page.getByText("Nothing bought", { exact: true })).toBeVisible();

  buys(appPath, "ann");
  await dashboard.open(new URL(page.url()).pathname + new URL(page.url()).search);
  await expect(panel(page)).toContainText("Rule 1 is the first that fits.");
  await expect(row(page, "1. Pro")).toContainText("Decides");
  await expect(row(page, "cus_ann")).toContainText("price_123");

  await page.getByLabel("Plan", { exact: true }).selectOption("Team");
  await page.getByLabel("Through").fill("2001-01-01");
  await dashboard.press("Set plan");
  await dashboard.complainsAt("Through (optional)", /is over/);
  await page.getByLabel("Through").fill("2099-12-31");
  await dashboard.press("Set plan");
  await expect(panel(page)).toContainText("You set it by hand, until Jan 1, 2100, 00:00 UTC.");
  await page.getByText("Take back", { exact: true }).click();
  await dashboard.press("Take it back");
  await expect(panel(page)).toContainText("Rule 1 is the first that fits.");
}

signedIn("plans and rules stand as they are put, and a plan that a rule names stays", async ({ dashboard, watch }) => {
  watch.expectRefusals(422);
  await ordersPlansAndRules(dashboard);
});

signedIn("a plan allows less of a proxy, and says where there is more", async ({ dashboard, watch }) => {
  watch.expectRefusals(422);
  await allowsLess(dashboard);
});

signedIn("the dashboard says why a user is in a plan, and sets another by hand", async ({ dashboard, watch }) => {
  watch.expectRefusals(422);
  await saysWhy(dashboard);
});

signedIn("a claim of the token decides only when there is a token", async ({ dashboard, page }) => {
  const appPath = await dashboard.createApp(`Claims ${Date.now()}`);
  await dashboard.linkEmulator(appPath);
  await dashboard.open(`${appPath}/plans/rule?kind=claim`);
  await page.getByLabel("Claim", { exact: true }).fill("app_metadata.tier");
  await page.getByLabel("Is", { exact: true }).fill("gold");
  await dashboard.press("Add rule");
  await dashboard.arrivesAt(/\/plans$/);
  await expect(row(page, "The token’s claim app_metadata.tier is gold")).toBeVisible();
  await openUser(dashboard, appPath, "bob");
  await expect(panel(page)).toContainText("Unless the token of a call says otherwise: rule 1.");
});

signedIn("a page of rules that was opened before another change does not undo it", async ({ dashboard, page, context, watch }) => {
  watch.expectRefusals(422);
  const appPath = await furnish(dashboard, "Two pages of rules");
  await dashboard.open(`${appPath}/plans`);
  const other = await context.newPage();
  await other.goto(`${appPath}/plans/rule?number=1`);
  await other.locator("html[data-alive]").waitFor({ state: "attached" });
  await other.getByLabel("Price or product").fill("price_new");
  await other.getByRole("button", { name: "Save rule" }).click();
  await expect(other).toHaveURL(/\/plans$/);
  await dashboard.press("Move rule 1 down");
  await expect(page.getByText(/was changed in the meantime/)).toBeVisible();
  await dashboard.open(`${appPath}/plans`);
  expect(await listed(page, "Who is in which plan")).toEqual(["Pro", "Team", "Default"]);
});

signedIn("the edge obeys: by a claim, by hand, and what a plan leaves of a proxy", async ({ dashboard, page }) => {
  const appPath = await dashboard.createApp(`Edge ${Date.now()}`);
  await dashboard.linkEmulator(appPath);
  const proxy = await dashboard.createProxy(appPath, { name: "Chat", provider: "OpenAI", baseUrl: `${stack().emulatorUrl}/openai` });
  const goldPath = await createPlan(dashboard, appPath, "Gold");
  await dashboard.open(goldPath + proxy.path);
  await page.getByLabel("Users of this plan may call").selectOption("Only the endpoints chosen here");
  await page.getByLabel("GET /v1/models", { exact: true }).check();
  await dashboard.press("Save");
  await dashboard.arrivesAt(/\/plans\/[0-9a-f-]{36}$/);
  await page.getByLabel("Upgrade link").fill("https://example.com/more");
  await dashboard.press("Save");
  await expect(page.getByRole("status").getByText("Saved.")).toBeVisible();
  await dashboard.open(`${appPath}/plans/rule?kind=claim`);
  await page.getByLabel("Claim", { exact: true }).fill("tier");
  await page.getByLabel("Is", { exact: true }).fill("gold");
  await dashboard.press("Add rule");
  await dashboard.arrivesAt(/\/plans$/);
  const ann = await mintToken("ann");
  const bob = await mintWith({ claims: { sub: "bob", tier: "gold" } });
  await expect.poll(() => planAtEdge(proxy, bob), { timeout: 15_000 }).toEqual({ name: "Gold", upgrade_url: "https://example.com/more" });
  expect(await planAtEdge(proxy, ann)).toEqual({ name: "Default", upgrade_url: null });
  expect([await chatAtEdge(proxy, ann), await chatAtEdge(proxy, bob)]).toEqual([200, 403]);

  await dashboard.open(await dashboard.userPage(appPath, "bob"));
  await page.getByLabel("Plan", { exact: true }).selectOption("Default");
  await dashboard.press("Set plan");
  await expect(panel(page)).toContainText("You set it by hand, until you take it back.");
  await expect.poll(() => chatAtEdge(proxy, bob), { timeout: 15_000 }).toBe(200);
  await expect(async () => {
    await page.reload();
    await expect(panel(page)).toContainText("was in the plan Default", { timeout: 500 });
  }).toPass({ timeout: 20_000 });
});

async function planAtEdge({ edgeUrl }: Proxy, token: string): Promise<object> {
  const answer = await fetch(`${edgeUrl}/_keyward/usage`, { headers: { authorization: `Bearer ${token}` } });
  const { name, upgrade_url } = ((await answer.json()) as { plan?: { name?: string; upgrade_url?: string } }).plan ?? {};
  return { name, upgrade_url };
}

async function chatAtEdge({ edgeUrl }: Proxy, token: string): Promise<number> {
  const answer = await fetch(`${edgeUrl}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Which herbs go with lamb?" }] }),
  });
  return answer.status;
}

test.describe("without JavaScript", () => {
  signedIn.use({ javaScriptEnabled: false });
  signedIn("plans and rules are made and ordered", async ({ dashboard }) => ordersPlansAndRules(dashboard));
  signedIn("a plan allows less of a proxy", async ({ dashboard }) => allowsLess(dashboard));
  signedIn("a plan is set by hand", async ({ dashboard }) => saysWhy(dashboard));
});

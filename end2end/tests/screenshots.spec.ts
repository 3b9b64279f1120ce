// `npm run screenshots`: every page at three widths, light and dark, into test-results/screenshots.
import { join } from "node:path";

import type { Page } from "@playwright/test";

import { RESULTS, stack } from "../stack/stack.ts";
import { MEMBER_PAGES, PUBLIC_PAGES } from "./pages.ts";
import { signedIn, test, type Workshop } from "./workshop.ts";
import type { Dashboard } from "./dashboard.ts";
import { mintToken } from "./emulator.ts";
import { expect, type Watch } from "./fixtures.ts";
import { buys, buysWithoutUser } from "./purchases.ts";

const WIDTHS = [1440, 768, 390];

/** Something done to a page that was loaded: a fold opened, a form sent. */
type Act = (page: Page) => Promise<unknown>;

async function take(dashboard: Dashboard, watch: Watch, name: string, path: string, act?: Act): Promise<void> {
  watch.expectRefusals(404, 422);
  for (const colorScheme of ["light", "dark"] as const) {
    await dashboard.page.emulateMedia({ colorScheme });
    for (const width of WIDTHS) {
      await dashboard.page.setViewportSize({ width, height: 900 });
      await dashboard.open(path);
      await act?.(dashboard.page);
      const file = `${name.replace(/[^a-z]+/gi, "-")}-${width}-${colorScheme}.png`;
      await dashboard.page.evaluate(() => scrollTo(0, 0));
      await dashboard.page.screenshot({ path: join(RESULTS, "screenshots", file), fullPage: true });
    }
  }
}

const openFolds: Act = (page) => page.locator("details").evaluateAll((folds) => folds.forEach((fold) => fold.setAttribute("open", "")));

for (const [name, path] of Object.entries(PUBLIC_PAGES)) {
  test(`screenshots of ${name}`, async ({ dashboard, watch }) => take(dashboard, watch, name, path));
}

test("screenshots of a form with errors", async ({ dashboard, watch }) =>
  take(dashboard, watch, "a form with errors", "/sign-up", async (page) => {
    await page.getByLabel("E-mail address").fill("ada@localhost");
    await page.getByLabel("Password").fill("short");
    await page.getByRole("button", { name: "Sign up" }).click();
    await page.locator("[aria-invalid=true]").waitFor();
  }));

// Before anything is in them.
const EMPTY: Record<string, (workshop: Workshop) => string> = {
  "an app's plans, empty": ({ appPath }) => `${appPath}/plans`,
  "an app's purchases, empty": ({ appPath }) => `${appPath}/purchases`,
  "an app's plan, empty": ({ planPath }) => planPath,
  "an app's user, empty": ({ userPath }) => userPath,
  "an app's users, nobody found": ({ appPath }) => `${appPath}/users?sub=nobody`,
  "an app's users, empty": ({ appPath }) => `${appPath}/users`,
  "an app's addresses, empty": ({ appPath }) => `${appPath}/addresses`,
  "an app's prices, empty": ({ appPath }) => `${appPath}/prices`,
  "an app's limits, empty": ({ appPath }) => `${appPath}/limits`,
  "a proxy's body rules, empty": ({ openai }) => `${openai.path}/bodies`,
  "App Check, empty": ({ appPath }) => `${appPath}/app-check`,
};
for (const [name, path] of Object.entries(EMPTY)) {
  signedIn(`screenshots of ${name}`, async ({ dashboard, watch, workshop }) => take(dashboard, watch, name, path(workshop)));
}

signedIn("a proxy that is called by several users", async ({ dashboard, workshop }) => {
  for (let n = 0; n < 12; n += 1) await callOnce(workshop, `user-${n % 5}`);
  await expect(async () => {
    await dashboard.open(`${workshop.openai.path}/usage`);
    await expect(dashboard.page.getByRole("row", { name: /user-4/ }).first()).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 20_000 });
});

signedIn("an app with a rule of each kind", async ({ dashboard, page, workshop }) => {
  const { appPath, openai } = workshop;
  await dashboard.limit(`${appPath}/limits`, 500);
  await dashboard.open(`${appPath}/addresses`);
  await page.getByLabel("Address or network").fill("2001:db8:85a3::8a2e:370:7334");
  await page.getByLabel("Note").fill("Scraper that came back after the last block");
  await dashboard.press("Add rule");
  await expect(page.getByRole("heading", { name: /2001:db8/ })).toBeVisible();
  await dashboard.open(`${appPath}/prices`);
  await page.getByLabel("Model", { exact: true }).fill("ft:gpt-4o-mini-2024-07-18:acme-corporation::9abcdefg");
  await page.getByLabel("A million input tokens").fill("0.30");
  await page.getByLabel("A million output tokens").fill("1.20");
  await dashboard.press("Add price");
  await expect(page.getByRole("heading", { name: /acme/ })).toBeVisible();
  await dashboard.open(`${openai.path}/bodies/rule`);
  await page.getByLabel("Allowed models").fill("gpt-4o-mini\ngpt-4o*\nfast = gpt-4o-mini");
  await page.getByLabel("Output tokens").fill("1000");
  await dashboard.press("Save rule");
  await dashboard.arrivesAt(/\/bodies$/);
  await dashboard.open(`${openai.path}/keys`);
  await page.getByLabel("API key", { exact: true }).fill(stack().canaries.providerKey);
  await page.getByLabel("Label (optional)", { exact: true }).fill("Second quota");
  await page.getByLabel("Your password").fill(stack().canaries.password);
  await dashboard.press("Add key");
  await expect(page.getByRole("heading", { name: /Second quota/ })).toBeVisible();
  await dashboard.open(`${appPath}/users`);
  await page.getByLabel("User id", { exact: true }).fill("auth0|5f7c8ec7c33c6c004bbafe82");
  await dashboard.press("Block");
  await expect(page.getByRole("heading", { name: /auth0/ })).toBeVisible();
});

/** Somebody else than the user of the other pictures. */
const byHand = (userPath: string): string => userPath.replace(/sub=.*$/, "sub=auth0%7C5f7c8ec7c33c6c004bbafe82");

signedIn("an app with plans and a rule of each kind", async ({ dashboard, page, workshop }) => {
  const { appPath, openai, userPath } = workshop;
  await dashboard.open(`${appPath}/plans`);
  await page.getByLabel("Name", { exact: true }).fill("Pro");
  await dashboard.press("Create plan");
  await dashboard.arrivesAt(/\/plans\/[0-9a-f-]{36}$/);
  await page.getByLabel("Message").fill("You have used your messages for today.");
  await page.getByLabel("Upgrade link").fill("https://example.com/upgrade?from=limits");
  await dashboard.press("Save");
  await expect(page.getByText("Saved.")).toBeVisible();
  await dashboard.open(new URL(page.url()).pathname + openai.path);
  await page.getByLabel("Users of this plan may call").selectOption("Only the endpoints chosen here");
  await page.getByLabel("POST /v1/chat/completions", { exact: true }).check();
  await page.getByLabel("Allowed models").fill("gpt-4o-mini\ngpt-4o");
  await page.getByLabel("Output tokens").fill("2000");
  await dashboard.press("Save");
  await dashboard.arrivesAt(/\/plans\/[0-9a-f-]{36}$/);
  const kinds: [string, Record<string, string>][] = [
    ["claim", { Claim: "app_metadata.subscription.tier", Is: "professional" }],
    ["stripe", { "Price or product": "price_123", "Days of grace (optional)": "7" }],
    ["revenue_cat", { "Entitlement or product": "com.example.recipechat.professional.yearly" }],
    ["anonymous", {}],
  ];
  for (const [kind, fields] of kinds) {
    await dashboard.open(`${appPath}/plans/rule?kind=${kind}`);
    for (const [label, text] of Object.entries(fields)) await page.getByLabel(label, { exact: true }).fill(text);
    await page.getByLabel("Is in the plan").selectOption(kind === "anonymous" ? "Default" : "Pro");
    await dashboard.press("Add rule");
    await dashboard.arrivesAt(/\/plans$/);
  }
  buys(appPath, "user-1");
  buysWithoutUser(appPath, "cus_QXg1x1qkM3w3nN");
  await dashboard.open(byHand(userPath));
  await page.getByLabel("Plan", { exact: true }).selectOption("Pro");
  await page.getByLabel("Through").fill("2099-12-31");
  await dashboard.press("Set plan");
  await expect(page.getByText(/You set it by hand/)).toBeVisible();
});

signedIn("screenshots of a user's plan set by hand", async ({ dashboard, watch, workshop }) =>
  take(dashboard, watch, "a user's plan set by hand", byHand(workshop.userPath)));

signedIn("screenshots of a plan's choice with an error", async ({ dashboard, watch, workshop }) =>
  take(dashboard, watch, "a plan's choice with an error", workshop.planPath + workshop.openai.path, async (page) => {
    await page.getByLabel("Users of this plan may call").selectOption("Only the endpoints chosen here");
    await page.getByRole("button", { name: "Save" }).click();
    await page.locator(".field-error").waitFor();
  }));

for (const [name, path] of Object.entries(MEMBER_PAGES)) {
  signedIn(`screenshots of ${name}`, async ({ dashboard, watch, workshop }) => take(dashboard, watch, name, path(workshop)));
}

for (const [name, path] of [["purchases of an app", ""], ["a connected seller", "/stripe"]]) {
  signedIn(`screenshots of ${name}, unfolded`, async ({ dashboard, watch, workshop }) =>
    take(dashboard, watch, `${name}, unfolded`, `${workshop.appPath}/purchases${path}`, openFolds));
}

const UNFOLDED = ["an app", "an app's limits", "an app's plans", "an app's plan", "an app's user", "an app's users", "a proxy's keys", "a proxy's settings"];
for (const name of UNFOLDED) {
  signedIn(`screenshots of ${name}, unfolded`, async ({ dashboard, watch, workshop }) =>
    take(dashboard, watch, `${name}, unfolded`, MEMBER_PAGES[name](workshop), openFolds));
}

signedIn("screenshots of a form with an error below", async ({ dashboard, watch, workshop }) =>
  take(dashboard, watch, "a limit with an error", `${workshop.appPath}/limits`, async (page) => {
    await page.getByLabel("At most").fill("many");
    await page.getByRole("button", { name: "Add limit" }).click();
    await page.locator("[aria-invalid=true]").waitFor();
  }));

signedIn("screenshots of a test request", async ({ dashboard, watch, workshop }) =>
  take(dashboard, watch, "a test request", workshop.openai.path, async (page) => {
    await page.getByRole("button", { name: "Send a test request" }).click();
    await page.locator(".answer").waitFor();
  }));

async function callOnce({ openai }: Workshop, sub: string): Promise<void> {
  await fetch(`${openai.edgeUrl}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${await mintToken(sub)}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Which herbs go with lamb?" }] }),
  });
}

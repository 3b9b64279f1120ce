// Where users buy, as a developer manages it. What is asked of a seller is tested elsewhere: here the database says what was read.
import type { Locator, Page } from "@playwright/test";

import type { Dashboard } from "./dashboard.ts";
import { expect } from "./fixtures.ts";
import { buys, buysWithoutUser } from "./purchases.ts";
import { signedIn, test } from "./workshop.ts";

function row(page: Page, text: string | RegExp): Locator {
  return page.getByRole("listitem").filter({ hasText: text });
}

async function showsWhatToDo(dashboard: Dashboard): Promise<void> {
  const { page } = dashboard;
  const appPath = await dashboard.createApp(`Shops ${Date.now()}`);
  await dashboard.open(`${appPath}/purchases`);
  await expect(page.getByRole("heading", { name: "Customers" })).toHaveCount(0);
  await page.getByRole("link", { name: "Connect RevenueCat" }).click();
  await dashboard.arrivesAt(/\/purchases\/revenue_cat$/);
  await expect(page.getByText(`/webhooks/revenue_cat/${appPath.split("/").at(-1)}`)).toBeVisible();
  await dashboard.open(`${appPath}/purchases/stripe`);
  await expect(page.getByText("customer.subscription.deleted", { exact: true })).toBeVisible();
  await page.getByLabel("Restricted key").fill("sk_nonsense");
  await page.getByLabel("Mode").selectOption({ value: "live" });
  await dashboard.press("Connect Stripe");
  await expect(page.getByLabel("Restricted key")).toHaveAttribute("aria-invalid", "true");
  await expect(page.getByLabel("Mode")).toHaveValue("live");
  expect(decodeURIComponent(page.url())).not.toContain("nonsense");
}

async function manages(dashboard: Dashboard): Promise<void> {
  const { page } = dashboard;
  const appPath = await dashboard.createApp(`Managed ${Date.now()}`);
  await dashboard.linkEmulator(appPath);
  buys(appPath, "ann");
  buysWithoutUser(appPath, "cus_nobody");
  await dashboard.open(`${appPath}/purchases`);
  await expect(row(page, "Stripe").first()).toContainText("Test mode");
  await expect(page.getByRole("listitem").filter({ hasText: "cus_" }).first()).toContainText("cus_nobody No user");

  const nobody = row(page, "cus_nobody");
  await nobody.getByText("Link a user", { exact: true }).click();
  await nobody.getByLabel("Id of the user").fill("bob");
  await dashboard.press("Link", nobody);
  await expect(nobody).toContainText("User bob · by hand");
  await page.getByLabel("Customer, user or e-mail address").fill("ANN@");
  await dashboard.press("Search");
  await expect(row(page, "cus_nobody")).toBeVisible();
  await expect(row(page, "cus_ann")).toHaveCount(0);
  await page.getByRole("link", { name: "bob", exact: true }).click();
  await dashboard.arrivesAt(/\/users\/user\?/);
  await expect(row(page, "cus_nobody")).toContainText("linked by hand");

  await dashboard.open(`${appPath}/purchases`);
  await page.getByRole("link", { name: "Manage Stripe" }).click();
  await dashboard.arrivesAt(/\/purchases\/stripe$/);
  await expect(page.getByText("Without a webhook secret no webhook is taken")).toBeVisible();
  for (const secret of ["whsec_first0123456789abcd", "whsec_second0123456789wxyz"]) {
    await page.getByText("Add a secret", { exact: true }).click();
    await page.getByLabel("Signing secret").fill(secret);
    await dashboard.press("Add it");
    await expect(page.getByRole("heading", { name: `Webhook secret …${secret.slice(-4)}` })).toBeVisible();
    await dashboard.open(`${appPath}/purchases/stripe`);
  }
  const first = row(page, "Webhook secret …abcd");
  await first.getByText("Remove", { exact: true }).click();
  await dashboard.press("Remove it", first);
  await expect(first).toHaveCount(0);
  const last = row(page, "Webhook secret …wxyz");
  await last.getByText("Remove", { exact: true }).click();
  await dashboard.press("Remove it", last);
  await expect(page.getByText("Without a secret no webhook is taken; add the new one first.")).toBeVisible();

  await page.getByText("Disconnect this seller").click();
  await dashboard.press("Disconnect it");
  await expect(page.getByRole("heading", { level: 1, name: "Connect Stripe" })).toBeVisible();
}

signedIn("what to do at a seller is said, and a key that is none is refused", async ({ dashboard, watch }) => {
  watch.expectRefusals(422);
  await showsWhatToDo(dashboard);
});

signedIn("customers are linked by hand, secrets change over, and a seller is disconnected", async ({ dashboard, watch }) => {
  watch.expectRefusals(422);
  await manages(dashboard);
});

signedIn("customers without a user are matched by e-mail only when that was chosen", async ({ dashboard, page }) => {
  const appPath = await dashboard.createApp(`E-mail ${Date.now()}`);
  await dashboard.linkEmulator(appPath);
  buys(appPath, "ann");
  await dashboard.open(`${appPath}/purchases`);
  const choice = page.getByLabel("Purchases whose records name no user");
  await expect(choice).toHaveValue("off");
  await choice.selectOption({ value: "on" });
  await dashboard.press("Save");
  await expect(page.getByRole("status").getByText("Saved.")).toBeVisible();
  await dashboard.open(`${appPath}/purchases`);
  await expect(choice).toHaveValue("on");
});

test.describe("without JavaScript", () => {
  signedIn.use({ javaScriptEnabled: false });
  signedIn("what to do at a seller is said", async ({ dashboard }) => showsWhatToDo(dashboard));
  signedIn("a connected seller is managed", async ({ dashboard }) => manages(dashboard));
});

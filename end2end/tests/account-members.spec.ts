// Several people in one account: invited by mail, with roles, removed; and members of several accounts.
import type { Browser, Locator } from "@playwright/test";

import { stack } from "../stack/stack.ts";
import { newAddress, visitor, Dashboard } from "./dashboard.ts";
import { Watch, expect } from "./fixtures.ts";
import { test } from "./workshop.ts";

const SUBJECT = "You are invited to an account";

/** The entry of a list that is about this address. */
function entry(dashboard: Dashboard, address: string): Locator {
  return dashboard.page.getByRole("listitem").filter({ hasText: address });
}

async function invite(dashboard: Dashboard, address: string, role: string): Promise<void> {
  await dashboard.open("/account/members");
  await dashboard.page.getByLabel("E-mail address").fill(address);
  await dashboard.page.getByLabel("Role").selectOption(role);
  await dashboard.press("Send invitation");
  await expect(entry(dashboard, address)).toContainText(`${role}, its link works until`);
}

/** A second browser, with scripts or without. */
async function another(browser: Browser, title: string, javaScriptEnabled: boolean): Promise<Dashboard & { watch: Watch; close(): Promise<void> }> {
  const context = await browser.newContext({ ...visitor(), javaScriptEnabled });
  const watch = new Watch(context, `${title} guest`, javaScriptEnabled);
  const close = async (): Promise<void> => {
    await watch.finish(context.pages());
    await context.close();
  };
  return Object.assign(new Dashboard(await context.newPage(), javaScriptEnabled), { watch, close });
}

async function nameAccount(dashboard: Dashboard, name: string): Promise<void> {
  await dashboard.open("/account");
  await dashboard.page.getByLabel("Name", { exact: true }).fill(name);
  await dashboard.press("Save name");
  await dashboard.open("/account/members");
  await expect(dashboard.page.getByText(`Who works in ${name}`)).toBeVisible();
}

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? "with JavaScript" : "without JavaScript", () => {
    test.use({ javaScriptEnabled });

    test("somebody new is invited as a viewer, chooses a password, sees and can't change, and is removed", async ({ browser, dashboard }, testInfo) => {
      const elsewhere = await another(browser, testInfo.titlePath.join(" "), javaScriptEnabled);
      await dashboard.becomeMember(newAddress());
      await nameAccount(dashboard, "Recipes Ltd");
      const appPath = await dashboard.createApp("Recipe chat");
      const guest = newAddress();
      await invite(dashboard, guest, "Viewer");

      await elsewhere.followMail(guest, SUBJECT);
      await expect(elsewhere.page.getByRole("heading", { level: 1, name: "Join Recipes Ltd" })).toBeVisible();
      await elsewhere.page.getByLabel("Choose a password").fill(stack().canaries.password);
      await elsewhere.press("Join the account");
      await elsewhere.arrivesAt(/\/apps$/);
      await elsewhere.page.getByRole("link", { name: "Recipe chat" }).click();
      await elsewhere.arrivesAt(/\/apps\/[0-9a-f-]{36}$/);
      elsewhere.watch.expectRefusals(403);
      await elsewhere.page.getByLabel("Name", { exact: true }).fill("Mine now");
      await elsewhere.press("Rename");
      await expect(elsewhere.page.getByText("Your role does not allow this.")).toBeVisible();

      await dashboard.open("/account/members");
      await expect(entry(dashboard, guest)).toContainText("Viewer, since");
      await entry(dashboard, guest).getByText("Change role").click();
      await dashboard.press("Make admin", entry(dashboard, guest));
      await expect(entry(dashboard, guest)).toContainText("Admin, since");
      await elsewhere.open(appPath);
      await elsewhere.page.getByLabel("Name", { exact: true }).fill("Recipe talk");
      await elsewhere.press("Rename");
      await expect(elsewhere.page.getByRole("heading", { level: 1, name: "Recipe talk" })).toBeVisible();

      await entry(dashboard, guest).getByText("Remove", { exact: true }).click();
      await dashboard.press("Remove from the account", entry(dashboard, guest));
      await expect(entry(dashboard, guest)).toHaveCount(0);
      // The page that is still open.
      await elsewhere.press("Rename");
      await expect(elsewhere.page.getByText("You don’t belong to this account any more.").first()).toBeVisible();
      await elsewhere.page.goto(appPath);
      await expect(elsewhere.page.getByRole("heading", { name: "Not your account any more" })).toBeVisible();
      await elsewhere.page.getByRole("link", { name: "Choose an account" }).click();
      await elsewhere.arrivesAt(/\/accounts$/);
      await elsewhere.press("Open an account");
      await elsewhere.arrivesAt(/\/apps$/);
      await expect(elsewhere.page.getByText("No apps yet")).toBeVisible();
      await elsewhere.close();
    });

    test("a member with an account of their own accepts, and switches between the two", async ({ browser, dashboard }, testInfo) => {
      await dashboard.becomeMember(newAddress());
      await nameAccount(dashboard, "Recipes Ltd");
      await dashboard.createApp("Recipe chat");
      const guest = await another(browser, testInfo.titlePath.join(" "), javaScriptEnabled);
      const address = newAddress();
      await guest.becomeMember(address);
      await nameAccount(guest, "Own things");
      await guest.createApp("My own");
      await guest.signOut();
      await invite(dashboard, address, "Admin");

      await guest.followMail(address, SUBJECT);
      await guest.page.getByRole("link", { name: "Sign in to accept" }).click();
      await guest.ready();
      await guest.page.getByLabel("E-mail address").fill(address);
      await guest.page.getByLabel("Password").fill(stack().canaries.password);
      await guest.press("Sign in");
      await guest.arrivesAt(/\/invitation\?token=/);
      await guest.press("Join the account");
      await guest.arrivesAt(/\/apps$/);
      await expect(guest.page.getByRole("link", { name: "Recipe chat" })).toBeVisible();

      const switcher = guest.page.locator("details.switcher");
      await expect(switcher.locator("summary")).toContainText("Recipes Ltd");
      await switcher.locator("summary").click();
      await switcher.getByRole("button", { name: "Own things" }).click();
      await guest.arrivesAt(/\/apps$/);
      await expect(guest.page.getByRole("link", { name: "My own" })).toBeVisible();
      await expect(guest.page.getByRole("link", { name: "Recipe chat" })).toHaveCount(0);
      await expect(switcher.locator("summary")).toContainText("Own things");
      await guest.close();
    });
  });
}

test("an invitation is for its address alone, and is withdrawn", async ({ dashboard, elsewhere }) => {
  await dashboard.becomeMember(newAddress());
  const [invited, other] = [newAddress(), newAddress()];
  await invite(dashboard, invited, "Viewer");
  await elsewhere.becomeMember(other);
  await elsewhere.followMail(invited, SUBJECT);
  await expect(elsewhere.page.getByText(`You are signed in as ${other}, and the invitation is for ${invited}.`)).toBeVisible();
  await expect(elsewhere.page.getByRole("button", { name: "Join the account" })).toHaveCount(0);
  const link = elsewhere.page.url();

  await dashboard.open("/account/members");
  await entry(dashboard, invited).getByText("Withdraw", { exact: true }).click();
  await dashboard.press("Withdraw it", entry(dashboard, invited));
  await expect(entry(dashboard, invited)).toHaveCount(0);
  await elsewhere.page.goto(link);
  await expect(elsewhere.page.getByRole("heading", { name: "This invitation is over" })).toBeVisible();
});

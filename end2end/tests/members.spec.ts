// Coming and going of members, what ends their sessions, and the wall between their accounts.
import { stack } from "../stack/stack.ts";
import { newAddress } from "./dashboard.ts";
import { mintToken, mintWith } from "./emulator.ts";
import { expect } from "./fixtures.ts";
import { test } from "./workshop.ts";

test("a member signs out, forgets the password, and comes back with a new one", async ({ page, dashboard }) => {
  const address = newAddress();
  const { newPassword } = stack().canaries;
  await dashboard.becomeMember(address);
  await dashboard.signOut();
  await page.goto("/apps");
  await expect(page).toHaveURL(/\/sign-in/);

  await dashboard.open("/forgot-password");
  await page.getByLabel("E-mail address").fill(address);
  await dashboard.press("Send the link");
  await dashboard.arrivesAt(/\/check-your-mail$/);
  await dashboard.followMail(address, "Set a new password");
  await page.getByLabel("New password").fill(newPassword);
  await dashboard.press("Change my password");
  await dashboard.arrivesAt(/\/sign-in\?reset=done/);
  await expect(page.getByText("Your password is changed.")).toBeVisible();
  await dashboard.signIn(address, newPassword);
});

test("changing the password ends every other session", async ({ page, dashboard, elsewhere }) => {
  const address = newAddress();
  await dashboard.becomeMember(address);
  await elsewhere.signIn(address);

  await dashboard.open("/account");
  await expect(page.getByRole("button", { name: "End session" })).toHaveCount(1);
  await page.getByLabel("Current password").fill(stack().canaries.password);
  await page.getByLabel("New password").fill(stack().canaries.newPassword);
  await dashboard.press("Change password");
  await expect(page.getByText("every other session has ended")).toBeVisible();
  await expect(page.getByRole("button", { name: "End session" })).toHaveCount(0);

  await elsewhere.page.goto("/apps");
  await expect(elsewhere.page).toHaveURL(/\/sign-in/);
});

test("a session is ended from another browser", async ({ page, dashboard, elsewhere }) => {
  const address = newAddress();
  await dashboard.becomeMember(address);
  await elsewhere.signIn(address);

  await dashboard.open("/account");
  await dashboard.press("End session");
  await expect(page.getByRole("button", { name: "End session" })).toHaveCount(0);
  await elsewhere.page.goto("/apps");
  await expect(elsewhere.page).toHaveURL(/\/sign-in/);
});

test("a proxy that is switched off refuses, and serves again when it is on", async ({ page, dashboard }) => {
  await dashboard.becomeMember(newAddress());
  const appPath = await dashboard.createApp("Switched");
  await dashboard.linkEmulator(appPath);
  const proxy = await dashboard.createProxy(appPath, {
    name: "Chat",
    provider: "OpenAI",
    baseUrl: `${stack().emulatorUrl}/openai`,
  });
  const token = await mintToken("switcher");
  const status = async (): Promise<number> =>
    (await fetch(`${proxy.edgeUrl}/v1/models`, { headers: { authorization: `Bearer ${token}` } })).status;
  await expect.poll(status).toBe(200);
  await dashboard.press("Turn off");
  await expect(page.getByRole("button", { name: "Turn on" })).toBeVisible();
  await expect.poll(status).toBeGreaterThanOrEqual(400);
  await dashboard.press("Turn on");
  await expect(page.getByRole("button", { name: "Turn off" })).toBeVisible();
  await expect.poll(status).toBe(200);
});

test("anonymous users are refused until the identity provider's link allows them", async ({ page, dashboard }) => {
  await dashboard.becomeMember(newAddress());
  const appPath = await dashboard.createApp("Open house");
  await dashboard.linkEmulator(appPath);
  const { edgeUrl } = await dashboard.createProxy(appPath, {
    name: "Chat",
    provider: "OpenAI",
    baseUrl: `${stack().emulatorUrl}/openai`,
  });
  const token = await mintWith({ sub: "nobody-yet", claims: { is_anonymous: true } });
  const status = async (): Promise<number> =>
    (await fetch(`${edgeUrl}/v1/models`, { headers: { authorization: `Bearer ${token}` } })).status;
  await expect.poll(status).toBe(403);
  await dashboard.open(appPath);
  await expect(page.getByText("Anonymous users: refused")).toBeVisible();
  await dashboard.setAnonymousUsers("Treat them as others");
  await expect(page.getByText("Anonymous users: allowed")).toBeVisible();
  await expect.poll(status).toBe(200);
  await dashboard.setAnonymousUsers("Refuse them");
  await expect(page.getByText("Anonymous users: refused")).toBeVisible();
  await expect.poll(status).toBe(403);
});

test("what belongs to another account is not found", async ({ page, dashboard, elsewhere }) => {
  await dashboard.becomeMember(newAddress());
  const appPath = await dashboard.createApp("Private");
  const { path } = await dashboard.createProxy(appPath, {
    name: "Chat",
    provider: "OpenAI",
    baseUrl: `${stack().emulatorUrl}/openai`,
  });

  await elsewhere.becomeMember(newAddress());
  elsewhere.watch.expectRefusals(404);
  for (const foreign of [appPath, `${appPath}/issuers/new`, `${appPath}/proxies/new`, path, `${path}/settings`, `${path}/usage`]) {
    const answer = await elsewhere.page.goto(foreign);
    expect(answer?.status(), foreign).toBe(404);
    await expect(elsewhere.page.getByRole("heading", { name: "Page not found" })).toBeVisible();
  }
});

// The same forms in a browser that runs no scripts.
import { stack } from "../stack/stack.ts";
import { newAddress } from "./dashboard.ts";
import { mintToken } from "./emulator.ts";
import { expect } from "./fixtures.ts";
import { test } from "./workshop.ts";

test.use({ javaScriptEnabled: false });

test("without JavaScript: from sign-up to a call that shows in the usage", async ({ page, dashboard }) => {
  const address = newAddress();
  await dashboard.becomeMember(address);
  const appPath = await dashboard.createApp("Plain");
  await dashboard.linkEmulator(appPath);
  const proxy = await dashboard.createProxy(appPath, {
    name: "Plain chat",
    provider: "OpenAI",
    baseUrl: `${stack().emulatorUrl}/openai`,
  });

  await test.step("send a test request", async () => {
    await expect(async () => {
      await dashboard.press("Send a test request");
      await expect(page.getByText("Status 200")).toBeVisible({ timeout: 3_000 });
    }).toPass({ timeout: 20_000 });
  });
  await test.step("read the snippets of each language", async () => {
    for (const language of await page.getByRole("group", { name: "Language" }).getByRole("radio").all()) {
      await language.check();
      const title = await language.getAttribute("aria-label");
      await expect(page.getByRole("region", { name: `${title} code` })).toContainText(new URL(proxy.edgeUrl).pathname);
    }
  });
  await test.step("check a token", async () => {
    await dashboard.open(appPath);
    const token = await mintToken("reader");
    await page.getByLabel("Token (JWT)").fill(token);
    await dashboard.press("Check the token");
    await expect(page.getByText("This token would be let through.")).toBeVisible();
    expect(page.url()).not.toContain(token.slice(0, 20));
    await page.reload();
    await expect(page.getByText("This token would be let through.")).toBeHidden();
  });
  await test.step("allow anonymous users, and refuse them again", async () => {
    await dashboard.setAnonymousUsers("Treat them as others");
    await dashboard.setAnonymousUsers("Refuse them");
    await expect(page.getByText("Anonymous users: refused")).toBeVisible();
  });
  await test.step("change the settings", async () => {
    await dashboard.limit(`${proxy.path}/limits`, 50);
    await page.getByText("Remove", { exact: true }).last().click();
    await dashboard.press("Remove it", page.getByRole("listitem").filter({ hasText: "50 requests an hour" }));
    await expect(page.getByRole("heading", { name: "50 requests an hour" })).toBeHidden();
    await dashboard.open(`${proxy.path}/settings`);
    await dashboard.press("Save settings");
    await expect(page.getByText("Saved.")).toBeVisible();
  });
  await test.step("turn the proxy off and on", async () => {
    await dashboard.open(proxy.path);
    await dashboard.press("Turn off");
    await dashboard.press("Turn on");
    await expect(page.getByRole("button", { name: "Turn off" })).toBeVisible();
  });
  await test.step("see the usage", async () => {
    const answered = await fetch(`${proxy.edgeUrl}/v1/models`, {
      headers: { authorization: `Bearer ${await mintToken("reader")}` },
    });
    expect(answered.status).toBe(200);
    await expect(async () => {
      await dashboard.open(`${proxy.path}/usage`);
      await expect(page.getByRole("row", { name: /reader/ }).first()).toBeVisible({ timeout: 500 });
    }).toPass({ timeout: 20_000 });
    await expect(page.getByRole("img", { name: /^Requests: / })).toBeVisible();
  });
  await test.step("rename and delete the app", async () => {
    await dashboard.open(appPath);
    await page.getByLabel("Name", { exact: true }).fill("Plain and simple");
    await dashboard.press("Rename");
    await expect(page.getByRole("heading", { level: 1, name: "Plain and simple" })).toBeVisible();
    await page.getByText("Delete this app").click();
    await dashboard.press("Delete for good");
    await dashboard.arrivesAt(/\/apps$/);
    await expect(page.getByText("No apps yet")).toBeVisible();
  });
});

test("without JavaScript: a forgotten password, a new one, and a changed one", async ({ page, dashboard }) => {
  const address = newAddress();
  const { password, newPassword } = stack().canaries;
  await dashboard.becomeMember(address);
  await dashboard.signOut();
  await dashboard.open("/forgot-password");
  await page.getByLabel("E-mail address").fill(address);
  await dashboard.press("Send the link");
  await dashboard.followMail(address, "Set a new password");
  await page.getByLabel("New password").fill(newPassword);
  await dashboard.press("Change my password");
  await dashboard.arrivesAt(/\/sign-in/);
  await dashboard.signIn(address, newPassword);

  await dashboard.open("/account");
  await page.getByLabel("Current password").fill(newPassword);
  await page.getByLabel("New password").fill(password);
  await dashboard.press("Change password");
  await expect(page.getByText("Your password is changed")).toBeVisible();
  await page.getByLabel("Name", { exact: true }).fill("Ada's apps");
  await dashboard.press("Save name");
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("Ada's apps");
});

test("without JavaScript: an error stands next to its field, and no secret is in the address", async ({ page, dashboard }) => {
  await dashboard.open("/sign-up");
  await page.getByLabel("E-mail address").fill("ada@localhost");
  await page.getByLabel("Password").fill(stack().canaries.password);
  await dashboard.press("Sign up");
  await dashboard.complainsAt("E-mail address", /does not look like an e-mail address/);
  expect(decodeURIComponent(page.url())).not.toContain(stack().canaries.password);
  await expect(page.getByLabel("Password")).toHaveValue("");

  await dashboard.becomeMember(newAddress());
  const appPath = await dashboard.createApp("Plain errors");
  await dashboard.open(`${appPath}/proxies/new?provider=custom`);
  await page.getByLabel("Name", { exact: true }).fill("Weather");
  await page.getByLabel("Base URL").fill("ftp://api.example.com");
  await page.getByLabel("API key").fill(stack().canaries.providerKey);
  await dashboard.press("Add proxy");
  await dashboard.complainsAt("Base URL", /must begin with https:/);
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("Weather");
  await expect(page.getByLabel("Base URL")).toHaveValue("ftp://api.example.com");
  await expect(page.getByLabel("API key")).toHaveValue("");
  expect(decodeURIComponent(page.url())).not.toContain(stack().canaries.providerKey);

  await dashboard.open(`${appPath}/limits`);
  await page.getByLabel("What", { exact: true }).selectOption("US dollars");
  await page.getByLabel("In", { exact: true }).selectOption("a day");
  await page.getByLabel("At most").fill("plenty");
  await dashboard.press("Add limit");
  await expect(page.getByLabel("At most")).toHaveAttribute("aria-invalid", "true");
  await expect(page.getByLabel("At most")).toHaveValue("plenty");
  await expect(page.getByLabel("What", { exact: true })).toHaveValue("cost_micro_usd");
  await expect(page.getByLabel("In", { exact: true })).toHaveValue("day");
});

test("without JavaScript: the theme is chosen and kept", async ({ page, dashboard }) => {
  await dashboard.open("/");
  await dashboard.press("Switch to dark");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await dashboard.open("/sign-in");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await dashboard.press("Switch to light");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "light");
});

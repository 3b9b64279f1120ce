// From a seller's connection to a call under the plan that was bought, and back: the real dashboard, edge, and sellers' pages.
import { stack } from "../stack/stack.ts";
import { expect } from "./fixtures.ts";
import {
  cancelInPortal,
  connect,
  connectStripe,
  followsThePurchase,
  inTheAppStore,
  newPrice,
  openShop,
  payByLink,
  ruleFor,
  sendWebhooks,
  webhookAddress,
} from "./shop.ts";
import { test } from "./workshop.ts";

// Forms as the browser sends them: the pages' scripts have tests of their own.
test.use({ javaScriptEnabled: false });
test.setTimeout(120_000);

test.afterEach(async () => sendWebhooks({}));

test("somebody pays at Stripe, and the very next calls have the limit of the plan; cancels, and they have not", async ({ page, dashboard }) => {
  const { appPath, proxy } = await openShop(dashboard);
  const price = await newPrice();
  await connectStripe(dashboard, appPath);
  await ruleFor(dashboard, appPath, { seller: "Stripe", name: price, plan: "Pro" });
  await sendWebhooks({ stripe: [{ url: webhookAddress(appPath, "Stripe"), secrets: [stack().canaries.webhookSecret] }] });
  await followsThePurchase(proxy, {
    buy: () => payByLink(page, price, "buyer"),
    lose: async () => {
      await dashboard.open(`${appPath}/purchases`);
      const customer = await page.getByText(/^cus_\w+$/).first().innerText();
      await cancelInPortal(page, customer);
    },
  });
});

test("somebody buys in an app store, and the very next calls have the limit of the plan; it expires, and they have not", async ({ page, dashboard }) => {
  const { appPath, proxy } = await openShop(dashboard);
  const { appStoreKey, webhookSecret } = stack().canaries;
  await connect(dashboard, appPath, "RevenueCat", { key: appStoreKey, secret: webhookSecret, mode: "live" });
  await dashboard.arrivesAt(/\/purchases$/);
  await ruleFor(dashboard, appPath, { seller: "RevenueCat", name: "pro", plan: "Pro" });
  await sendWebhooks({ revenue_cat: [{ url: webhookAddress(appPath, "RevenueCat"), authorization: webhookSecret }] });
  const day = 86_400_000;
  await followsThePurchase(proxy, {
    buy: () => inTheAppStore("buyer", "INITIAL_PURCHASE", new Date(Date.now() + 30 * day)),
    lose: () => inTheAppStore("buyer", "EXPIRATION", new Date(Date.now() - day)),
  });
  await dashboard.open(`${appPath}/purchases`);
  await expect(page.getByRole("listitem").filter({ hasText: "buyer" }).first()).toContainText("RevenueCat");
});

// A key or a secret that can't be used: the form says what is wrong with it and what to do, and nothing is kept.
import { query } from "../stack/database.ts";
import { stack } from "../stack/stack.ts";
import { expect } from "./fixtures.ts";
import { connect, connectStripe, newPrice, ruleFor } from "./shop.ts";
import { signedIn, test } from "./workshop.ts";

type Case = [what: string, typed: { key?: string; secret?: string; mode?: "test" | "live" }, reason: RegExp];

const STRIPE: Case[] = [
  ["nonsense", { key: "nonsense" }, /it begins with rk_ or sk_/],
  ["a public key", { key: "pk_test_51Habcdefgh" }, /meant to be public/],
  ["a webhook's secret", { key: "whsec_51Habcdefgh" }, /goes into the field of the secret/],
  ["a live key in test mode", { key: "rk_live_51Habcdefgh" }, /a live mode key, but test mode is connected/],
  ["a test key in live mode", { key: "rk_test_51Habcdefgh", mode: "live" }, /a test mode key, but live mode is connected/],
  ["a key without permissions", { key: "rk_test_51Habcdefgh_no_prices_no_invoices" }, /may not read: Invoices, Prices; give it these/],
  ["a revoked key", { key: "rk_test_51Habcdefgh_revoked" }, /it was revoked.*make a new one there/],
  ["a secret that is none", { key: "rk_test_51Habcdefgh", secret: "sk_test_no_secret_at_all" }, /it begins with whsec_/],
];
const REVENUE_CAT: Case[] = [
  ["nonsense", { key: "nonsense" }, /it begins with sk_/],
  ["an App Store key", { key: "appl_abcdefghijkl" }, /meant to be public/],
  ["a Play Store key", { key: "goog_abcdefghijkl" }, /meant to be public/],
  ["a key of Stripe", { key: "sk_test_abcdefghijkl" }, /a key of Stripe; nothing was sent/],
  ["a key of version 2", { key: "sk_abcdefghijkl_v2" }, /for version 2 of their API; make a secret key for version 1/],
  ["a short secret", { key: "sk_abcdefghijkl", secret: "short" }, /16 to 255 letters/],
];

/** Rows of anything that a connection leaves. */
function kept(appPath: string): string[] {
  const app = appPath.split("/").at(-1);
  const tables = ["purchase_sources", "webhook_secrets", "purchasers"];
  return query(stack().databaseUrl, tables.map((table) => `SELECT '${table}' FROM ${table} WHERE app_id = '${app}'`).join(" UNION ALL "));
}

for (const [seller, cases] of [["Stripe", STRIPE], ["RevenueCat", REVENUE_CAT]] as const) {
  signedIn(`what is wrong with a key for ${seller} is said at its field, and nothing is kept`, async ({ dashboard, watch }) => {
    watch.expectRefusals(422);
    const appPath = await dashboard.createApp(`Bad keys ${seller} ${Date.now()}`);
    for (const [what, { key = "", secret = "", mode = "test" }, reason] of cases) {
      await test.step(what, async () => {
        await connect(dashboard, appPath, seller, { key, secret, mode });
        const field = dashboard.page.getByLabel(secret ? /signing secret|Authorization header/i : /key/i).first();
        await expect(field).toHaveAttribute("aria-invalid", "true");
        await expect(field).toHaveAccessibleDescription(reason);
        await expect(field, "a secret is never shown again").toHaveValue(secret || key);
        expect(decodeURIComponent(dashboard.page.url())).not.toContain(secret || key);
      });
    }
    expect(kept(appPath)).toEqual([]);
  });
}

signedIn("a rule for a price that Stripe does not know is saved, and the page says why nobody fits it", async ({ dashboard, page }) => {
  const appPath = await dashboard.createApp(`Bad rules ${Date.now()}`);
  await connectStripe(dashboard, appPath);
  await ruleFor(dashboard, appPath, { seller: "Stripe", name: "price_gone", plan: "Default" });
  await expect(page.getByText(/Stripe knows no price, product or lookup key price_gone in test mode/)).toBeVisible();
  await expect(page.getByText("bought price_gone at Stripe")).toBeVisible();
  await ruleFor(dashboard, appPath, { seller: "Stripe", name: await newPrice(), plan: "Default" });
  await expect(page.getByText(/Stripe knows no price/)).toHaveCount(0);
});

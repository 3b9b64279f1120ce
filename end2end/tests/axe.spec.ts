// Every page, light and dark, without a violation that axe can find.
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "@playwright/test";

import { expect, type Watch } from "./fixtures.ts";
import { MEMBER_PAGES, PUBLIC_PAGES } from "./pages.ts";
import { signedIn, test } from "./workshop.ts";

async function hasNoViolation(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const found = violations.map(({ id, help, nodes }) => `${id}: ${help}\n${nodes.map((node) => `  ${node.html}\n  ${node.failureSummary}`).join("\n")}`);
  expect(found).toEqual([]);
}

/** The browser's console names a page that is not found. */
function mayBeMissing(watch: Watch): void {
  watch.expectRefusals(404);
}

for (const colorScheme of ["light", "dark"] as const) {
  test.describe(`in ${colorScheme}`, () => {
    test.use({ colorScheme });
    for (const [name, path] of Object.entries(PUBLIC_PAGES)) {
      test(`${name} is accessible`, async ({ dashboard, watch }) => {
        mayBeMissing(watch);
        await dashboard.open(path);
        await hasNoViolation(dashboard.page);
      });
    }
    test("a form with errors is accessible", async ({ dashboard, watch }) => {
      watch.expectRefusals(422);
      await dashboard.open("/sign-up");
      await dashboard.page.getByLabel("E-mail address").fill("ada@localhost");
      await dashboard.page.getByLabel("Password").fill("short");
      await dashboard.press("Sign up");
      await expect(dashboard.page.locator("[aria-invalid=true]")).toHaveCount(1);
      await hasNoViolation(dashboard.page);
    });
  });

  signedIn.describe(`in ${colorScheme}, signed in`, () => {
    signedIn.use({ colorScheme });
    for (const [name, path] of Object.entries(MEMBER_PAGES)) {
      signedIn(`${name} is accessible`, async ({ dashboard, workshop, watch }) => {
        mayBeMissing(watch);
        await dashboard.open(path(workshop));
        await hasNoViolation(dashboard.page);
      });
    }
  });
}

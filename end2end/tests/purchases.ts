// What somebody bought, without a seller: as it stands in the database once it was read.
import { query } from "../stack/database.ts";
import { stack } from "../stack/stack.ts";

/** As a reading of the seller's records leaves it. */
export function buys(appPath: string, sub: string): void {
  const app = appPath.split("/").at(-1);
  const bought = [{ source: "stripe", id: "sub_1", names: ["price_123", "prod_1"], state: { kind: "active" }, paid_until: "2099-01-01T00:00:00Z", ends: false }];
  query(
    stack().databaseUrl,
    `INSERT INTO purchase_sources (app_id, account_id, source, sealed_key, key_hint, live, connected_at, checked_at, next_run_at)
     SELECT id, account_id, 'stripe', '\\x00', 'abcd', false, now(), now(), 'infinity' FROM apps WHERE id = '${app}' ON CONFLICT DO NOTHING;
     INSERT INTO purchasers (id, app_id, account_id, source, customer_id, issuer_id, sub, linked_by, entitlements, wanted, read, read_at, next_try_at, created_at)
     SELECT gen_random_uuid(), app_id, account_id, 'stripe', 'cus_${sub}', id, '${sub}', 'reference', '${JSON.stringify(bought)}', 1, 1, now(), 'infinity', now()
     FROM issuers WHERE app_id = '${app}'`,
  );
}

/** A customer whose records name a user that nobody found. */
export function buysWithoutUser(appPath: string, customer: string): void {
  const app = appPath.split("/").at(-1);
  query(
    stack().databaseUrl,
    `INSERT INTO purchasers (id, app_id, account_id, source, customer_id, named_user, email, entitlements, wanted, read, read_at, next_try_at, created_at, last_error)
     SELECT gen_random_uuid(), id, account_id, 'stripe', '${customer}', 'nobody', 'ann@example.com', '[]', 1, 1, now(), 'infinity', now(), 'no user of this app is called nobody' FROM apps WHERE id = '${app}'`,
  );
}

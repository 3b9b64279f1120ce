// The official Stripe library's word on signatures: what it says of ours, and some of its own. Cases come on stdin.
import { readFileSync } from "node:fs";
import Stripe from "stripe";

const { cases, toSign } = JSON.parse(readFileSync(0, "utf8"));
const stripe = new Stripe("sk_test_of_nobody");

function verdict({ body, header, secret }) {
  try {
    stripe.webhooks.constructEvent(body, header, secret);
    return true;
  } catch (error) {
    if (error instanceof Stripe.errors.StripeSignatureVerificationError) return false;
    throw error;
  }
}

const signed = toSign.map(({ body, secret, timestamp }) =>
  stripe.webhooks.generateTestHeaderString({ payload: body, secret, timestamp }),
);
console.log(JSON.stringify({ verdicts: cases.map(verdict), signed }));

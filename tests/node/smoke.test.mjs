// The official Node SDK against Meterline: what its users rely on, call by call.
//
// METERLINE_API_BASE and METERLINE_API_KEY say where; METERLINE_LOSE_ANSWER, if set, is an address
// that makes the next answer get lost on the way.

import assert from "node:assert/strict";
import { test } from "node:test";
import Stripe from "stripe";

const base = new URL(process.env.METERLINE_API_BASE);
const options = { host: base.hostname, port: base.port, protocol: base.protocol.replace(":", "") };
const client = (key = process.env.METERLINE_API_KEY, more = {}) =>
  new Stripe(key, { ...options, ...more });
const stripe = client();
const unique = () => Math.random().toString(36).slice(2, 10);

async function catalogue() {
  const meter = await stripe.billing.meters.create({
    display_name: "Tokens",
    event_name: `tokens_${unique()}`,
    default_aggregation: { formula: "sum" },
  });
  const price = await stripe.prices.create({
    currency: "usd",
    recurring: { interval: "month", usage_type: "metered", meter: meter.id },
    billing_scheme: "tiered",
    tiers_mode: "graduated",
    tiers: [
      { up_to: 1000, unit_amount_decimal: "0.05" },
      { up_to: "inf", unit_amount_decimal: "0.02", flat_amount: 100 },
    ],
    product_data: { name: "API calls" },
    expand: ["tiers"],
  });
  return { meter, price };
}

test("decimal amounts, tiers and expansion", async () => {
  const { meter, price } = await catalogue();
  assert.equal(price.recurring.meter, meter.id);
  assert.equal(String(price.tiers[0].unit_amount_decimal), "0.05");
  assert.equal(price.tiers[1].up_to, null);
  const again = await stripe.prices.retrieve(price.id, { expand: ["product"] });
  assert.equal(again.tiers, undefined);
  assert.equal(again.product.name, "API calls");
});

test("a customer is created, changed, cleared, found and deleted", async () => {
  const own = unique();
  const customer = await stripe.customers.create({
    name: "Ännchen & Söhne = 100 %",
    email: "a@example.com",
    metadata: { own },
    address: { city: "Köln", country: "DE" },
  });
  assert.equal(customer.name, "Ännchen & Söhne = 100 %");
  const changed = await stripe.customers.update(customer.id, { email: "", metadata: { plan: "x" } });
  assert.equal(changed.email, null);
  assert.deepEqual({ ...changed.metadata }, { own, plan: "x" });
  const found = await stripe.customers.search({ query: `metadata["own"]:"${own}"` });
  assert.deepEqual(found.data.map((one) => one.id), [customer.id]);
  assert.equal((await stripe.customers.del(customer.id)).deleted, true);
});

test("a subscription on a test clock, and its objects", async () => {
  const { price } = await catalogue();
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: 1704067200 });
  const customer = await stripe.customers.create({ test_clock: clock.id });
  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
    expand: ["items.data.price.product", "customer.test_clock"],
  });
  assert.equal(subscription.status, "active");
  assert.equal(subscription.items.data[0].price.product.name, "API calls");
  assert.equal(subscription.customer.test_clock.frozen_time, 1704067200);
  const listed = await stripe.subscriptions.list({ customer: customer.id });
  assert.deepEqual(listed.data.map((one) => one.id), [subscription.id]);
  assert.equal((await stripe.subscriptions.cancel(subscription.id)).status, "canceled");
});

test("meter events, their session and stream", async () => {
  const { meter } = await catalogue();
  const customer = await stripe.customers.create();
  const identifier = `event-${unique()}`;
  const event = {
    event_name: meter.event_name,
    identifier,
    payload: { stripe_customer_id: customer.id, value: "12.5" },
  };
  assert.equal((await stripe.billing.meterEvents.create(event)).identifier, identifier);
  await assert.rejects(stripe.billing.meterEvents.create(event), /already exists with identifier/);
  const session = await stripe.v2.billing.meterEventSession.create();
  const streamer = client(session.authentication_token);
  const events = [1, 2, 3].map((n) => ({ ...event, identifier: `${identifier}-${n}` }));
  await streamer.v2.billing.meterEventStream.create({ events });
});

test("every refusal is the SDK's class for it", async () => {
  const thrown = (type, more = {}) => (error) => {
    assert.equal(error.constructor.name, type);
    for (const [name, value] of Object.entries(more)) assert.equal(error[name], value, name);
    return true;
  };
  await assert.rejects(
    stripe.products.create({}),
    thrown("StripeInvalidRequestError", { code: "parameter_missing", param: "name", statusCode: 400 }),
  );
  await assert.rejects(
    stripe.customers.retrieve("cus_missing"),
    thrown("StripeInvalidRequestError", { code: "resource_missing", statusCode: 404 }),
  );
  await assert.rejects(
    client(`sk_test_${"x".repeat(24)}`).customers.list(),
    thrown("StripeAuthenticationError", { statusCode: 401 }),
  );
  const idempotencyKey = unique();
  await stripe.products.create({ name: "A" }, { idempotencyKey });
  await assert.rejects(
    stripe.products.create({ name: "B" }, { idempotencyKey }),
    thrown("StripeIdempotencyError", { statusCode: 400 }),
  );
});

test("auto-paging over 250 objects while rows are being added", async () => {
  const product = await stripe.products.create({ name: "Many" });
  const made = [];
  for (let n = 0; n < 250; n += 1) {
    const price = { currency: "usd", unit_amount: n, product: product.id };
    made.push((await stripe.prices.create(price)).id);
  }
  const seen = [];
  for await (const price of stripe.prices.list({ product: product.id, limit: 50 })) {
    seen.push(price.id);
    if (seen.length % 60 === 0) {
      await stripe.prices.create({ currency: "usd", unit_amount: 1, product: product.id });
    }
  }
  assert.deepEqual(seen, made.reverse());
});

test("a page of v2 events leads to the next one", async () => {
  await stripe.customers.create();
  await stripe.customers.create();
  const seen = [];
  const wanted = { limit: 1, types: ["v1.customer.created"] };
  for await (const event of stripe.v2.core.events.list(wanted)) {
    seen.push(event.type);
    if (seen.length === 2) break;
  }
  assert.deepEqual(seen, ["v1.customer.created", "v1.customer.created"]);
});

test("an event parses as a signed webhook", async () => {
  await stripe.customers.create();
  const [event] = (await stripe.events.list({ type: "customer.created", limit: 1 })).data;
  const payload = JSON.stringify(event);
  const secret = "whsec_test";
  const header = stripe.webhooks.generateTestHeaderString({ payload, secret });
  const parsed = stripe.webhooks.constructEvent(payload, header, secret);
  assert.equal(parsed.data.object.object, "customer");
});

if (process.env.METERLINE_LOSE_ANSWER) {
  test("a retry after a lost answer takes effect once", async () => {
    const own = unique();
    await fetch(process.env.METERLINE_LOSE_ANSWER);
    const customer = await stripe.customers.create({ metadata: { own } });
    const found = await stripe.customers.search({ query: `metadata["own"]:"${own}"` });
    assert.deepEqual(found.data.map((one) => one.id), [customer.id]);
  });
}

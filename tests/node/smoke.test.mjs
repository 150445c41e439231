// The official Node SDK against Meterline: what its users rely on, call by call.
//
// METERLINE_API_BASE and METERLINE_API_KEY say where; METERLINE_LOSE_ANSWER is an address that makes
// the answer to the next POST get lost on its way, after the request took effect.

import assert from "node:assert/strict";
import { test } from "node:test";
import Stripe from "stripe";

const base = new URL(process.env.METERLINE_API_BASE);
const options = { host: base.hostname, port: base.port, protocol: base.protocol.replace(":", "") };
const client = (key = process.env.METERLINE_API_KEY, more = {}) =>
  new Stripe(key, { ...options, ...more });
const stripe = client();
const unique = () => Math.random().toString(36).slice(2, 10);
const loseNextAnswer = () => fetch(process.env.METERLINE_LOSE_ANSWER, { method: "POST" });
const patience = 30_000;

async function eventually(look) {
  const until = Date.now() + patience;
  for (;;) {
    const found = await look();
    if (found || Date.now() > until) return found;
    await new Promise((done) => setTimeout(done, 100));
  }
}

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
  assert.equal(await eventually(async () => (await usage(meter, customer)) === 50), true);
});

async function usage(meter, customer) {
  const day = 86_400;
  const today = Math.floor(Date.now() / 1000 / day) * day;
  const summaries = await stripe.billing.meters.listEventSummaries(meter.id, {
    customer: customer.id,
    start_time: today - day,
    end_time: today + day,
  });
  return summaries.data.reduce((sum, one) => sum + Number(one.aggregated_value), 0);
}

test("v2 events, their adjustment, and the classes of v2 errors", async () => {
  const { meter } = await catalogue();
  const customer = await stripe.customers.create();
  const payload = { stripe_customer_id: customer.id, value: "7" };
  const event_name = meter.event_name;
  const sent = await stripe.v2.billing.meterEvents.create({ event_name, payload });
  assert.equal(sent.object, "v2.billing.meter_event");
  assert.equal(await eventually(async () => (await usage(meter, customer)) === 7), true);
  const cancel = { identifier: sent.identifier };
  const adjusted = await stripe.v2.billing.meterEventAdjustments.create({
    event_name,
    type: "cancel",
    cancel,
  });
  assert.equal(adjusted.cancel.identifier, sent.identifier);
  assert.equal(await eventually(async () => (await usage(meter, customer)) === 0), true);
  await assert.rejects(
    stripe.v2.billing.meterEvents.create({ event_name: `no_${unique()}`, payload }),
    { constructor: Stripe.errors.StripeInvalidRequestError, code: "no_meter" },
  );
  await assert.rejects(
    client("mtr_session_wrong").v2.billing.meterEventStream.create({
      events: [{ event_name, payload }],
    }),
    { constructor: Stripe.errors.StripeAuthenticationError },
  );
  await assert.rejects(stripe.v2.core.events.retrieve("evt_test_missing"), { statusCode: 404 });
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
  const add = (unit_amount) =>
    stripe.prices.create({ currency: "usd", unit_amount, product: product.id });
  const made = [];
  for (let n = 0; n < 250; n += 1) made.push((await add(n)).id);
  const walk = async (rows, idOf) => {
    const seen = [];
    for await (const row of rows) {
      if (seen.length % 60 === 30) await add(1);
      seen.push(idOf(row));
      if (seen.at(-1) === made[0]) break;
    }
    assert.equal(new Set(seen).size, seen.length, "an object came twice");
    return seen;
  };
  const listed = await walk(stripe.prices.list({ product: product.id, limit: 50 }), (row) => row.id);
  assert.deepEqual(listed, [...made].reverse());
  const told = await walk(
    stripe.v2.core.events.list({ types: ["v1.price.created"], limit: 50 }),
    (event) => event.related_object.id,
  );
  for (const id of made) assert.ok(told.includes(id), `${id} is missing`);
});

test("events parse as signed webhooks, in both dialects", async () => {
  const customer = await stripe.customers.create();
  const secret = "whsec_test";
  const [event] = (await stripe.events.list({ type: "customer.created", limit: 1 })).data;
  const payload = JSON.stringify(event);
  const header = stripe.webhooks.generateTestHeaderString({ payload, secret });
  const parsed = stripe.webhooks.constructEvent(payload, header, secret);
  assert.equal(parsed.data.object.id, customer.id);
  assert.throws(
    () => stripe.webhooks.constructEvent(`${payload} `, header, secret),
    Stripe.errors.StripeSignatureVerificationError,
  );
  const [thin] = (await stripe.v2.core.events.list({ object_id: customer.id })).data;
  const told = JSON.stringify(await stripe.v2.core.events.retrieve(thin.id));
  const signature = stripe.webhooks.generateTestHeaderString({ payload: told, secret });
  const notification = stripe.parseEventNotification(told, signature, secret);
  assert.equal(notification.type, "v1.customer.created");
  assert.equal((await notification.fetchEvent()).id, thin.id);
  assert.equal((await notification.fetchRelatedObject()).id, customer.id);
});

for (const [what, call, found] of [
  [
    "a customer",
    ({ own }) => stripe.customers.create({ metadata: { own } }),
    ({ own }) => stripe.customers.search({ query: `metadata["own"]:"${own}"` }),
  ],
  [
    "a subscription",
    ({ customer, price }) => stripe.subscriptions.create({ customer, items: [{ price }] }),
    ({ customer }) => stripe.subscriptions.list({ customer }),
  ],
  [
    "a balance transaction",
    ({ customer }) =>
      stripe.customers.createBalanceTransaction(customer, { amount: -500, currency: "usd" }),
    ({ customer }) => stripe.customers.listBalanceTransactions(customer),
  ],
]) {
  test(`a retry after a lost answer makes ${what} once`, async () => {
    const { price } = await catalogue();
    const customer = await stripe.customers.create();
    const world = { own: unique(), customer: customer.id, price: price.id };
    await loseNextAnswer();
    const made = await call(world);
    assert.equal(made.lastResponse.headers["idempotent-replayed"], "true");
    assert.deepEqual((await found(world)).data.map((one) => one.id), [made.id]);
  });
}

test("usage without an identifier counts once when its answer was lost", async () => {
  const { meter } = await catalogue();
  const customer = await stripe.customers.create();
  const payload = { stripe_customer_id: customer.id, value: "5" };
  await loseNextAnswer();
  await stripe.billing.meterEvents.create({ event_name: meter.event_name, payload });
  await stripe.billing.meterEvents.create({ event_name: meter.event_name, payload });
  assert.equal(await eventually(async () => (await usage(meter, customer)) === 10), true);
});

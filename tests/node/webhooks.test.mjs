// A receiver that is built on the Node SDK verifies every event of a story: snapshots at a webhook
// endpoint, thin events at an event destination.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import Stripe from "stripe";

const base = new URL(process.env.METERLINE_API_BASE);
const stripe = new Stripe(process.env.METERLINE_API_KEY, {
  host: base.hostname,
  port: base.port,
  protocol: base.protocol.replace(":", ""),
});
const patience = 60_000;
const known = 6_000; // a new endpoint is known a few seconds later

const heard = { snapshot: [], thin: [] };
const secrets = {};
const wrong = [];
const take = {
  snapshot: (body, header) => stripe.webhooks.constructEvent(body, header, secrets.snapshot),
  thin: (body, header) => stripe.parseEventNotification(body, header, secrets.thin),
};

const server = createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const form = request.url.slice(1);
  try {
    heard[form].push(take[form](Buffer.concat(parts), request.headers["stripe-signature"]));
    response.writeHead(200).end();
  } catch (error) {
    wrong.push(error);
    response.writeHead(400).end();
  }
});

let endpoint, destination;

before(async () => {
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const address = `http://127.0.0.1:${server.address().port}`;
  endpoint = await stripe.webhookEndpoints.create({
    url: `${address}/snapshot`,
    enabled_events: ["customer.*", "product.*", "price.*"],
  });
  destination = await stripe.v2.core.eventDestinations.create({
    name: "Node",
    type: "webhook_endpoint",
    event_payload: "thin",
    enabled_events: ["v1.customer.*", "v1.product.*", "v1.price.*"],
    webhook_endpoint: { url: `${address}/thin` },
    include: ["webhook_endpoint.signing_secret"],
  });
  secrets.snapshot = endpoint.secret;
  secrets.thin = destination.webhook_endpoint.signing_secret;
});

after(async () => {
  await stripe.webhookEndpoints.del(endpoint.id);
  await stripe.v2.core.eventDestinations.del(destination.id);
  server.closeAllConnections();
  server.close();
});

async function eventually(look) {
  const until = Date.now() + patience;
  while (!look() && Date.now() < until) await new Promise((done) => setTimeout(done, 100));
  assert.ok(look());
}

const about = (form, subject) =>
  heard[form].filter((event) =>
    form === "thin" ? event.related_object?.id === subject : event.data.object.id === subject,
  );

test("a ping reaches its destination at once", async () => {
  const ping = await stripe.v2.core.eventDestinations.ping(destination.id);
  assert.equal(ping.type, "v2.core.event_destination.ping");
  await eventually(() => heard.thin.some((event) => event.id === ping.id));
  const [event] = heard.thin.filter((one) => one.id === ping.id);
  assert.equal((await event.fetchRelatedObject()).id, destination.id);
});

test("every event of a story is verified, in both forms", async () => {
  await new Promise((done) => setTimeout(done, known));
  const customer = await stripe.customers.create({ name: "Ada" });
  await stripe.customers.update(customer.id, { name: "Ada L." });
  const product = await stripe.products.create({ name: "Seats" });
  const price = await stripe.prices.create({
    product: product.id,
    currency: "usd",
    unit_amount: 100,
  });
  await stripe.products.update(product.id, { name: "Chairs" });
  await stripe.customers.del(customer.id);
  const story = {
    [customer.id]: ["customer.created", "customer.deleted", "customer.updated"],
    [product.id]: ["product.created", "product.updated"],
    [price.id]: ["price.created"],
  };
  for (const [subject, types] of Object.entries(story)) {
    for (const [form, prefix] of [["snapshot", ""], ["thin", "v1."]]) {
      const wanted = types.map((type) => prefix + type);
      const found = () => [...new Set(about(form, subject).map((event) => event.type))].sort();
      await eventually(() => wanted.every((type) => found().includes(type)));
      assert.deepEqual(found(), wanted);
    }
  }
  for (const event of about("thin", product.id)) {
    const whole = await event.fetchEvent();
    assert.ok(heard.snapshot.some((one) => one.id === whole.snapshot_event));
  }
  assert.deepEqual(wrong, []);
});

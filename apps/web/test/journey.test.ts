/**
 * The whole journey of somebody who owns a webhook, in a real browser, against the real program and a real receiver: from the sign-up to a
 * repaired endpoint, a rotated secret and the built-in inbox. Each test goes on where the one before it ended.
 */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { openBrowser, type Visitor, visit } from './browser.ts';
import { type Receiver, startReceiver } from './receiver.ts';
import { openStage, type Stage } from './stage.ts';

let stage: Stage;
let receiver: Receiver;
let browser: Browser;
let visitor: Visitor;
let page: Page;
let application: string;

beforeAll(async () => {
  [stage, receiver, browser] = await Promise.all([openStage(), startReceiver(), openBrowser()]);
  await stage.provider('PUT', '/v1/event-types/shipment.status_updated', {
    description: 'A shipment changed its status',
    example: { shipment: { id: 'shp_7Q2M', status: 'in_transit' } },
  });
  visitor = await visit(browser);
  page = visitor.page;
});
afterAll(async () => {
  await browser.close();
  await receiver.close();
  await stage.close();
});

// A step that cannot begin where the one before it ended would only wait for what does not come.
let stopped: string | null = null;
beforeEach(() => {
  if (stopped !== null) throw new Error(`the journey ended at “${stopped}”`);
});
afterEach(({ task }) => {
  if (task.result?.state === 'fail') stopped ??= task.name;
});

const button = (name: string | RegExp) => page.getByRole('button', { name });
const link = (name: string | RegExp) => page.getByRole('link', { name });
const field = (name: string | RegExp) => page.getByLabel(name, { exact: typeof name === 'string' });
const expectSeen = (text: string | RegExp) => page.getByText(text).first().waitFor();
const at = (path: string) => `${stage.base}/${application}/sandbox/${path}`;

interface Delivery {
  readonly id: string;
  readonly status: string;
}

async function publish(status: string, key = 'shp_7Q2M'): Promise<Delivery> {
  const event = await stage.provider<{ id: string }>('POST', '/v1/events', {
    application,
    type: 'shipment.status_updated',
    ordering_key: key,
    data: { shipment: { id: key, status } },
  });
  const { data } = await stage.provider<{ data: Delivery[] }>('GET', `/v1/deliveries?event=${event.id}`);
  const [delivery] = data;
  if (delivery === undefined) throw new Error('the event has no delivery');
  return delivery;
}

const statusOf = async (id: string) => (await stage.provider<Delivery>('GET', `/v1/deliveries/${id}`)).status;

test('signs up and names the business', async () => {
  await page.goto(stage.base);
  await link('Create one').click();
  await field('Your name').fill('Ada Lovelace');
  await field('E-mail').fill('ada@example.com');
  await field('Password').fill('a few words in a row');
  await button('Create account').click();
  await field('Business').fill('Ada’s Bookshop');
  await button('Go on').click();
  await page.waitForURL(/\/app_\w+\/sandbox\/settings\/api$/);
  application = new URL(page.url()).pathname.split('/')[1] ?? '';
  await expectSeen('Test data. Nothing here reaches production.');
  expect(await page.getByRole('navigation', { name: 'Environment' }).getByText('Sandbox').getAttribute('aria-current')).not.toBeNull();
});

test('sends a test request before saving, and is told what to mend', async () => {
  await field('Webhook URL').fill(receiver.url.replace('/webhooks', '/webhook'));
  await button('Send test request').click();
  await expectSeen('It did not work: 405 Method Not Allowed');
  await expectSeen(/does not accept POST/);
});

test('mends the URL, gives the receiver the secret, and sees the test pass', async () => {
  await field('Webhook URL').fill(receiver.url);
  await button('Send test request').click();
  await expectSeen('It did not work: 403 Forbidden');
  await expectSeen(/Is it the right secret/);
  const secret = await page
    .getByText(/^whsec_/)
    .first()
    .innerText();
  receiver.secrets = [secret];
  await button('Send test request').click();
  await expectSeen('It works: 200 OK');
  await expectSeen('Valid signature');
  expect(receiver.received.at(-1)).toBe('webhook.test');
});

test('saves it with that very secret, and a schedule of its own', async () => {
  await page.getByText('Advanced').click();
  await field('Retry schedule').fill('4');
  await button('Save webhook URL').click();
  await page.getByRole('heading', { name: 'Signing secret' }).waitFor();
  await button('Reveal the secret').click();
  await page
    .getByText(receiver.secrets[0] ?? '')
    .first()
    .waitFor();
  await button('Send test request').click();
  await expectSeen('It works: 200 OK');
});

test('sees a published event wait for its dispatch, dispatches, and sees the attempt', async () => {
  await link('Deliveries').click();
  await page.getByText('No deliveries yet').waitFor();
  await publish('picked_up');
  // The list is live: nothing is reloaded.
  const row = page.getByRole('list', { name: 'Deliveries' }).getByRole('link').first();
  await row.click();
  await expectSeen(/Waits for the next dispatch/);
  await button('Dispatch now').click();
  await expectSeen('200 OK');
  await expectSeen('Valid signature');
  expect(receiver.received.at(-1)).toBe('shipment.status_updated');
  await page.getByText('Request headers').click();
  await expectSeen('webhook-timestamp');
});

test('sees why an event waits behind one that fails', async () => {
  receiver.answers = 500;
  const first = await publish('in_transit');
  const second = await publish('delivered');
  await page.goto(at(`deliveries/${second.id}`));
  await button('Dispatch now').click();
  await expectSeen('Waits for an earlier event');
  await link(first.id).click();
  await expectSeen('500 Internal Server Error');
  await expectSeen(/had an error of its own/);
  await expectSeen('the order database is down');
  await expectSeen(/Waits for its next attempt/);
  await expect.poll(() => Promise.all([statusOf(first.id), statusOf(second.id)]), { timeout: 20_000 }).toEqual(['failed', 'failed']);
  await expectSeen('Every attempt of the retry schedule failed.');
}, 40_000);

test('sees at a glance that the endpoint fails, why, and when it will be disabled', async () => {
  const reason = /not one of \d+ attempts was accepted; the last came to status 500\. Without a success it is disabled after \d/;
  await page.goto(at('overview'));
  const attention = page.getByRole('region', { name: 'Needs attention' });
  await attention.getByText(reason).waitFor();
  await expectSeen('Enabled, failing');
  await page.goto(at('settings/api'));
  await expectSeen('This endpoint fails');
  await expectSeen(reason);
  await expectSeen('Enabled, failing');
});

test('recovers what failed', async () => {
  receiver.answers = 200;
  await link('API Settings').click();
  await button('Actions').click();
  await page.getByRole('menuitem', { name: /Recover failed deliveries/ }).click();
  await button('Recover').click();
  await page.getByRole('progressbar').waitFor();
  await expectSeen('All of them are on their way again.');
  await button('Done').click();
  await link('Deliveries').click();
  await expect
    .poll(async () => (await stage.provider<{ data: Delivery[] }>('GET', '/v1/deliveries?status=failed')).data.length, { timeout: 20_000 })
    .toBe(0);
  await page.getByRole('radio', { name: 'Succeeded' }).click();
  await expect.poll(() => page.getByRole('list', { name: 'Deliveries' }).getByRole('link').count()).toBe(3);
  await page.goto(at('overview'));
  await page.getByText('Enabled', { exact: true }).waitFor();
  expect(await page.getByText('Needs attention').count()).toBe(0);
});

test('rotates the secret while the receiver verifies throughout', async () => {
  const before = receiver.received.length;
  const deliver = async (status: string) => {
    const { id } = await publish(status, `rotation-${status}`);
    await stage.provider('POST', '/v1/dispatch');
    await expect.poll(() => statusOf(id), { timeout: 15_000 }).toBe('succeeded');
  };
  await link('API Settings').click();
  await button('Rotate…').click();
  await button(/^Rotate$/).click();
  await expectSeen('A rotation is under way');
  // The receiver knows only the old secret yet.
  await deliver('before');
  const next = await page
    .getByText(/^whsec_/)
    .last()
    .innerText();
  expect(next).not.toBe(receiver.secrets[0]);
  receiver.secrets = [...receiver.secrets, next];
  await deliver('between');
  await button('Promote now…').click();
  await button(/^Promote$/).click();
  await expectSeen('The new secret is in force.');
  receiver.secrets = [next];
  await deliver('after');
  expect(receiver.received.slice(before)).toEqual(Array.from({ length: 3 }, () => 'shipment.status_updated'));
});

test('gets a test URL and sees an example arrive there', async () => {
  await link('Sandbox inbox').click();
  await button('Get a test URL').click();
  await page.getByRole('combobox', { name: 'Which example' }).selectOption('shipment.status_updated');
  await button('Send me an example').click();
  const requests = page.getByRole('list', { name: 'Requests' }).getByRole('button');
  await requests.first().waitFor();
  await requests.first().click();
  await expectSeen('Signature valid');
  await expectSeen('"shp_7Q2M"');
  await publish('picked_up', 'for-the-inbox');
  await button('Dispatch now').click();
  await expect.poll(() => requests.count(), { timeout: 15_000 }).toBe(2);
});

test('reads in the audit log what was done', async () => {
  await link('Audit log').click();
  await expectSeen('added the webhook URL');
  await expectSeen('rotated the secret of');
  await expectSeen('promoted the next secret of');
});

test('finds nothing of the sandbox in production', async () => {
  await page.getByRole('navigation', { name: 'Environment' }).getByRole('link', { name: 'Production' }).click();
  await page.waitForURL(/\/production\//);
  expect(await page.getByText('Nothing here reaches production').count()).toBe(0);
  await link('Deliveries').click();
  await expectSeen('Nowhere to deliver to yet');
  await link('Events').click();
  await expectSeen('No events yet');
  await link('API Settings').click();
  await expectSeen('Set your webhook URL');
  await page.goto(at('deliveries').replace('/sandbox/', '/production/'));
  await expectSeen('Nowhere to deliver to yet');
});

test('signs out, and is asked to sign in again', async () => {
  await button(/^Account/).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.waitForURL(/\/sign-in/);
  await page.goto(at('deliveries'));
  await field('Password').waitFor();
  expect(new URL(page.url()).searchParams.get('to')).toContain('/sandbox/deliveries');
});

test('no page complained on the way', () => {
  expect(visitor.complaints).toEqual([]);
});

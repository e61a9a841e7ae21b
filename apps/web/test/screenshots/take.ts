/** `npm run screenshots`: the pictures of the README, of the real program with the data of the shipping demo. Takes some three minutes. */
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { freePort, startServer } from '../../../server/test/process/server-process.ts';
import { openBrowser, settle } from '../browser.ts';
import { foundBusiness, post, signUp } from '../stage.ts';
import { ask, describeEvents, live, publish, startShops } from './history.ts';

const TO = join(import.meta.dirname, '../../../../docs/screenshots');
const MOST_BYTES = 150 * 1024;

const folder = await mkdtemp(join(tmpdir(), 'posthorn-screenshots-'));
const dataDir = join(folder, 'data');
const port = await freePort();
const env = { POSTHORN_EGRESS_ADDRESSES: '203.0.113.10, 203.0.113.11', POSTHORN_LOG_LEVEL: 'warn' };
const shops = await startShops();
const browser = await openBrowser();
await mkdir(TO, { recursive: true });
try {
  // The customer signs up and sets two webhook URLs; then a day goes by.
  const first = await startServer({ dataDir, port, env });
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, timezoneId: 'Europe/Berlin', locale: 'en-GB' });
  await signUp(context, first.base, 'ada@example.com');
  const application = await foundBusiness(context, first.base, 'Shipping demo');
  await describeEvents(first);
  const works = await ask<{ id: string }>(first, 'POST', '/v1/endpoints', { application, url: shops.works, description: 'Order system' });
  await ask(first, 'POST', '/v1/endpoints', { application, url: shops.struggles, description: 'Warehouse', event_types: ['shipment.*'] });
  await first.end('SIGTERM');
  await live({ dataDir, port, application, shops });

  // Now: the warehouse is down again, and some events wait for the next dispatch.
  const server = await startServer({ dataDir, port, env });
  shops.fail(true);
  await publish(server, application, { count: 30, from: 0 });
  await ask(server, 'POST', '/v1/dispatch');
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  await publish(server, application, { count: 6, from: 9 });
  await ask(server, 'POST', `/v1/endpoints/${works.id}/secret/rotate`, {});

  const page = await context.newPage();
  const at = `${server.base}/${application}/sandbox`;
  const take = async (name: string) => {
    await settle(page);
    await page.mouse.move(0, 0);
    await new Promise((resolve) => setTimeout(resolve, 800));
    const path = join(TO, `${name}.png`);
    await page.screenshot({ path });
    const { size } = await stat(path);
    if (size > MOST_BYTES) throw new Error(`${name}.png has ${size} bytes`);
    console.log(`${name}.png ${Math.round(size / 1024)} KB`);
  };

  await page.goto(`${at}/overview`);
  await page.getByText('Needs attention').waitFor();
  await page.getByRole('img', { name: /attempts over time/ }).waitFor();
  await take('overview');
  await page.emulateMedia({ colorScheme: 'dark' });
  await take('overview-dark');
  await page.emulateMedia({ colorScheme: 'light' });

  await page.goto(`${at}/settings/api/${works.id}`);
  await page.getByRole('button', { name: 'Send test request' }).click();
  await page.getByText(/^It works/).waitFor();
  await page.evaluate(() => scrollTo(0, 0));
  await take('api-settings');

  await page.goto(`${at}/settings/api?tab=verify&language=node`);
  await page.getByRole('button', { name: 'Copy program' }).waitFor();
  await take('verify');

  await page.goto(`${at}/deliveries`);
  await page.getByText('Retrying').first().click();
  await page.getByText('500 Internal Server Error').first().waitFor();
  await take('deliveries');

  await page.emulateMedia({ colorScheme: 'dark' });
  await openInbox(page, at);
  await take('inbox-dark');
  await page.emulateMedia({ colorScheme: 'light' });
  await server.end('SIGTERM');

  async function openInbox(on: Page, base: string): Promise<void> {
    const inbox = await post<{ url: string }>(context, `${server.base}/v1/inboxes`, {});
    const { id } = await ask<{ id: string }>(server, 'POST', '/v1/endpoints', {
      application,
      url: inbox.url,
      description: 'Sandbox inbox',
    });
    for (const type of ['shipment.created', 'shipment.status_updated']) await ask(server, 'POST', `/v1/endpoints/${id}/test`, { type });
    await on.goto(`${base}/inbox`);
    await on.getByRole('list', { name: 'Requests' }).getByRole('button').first().click();
    await on.getByText('"shipment"').waitFor();
  }
} finally {
  await browser.close();
  shops.close();
  await rm(folder, { recursive: true, force: true });
}

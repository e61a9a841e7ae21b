/** Other people than the owner: a colleague who may only look, a customer who comes by the portal, and whoever sees the operator's colours. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectAccessible, openBrowser, settle, show, type Visitor, visit } from './browser.ts';
import { foundBusiness, openStage, type Stage, signUp } from './stage.ts';

/** As light as colours get: white text on it, and it as text on white, would be unreadable. */
const LEMON = '#fff200';

let stage: Stage;
let browser: Browser;
let owner: Visitor;
let application: string;

beforeAll(async () => {
  [stage, browser] = await Promise.all([openStage({ POSTHORN_BRAND_NAME: 'Parcel Post', POSTHORN_BRAND_ACCENT: LEMON }), openBrowser()]);
  owner = await visit(browser);
  await signUp(owner.context, stage.base, 'ada@example.com');
  application = await foundBusiness(owner.context, stage.base, 'Ada’s Bookshop');
  await stage.provider('POST', '/v1/endpoints', {
    application,
    url: 'http://127.0.0.1:9/webhooks',
    headers: { 'X-Token': 'of great value' },
  });
});
afterAll(async () => {
  await browser.close();
  await stage.close();
});

const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name });

test('an invited colleague joins by the link, and as a viewer finds nothing to change and no secret', async () => {
  await owner.page.goto(`${stage.base}/${application}/sandbox/settings/team`);
  await button(owner.page, 'Invite').click();
  const dialog = owner.page.getByRole('dialog');
  await dialog.getByLabel('E-mail').fill('grace@example.com');
  await dialog.getByLabel('Role').selectOption('viewer');
  await dialog.getByRole('button', { name: 'Invite' }).click();
  const link = await owner.page.getByRole('region', { name: 'invitation link' }).locator('pre').innerText();

  const { page, complaints } = await visit(browser);
  await page.goto(link);
  await page.getByText('You are invited to').waitFor();
  await page.getByLabel('Your name').fill('Grace Hopper');
  await page.getByLabel('Password').fill('some other words in a row');
  await button(page, 'Create account').click();
  await page.waitForURL(/\/sandbox\/overview$/);
  await page.goto(`${stage.base}/${application}/sandbox/settings/api`);
  await page.getByText('Developers and owners can see it.').waitFor();
  expect(await button(page, /Send test|Save|Rotate|Actions|Add a webhook|Reveal|Dispatch/).count()).toBe(0);
  expect(await page.getByLabel('Webhook URL', { exact: true }).isDisabled()).toBe(true);
  expect(await page.content()).not.toContain('of great value');
  await page.goto(`${stage.base}/${application}/sandbox/settings/team`);
  await page.getByText('Grace Hopper').first().waitFor();
  expect(await button(page, /Invite|Remove/).count()).toBe(0);
  expect(complaints).toEqual([]);

  await page.goto(link);
  await page.getByText('This invitation is over').waitFor();
});

test('a portal link opens the pages without an account, once', async () => {
  const { url } = await stage.provider<{ url: string }>('POST', `/v1/applications/${application}/portal-link`, {});
  const { page } = await visit(browser);
  await page.goto(url);
  await page.waitForURL(/\/(sandbox|production)\/overview$/);
  await page.getByText('Ada’s Bookshop').first().waitFor();
  await button(page, /^Account/).click();
  await page.getByText('You came through your provider’s page.').waitFor();
  await page.getByRole('menuitem', { name: 'Leave' }).click();
  await page.waitForURL(/\/sign-in/);
  await page.goto(url);
  await page.getByText('This link is over').waitFor();
  expect(await page.getByText('Parcel Post').count()).toBeGreaterThan(0);
});

test('a visitor by a link of the sandbox is offered the sandbox only, and a viewer no invitation', async () => {
  const made = { role: 'viewer', name: 'Vera' };
  const { id } = await stage.provider<{ id: string }>('POST', '/v1/applications', { name: 'Without people' });
  const { url } = await stage.provider<{ url: string }>('POST', `/v1/applications/${id}/portal-link`, made);
  const { page, complaints } = await visit(browser);
  const refused: string[] = [];
  page.on('response', (response) => response.status() === 403 && refused.push(response.url()));
  await page.goto(url);
  await page.waitForURL(/\/sandbox\/overview$/);
  await page.goto(`${stage.base}/${id}/production/deliveries`);
  await page.waitForURL(/\/sandbox\/overview$/);
  await settle(page);
  expect(await page.getByRole('link', { name: 'Production' }).count()).toBe(0);
  await page.keyboard.press('Control+k');
  await page.getByRole('dialog').getByText('Light theme').waitFor();
  expect(await page.getByText('Switch to production').count()).toBe(0);
  await page.goto(`${stage.base}/${id}/sandbox/settings/team`);
  await page.getByText('Nobody has an account for this business yet.').waitFor();
  expect(await page.getByText('Invite the first person').count()).toBe(0);
  expect(refused).toEqual([]);
  expect(complaints).toEqual([]);
});

test('somebody of another business gets nothing of this one', async () => {
  const { page, context } = await visit(browser);
  await signUp(context, stage.base, 'mallory@example.com');
  await foundBusiness(context, stage.base, 'Elsewhere');
  await page.goto(`${stage.base}/${application}/sandbox/settings/api`);
  await page.getByText('There is nothing here').waitFor();
  expect(await page.content()).not.toContain('127.0.0.1:9/webhooks');
  await expectAccessible(page, 'nothing here');
});

test('whatever the operator’s colour, everything can be read', async () => {
  const { page } = owner;
  for (const path of ['sandbox/settings/api', 'sandbox/settings/team', 'production/overview']) {
    await page.goto(`${stage.base}/${application}/${path}`);
    await settle(page);
    for (const theme of ['light', 'dark'] as const) {
      await show(page, theme);
      await expectAccessible(page, `${path}, ${theme}, in lemon`);
    }
  }
  expect(await page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue('--brand'))).toBe(LEMON);
  expect(await page.getByText('Parcel Post').count()).toBeGreaterThan(0);
});

test('a session that ends while a page is open leads back to the sign-in, and then to the page', async () => {
  const { page, context } = owner;
  await page.goto(`${stage.base}/${application}/sandbox/deliveries?status=failed`);
  await page.getByText('No delivery fits these filters').waitFor();
  await context.clearCookies();
  await page.waitForURL(/\/sign-in/);
  await page.getByLabel('E-mail').fill('ada@example.com');
  await page.getByLabel('Password').fill('a few words in a row');
  await button(page, 'Sign in').click();
  await page.waitForURL(/\/sandbox\/deliveries\?status=failed$/);
  expect(owner.complaints).toEqual([]);
});

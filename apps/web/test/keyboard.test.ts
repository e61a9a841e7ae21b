/** From the sign-up to a passing test request with the keyboard alone: the mouse is never touched, and the focus is seen on the way. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser, type Visitor, visit } from './browser.ts';
import { type Receiver, startReceiver } from './receiver.ts';
import { openStage, type Stage } from './stage.ts';

let stage: Stage;
let receiver: Receiver;
let browser: Browser;
let visitor: Visitor;

beforeAll(async () => {
  [stage, receiver, browser] = await Promise.all([openStage(), startReceiver(), openBrowser()]);
  visitor = await visit(browser);
});
afterAll(async () => {
  await browser.close();
  await receiver.close();
  await stage.close();
});

const MOST_STEPS = 60;

/** Goes on with Tab until something of that name has the focus. */
async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  const passed: string[] = [];
  for (let step = 0; step < MOST_STEPS; step += 1) {
    await page.keyboard.press('Tab');
    const focused = await nameOfFocused(page);
    passed.push(focused);
    if (typeof name === 'string' ? focused === name : name.test(focused)) {
      expect(await isRingSeen(page), `${focused} shows that it has the focus`).toBe(true);
      return;
    }
  }
  throw new Error(`${name} was not reached; passed: ${passed.join(' | ')}`);
}

function nameOfFocused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const element = document.activeElement;
    if (element === null) return '';
    const labelled =
      element instanceof HTMLInputElement || element instanceof HTMLSelectElement ? element.labels?.[0]?.textContent : undefined;
    return (element.getAttribute('aria-label') ?? labelled ?? element.textContent ?? '').trim();
  });
}

function isRingSeen(page: Page): Promise<boolean> {
  return page.evaluate(() => {
    const style = getComputedStyle(document.activeElement ?? document.body);
    return style.outlineStyle !== 'none' && Number.parseFloat(style.outlineWidth) >= 1;
  });
}

test('from the sign-up to a passing test request', async () => {
  const { page } = visitor;
  const { keyboard } = page;
  await page.goto(`${stage.base}/sign-up`);
  await page.getByRole('heading', { name: 'Create an account' }).waitFor();
  await tabTo(page, 'Your name');
  await keyboard.type('Ada Lovelace');
  await tabTo(page, 'E-mail');
  await keyboard.type('ada@example.com');
  await tabTo(page, 'Password');
  await keyboard.type('a few words in a row');
  await keyboard.press('Enter');

  await page.getByRole('heading', { name: 'Name your business' }).waitFor();
  await tabTo(page, 'Business');
  await keyboard.type('Ada’s Bookshop');
  await tabTo(page, 'Go on');
  await keyboard.press('Enter');

  await page.getByRole('heading', { name: 'Set your webhook URL' }).waitFor();
  await tabTo(page, 'Webhook URL');
  await keyboard.type(receiver.url);
  await tabTo(page, 'Save webhook URL');
  await keyboard.press('Enter');

  await page.getByRole('heading', { name: 'Signing secret' }).waitFor();
  await tabTo(page, 'Reveal the secret');
  await keyboard.press('Enter');
  receiver.secrets = [
    await page
      .getByText(/^whsec_/)
      .first()
      .innerText(),
  ];
  await tabTo(page, 'Send test request');
  await keyboard.press('Space');
  await page.getByText('It works: 200 OK').waitFor();
  expect(receiver.received).toEqual(['webhook.test']);
});

test('shortcuts lead from page to page and along a list; the skip link leads past the side bar', async () => {
  const { page } = visitor;
  const { keyboard } = page;
  const application = new URL(page.url()).pathname.split('/')[1] ?? '';
  for (const key of ['shp_1', 'shp_2', 'shp_3']) {
    await stage.provider('POST', '/v1/events', { application, type: 'shipment.created', ordering_key: key, data: {} });
  }
  await page.goto(`${stage.base}/${application}/sandbox/overview`);
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  await keyboard.press('g');
  await keyboard.press('d');
  await page.getByRole('heading', { name: 'Deliveries' }).waitFor();
  await page.getByRole('list', { name: 'Deliveries' }).waitFor();
  await keyboard.press('j');
  await keyboard.press('j');
  expect(await nameOfFocused(page)).toContain('shp_2');
  await keyboard.press('Enter');
  await page.waitForURL(/\/deliveries\/dlv_/);
  await keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Page or id' }).waitFor();
  await keyboard.type('catal');
  await keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Event catalogue' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'Event catalogue' }).waitFor();
  await keyboard.press('Tab');
  expect(await nameOfFocused(page)).toBe('Skip to the content');
  await keyboard.press('Enter');
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('content');
});

test('a dialog holds the focus, gives it back, and ends with Escape', async () => {
  const { page } = visitor;
  const { keyboard } = page;
  await keyboard.press('g');
  await keyboard.press('t');
  await page.getByRole('heading', { name: 'Team' }).waitFor();
  await tabTo(page, 'Invite');
  await keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  for (let step = 0; step < 12; step += 1) {
    await keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.closest('[role=dialog]') !== null)).toBe(true);
  }
  await keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await expect.poll(() => nameOfFocused(page)).toBe('Invite');
});

/** On every page, in both themes, axe finds nothing; none is wider than a telephone or longer than its content: with much to show, with nothing, with long texts. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectAccessible, expectNoEmptyEnd, expectNoSidewaysScroll, openBrowser, settle, show, type Visitor, visit } from './browser.ts';
import { type CrowdedBusiness, crowd, LONG_NAME } from './crowded-business.ts';
import { foundBusiness, openStage, post, type Stage, signUp } from './stage.ts';

const WIDE = { width: 1280, height: 860 };
const NARROW = { width: 375, height: 812 };

let stage: Stage;
let browser: Browser;
let owner: Visitor;
let stranger: Visitor;
let application: string;
let business: CrowdedBusiness;
let invitation: string;

beforeAll(async () => {
  [stage, browser] = await Promise.all([openStage({ POSTHORN_EGRESS_ADDRESSES: '203.0.113.10, 2001:db8::/48' }), openBrowser()]);
  owner = await visit(browser);
  stranger = await visit(browser);
  await signUp(owner.context, stage.base, 'ada@example.com');
  application = await foundBusiness(owner.context, stage.base, LONG_NAME);
  business = await crowd(stage, application);
  const inbox = await post<{ url: string }>(owner.context, `${stage.base}/v1/inboxes`, {});
  const toInbox = await stage.provider<{ id: string }>('POST', '/v1/endpoints', { application, url: inbox.url });
  await stage.provider('POST', `/v1/endpoints/${toInbox.id}/test`, {});
  const invited = { email: `${'x'.repeat(60)}@example.com`, role: 'viewer' };
  invitation = (await post<{ url: string }>(owner.context, `${stage.base}/v1/invitations`, invited)).url;
}, 60_000);
afterAll(async () => {
  await browser.close();
  await business.close();
  await stage.close();
});

/** Looks at the page as it is in every light and width that matters. */
async function expectGoodLooks(page: Page, name: string): Promise<void> {
  await settle(page);
  for (const theme of ['light', 'dark'] as const) {
    await show(page, theme);
    await expectAccessible(page, `${name}, ${theme}`, theme === 'light' ? 'everything' : 'colours');
  }
  await expectNoEmptyEnd(page, name);
  await page.setViewportSize(NARROW);
  await expectNoSidewaysScroll(page, name);
  await expectNoEmptyEnd(page, `${name}, narrow`);
  await page.setViewportSize(WIDE);
}

interface Look {
  readonly name: string;
  readonly path: () => string;
  /** What stands on the page when it is whole. */
  readonly shows: string | RegExp;
  readonly after?: (page: Page) => Promise<unknown>;
}

async function open(page: Page, { path, shows, after }: Look): Promise<void> {
  await page.setViewportSize(WIDE);
  await page.goto(stage.base + path());
  await page.getByText(shows).first().waitFor();
  await after?.(page);
}

const inside =
  (path: string, environment: 'sandbox' | 'production' = 'sandbox') =>
  () =>
    `/${application}/${environment}/${path}`;
const press = (name: string | RegExp) => (page: Page) => page.getByRole('button', { name }).first().click();

describe('with much to show', () => {
  const LOOKS: readonly Look[] = [
    {
      name: 'overview',
      path: inside('overview'),
      shows: 'Needs attention',
      after: (page) => page.locator('figure table').first().waitFor({ state: 'attached' }),
    },
    { name: 'deliveries', path: inside('deliveries'), shows: 'Succeeded' },
    { name: 'deliveries that no filter fits', path: inside('deliveries?key=none&since=1h'), shows: 'No delivery fits these filters' },
    { name: 'delivery that succeeded', path: () => inside(`deliveries/${business.deliveries.succeeded}`)(), shows: '200 OK' },
    {
      name: 'delivery that failed so far',
      path: () => inside(`deliveries/${business.deliveries.retrying}`)(),
      shows: /500 Internal Server Error/,
      after: (page) => page.getByText('Request headers').first().click(),
    },
    { name: 'delivery that waits', path: () => inside(`deliveries/${business.deliveries.waiting}`)(), shows: /^Waits for|^On its way/ },
    { name: 'events', path: inside('events'), shows: /^to \d endpoints$/ },
    { name: 'event', path: () => inside(`events/${business.event}`)(), shows: 'byte for byte' },
    { name: 'catalogue', path: inside('catalogue'), shows: 'A shipment was booked' },
    {
      name: 'event type, its example sent',
      path: inside('catalogue/shipment.created'),
      shows: 'Fields of its data',
      after: async (page) => {
        await press('Send me an example')(page);
        await page.getByText(/^It (works|did not work)/).waitFor();
      },
    },
    { name: 'event type with a long name', path: () => inside(`catalogue/${business.longType}`)(), shows: 'Fields of its data' },
    {
      name: 'sandbox inbox',
      path: inside('inbox'),
      shows: 'Signature valid',
      after: (page) => page.getByRole('list', { name: 'Requests' }).getByRole('button').first().click(),
    },
    { name: 'API Settings', path: inside('settings/api'), shows: 'Our addresses' },
    { name: 'a new webhook URL', path: inside('settings/api'), shows: 'Our addresses', after: press('Add a webhook URL') },
    {
      name: 'endpoint that fails, tested, its secret revealed',
      path: () => inside(`settings/api/${business.endpoints[1]}`)(),
      shows: 'Last deliveries',
      after: async (page) => {
        await page.getByText('Advanced').click();
        await press('Send test request')(page);
        await page.getByText(/^It did not work/).waitFor();
        await press('Reveal the secret')(page);
        await page.getByText('A rotation is under way').waitFor();
      },
    },
    { name: 'endpoint that is paused', path: () => inside(`settings/api/${business.endpoints[2]}`)(), shows: 'This endpoint is paused' },
    {
      name: 'rotation',
      path: () => inside(`settings/api/${business.endpoints[0]}`)(),
      shows: 'Last deliveries',
      after: press('Rotate…'),
    },
    {
      name: 'recovery',
      path: () => inside(`settings/api/${business.endpoints[0]}`)(),
      shows: 'Last deliveries',
      after: async (page) => {
        await press('Actions')(page);
        await page.getByRole('menuitem', { name: /Recover/ }).click();
        await page.getByRole('dialog').waitFor();
      },
    },
    { name: 'verify', path: inside('settings/api?tab=verify&language=php&scheme=standard'), shows: 'webhooks.php' },
    { name: 'API keys', path: inside('settings/api?tab=keys'), shows: 'Never used' },
    { name: 'a new key', path: inside('settings/api?tab=keys'), shows: 'Never used', after: press('Create a key') },
    { name: 'team', path: inside('settings/team'), shows: 'What each role may do' },
    { name: 'a new invitation', path: inside('settings/team'), shows: 'Members', after: press('Invite') },
    { name: 'audit log', path: inside('settings/audit-log'), shows: 'added the webhook URL' },
    { name: 'palette', path: inside('team/nowhere'), shows: 'There is nothing here', after: (page) => page.keyboard.press('Control+k') },
    { name: 'shortcuts', path: inside('overview'), shows: 'Needs attention', after: (page) => page.keyboard.press('?') },
    { name: 'account menu', path: inside('overview'), shows: 'Needs attention', after: press(/^Account/) },
  ];

  test.each(LOOKS)('$name', async (look) => {
    await open(owner.page, look);
    await expectGoodLooks(owner.page, look.name);
  });

  test('in a window of 375 pixels, 15 of them its scroll bar, the tabs do not scroll by a pixel and no filter is cut off', async () => {
    const { page } = owner;
    await open(page, { name: 'API Settings', path: inside('settings/api'), shows: 'Our addresses' });
    await page.setViewportSize({ ...NARROW, width: NARROW.width - 15 });
    const tooTall = await page.getByRole('tablist').evaluate(({ scrollHeight, clientHeight }) => scrollHeight - clientHeight);
    expect.soft(tooTall).toBe(0);
    await page.goto(stage.base + inside('deliveries')());
    const filters = page.getByRole('radio', { name: 'Canceled' }).locator('..');
    const tooWide = await filters.evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth);
    expect(tooWide).toBe(0);
  });

  test('the drawer of a narrow window', async () => {
    await open(owner.page, { name: 'overview', path: inside('overview'), shows: 'Needs attention' });
    await owner.page.setViewportSize(NARROW);
    await press('Pages')(owner.page);
    await owner.page.getByRole('dialog').waitFor();
    await expectAccessible(owner.page, 'drawer');
    await expectNoSidewaysScroll(owner.page, 'drawer');
  });
});

describe('with nothing to show', () => {
  const LOOKS: readonly Look[] = [
    { name: 'overview', path: inside('overview', 'production'), shows: 'Start with your webhook URL' },
    { name: 'deliveries', path: inside('deliveries', 'production'), shows: 'Nowhere to deliver to yet' },
    { name: 'events', path: inside('events', 'production'), shows: 'No events yet' },
    { name: 'API Settings', path: inside('settings/api', 'production'), shows: 'Set your webhook URL' },
    { name: 'API keys', path: inside('settings/api?tab=keys', 'production'), shows: 'No keys yet' },
    { name: 'inbox in production', path: inside('inbox', 'production'), shows: 'Inboxes are in the sandbox' },
  ];

  test.each(LOOKS)('$name', async (look) => {
    await open(owner.page, look);
    await expectGoodLooks(owner.page, look.name);
  });
});

describe('before one is inside', () => {
  const LOOKS: readonly Look[] = [
    { name: 'sign-in', path: () => '/sign-in', shows: 'Forgot your password?' },
    { name: 'sign-up', path: () => '/sign-up', shows: 'Create an account' },
    { name: 'forgotten password', path: () => '/forgot-password', shows: 'sends no mail' },
    { name: 'new password', path: () => '/reset-password/abc', shows: 'Set a new password' },
    { name: 'invitation', path: () => new URL(invitation).pathname, shows: 'You are invited to' },
    { name: 'invitation that is over', path: () => '/invite/abc', shows: 'This invitation is over' },
    { name: 'portal link that is over', path: () => '/portal/abc', shows: 'This link is over' },
    { name: 'operator’s link', path: () => new URL(stage.operatorLink()).pathname, shows: 'Become the operator' },
    { name: 'nowhere', path: () => '/nowhere', shows: 'There is nothing here' },
  ];

  test.each(LOOKS)('$name', async (look) => {
    await open(stranger.page, look);
    await expectGoodLooks(stranger.page, look.name);
  });

  test('a password that is wrong', async () => {
    const { page } = stranger;
    await open(page, { name: 'sign-in', path: () => '/sign-in', shows: 'Forgot your password?' });
    await page.getByLabel('E-mail').fill('ada@example.com');
    await page.getByLabel('Password').fill('not the password');
    await press('Sign in')(page);
    await page.getByRole('alert').waitFor();
    await expectGoodLooks(page, 'wrong password');
  });
});

test('the operator’s view', async () => {
  const { page, context } = stranger;
  await signUp(context, stage.base, 'operator@example.com');
  await open(page, { name: 'claim', path: () => new URL(stage.operatorLink()).pathname, shows: 'Become the operator as' });
  await press(/Become the operator as/)(page);
  await page.getByText('Slowest endpoints').waitFor();
  await page.getByText(LONG_NAME).first().waitFor();
  await page.goto(`${stage.base}/operator?environment=sandbox`);
  await page.getByRole('region', { name: 'Slowest endpoints' }).getByText(LONG_NAME).first().waitFor();
  await expectGoodLooks(page, 'operator');
  await press('Stop sending…')(page);
  await page.getByRole('dialog').waitFor();
  await expectGoodLooks(page, 'brake');
});

test('no page complained', () => {
  expect([...owner.complaints, ...stranger.complaints]).toEqual([]);
});

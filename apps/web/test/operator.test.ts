/** What an operator sets in the web app, and nobody else: the event catalogue, and when each environment sends. */
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectAccessible, expectNoSidewaysScroll, openBrowser, show, type Visitor, visit } from './browser.ts';
import { foundBusiness, openStage, type Stage, signUp } from './stage.ts';

let stage: Stage;
let browser: Browser;
let operator: Visitor;
let page: Page;
let application: string;

beforeAll(async () => {
  [stage, browser] = await Promise.all([openStage(), openBrowser()]);
  operator = await visit(browser);
  page = operator.page;
  await signUp(operator.context, stage.base, 'operator@example.com');
  await page.goto(stage.operatorLink());
  await button(/Become the operator as/).click();
  await expectSeen('Slowest endpoints');
  application = await foundBusiness(operator.context, stage.base, 'Ada’s Bookshop');
});
afterAll(async () => {
  await browser.close();
  await stage.close();
});

const button = (name: string | RegExp) => page.getByRole('button', { name });
const field = (name: string) => page.getByLabel(name, { exact: true });
const dialog = (name: string | RegExp) => page.getByRole('dialog', { name });
const expectSeen = (text: string | RegExp) => page.getByText(text).first().waitFor();

/** The focus may come a moment after what made it move: a dialog gives it back when it has gone. */
const expectFocus = (control: Locator) => control.and(page.locator(':focus')).waitFor();

/** In both themes, and as narrow as a telephone. */
async function expectGoodLooks(name: string): Promise<void> {
  for (const theme of ['light', 'dark'] as const) {
    await show(page, theme);
    await expectAccessible(page, `${name}, ${theme}`, theme === 'light' ? 'everything' : 'colours');
  }
  await page.setViewportSize({ width: 375, height: 812 });
  await expectNoSidewaysScroll(page, name);
  await page.setViewportSize({ width: 1280, height: 860 });
}

describe('the event catalogue', () => {
  const SCHEMA = '{\n  "type": "object",\n  "properties": {\n    "weight": { "type": "number", "maximum": 1.50 }\n  }\n}';
  const EXAMPLE = '{\n  "weight": 1.20\n}';
  const inCatalogue = () => stage.provider<{ example: unknown; strict: boolean }>('GET', '/v1/event-types/shipment.created');
  const written = async () => {
    const asked = { headers: { 'posthorn-environment': 'sandbox' } };
    return (await operator.context.request.get(`${stage.base}/v1/event-types/shipment.created`, asked)).text();
  };
  const catalogue = (environment = 'sandbox') => `${stage.base}/${application}/${environment}/catalogue`;

  test('an operator adds a type, told the line of each mistake', async () => {
    await page.goto(`${stage.base}/operator?environment=sandbox`);
    await page.getByRole('region', { name: 'Event catalogue' }).getByText('It is empty.').waitFor();
    await page.getByRole('link', { name: 'Open the catalogue' }).click();
    await page.waitForURL(catalogue());
    await expectSeen('The catalogue is empty');
    await button('Add an event type').click();
    await dialog('Add an event type').waitFor();
    await field('Name').fill('shipment.created');
    await field('Description').fill('A shipment was booked');
    await field('JSON Schema of its data').fill(SCHEMA.replace('"object",', '"object"'));
    await button('Add event type').click();
    await expectSeen(`This is no JSON. Expected "," or "}", found '"' at line 3, column 3.`);
    await expectFocus(field('JSON Schema of its data'));
    await field('JSON Schema of its data').fill(SCHEMA);
    await field('Example of its data').fill(EXAMPLE.replace('1.20', '2'));
    await page.getByRole('checkbox', { name: /^Strict/ }).check();
    await button('Add event type').click();
    await expectSeen('weight must be at most 1.5, says the schema given with it (line 2 of the example).');
    await expectGoodLooks('a new event type');
    await field('Example of its data').fill(EXAMPLE);
    await button('Add event type').click();
    await page.waitForURL(/\/catalogue\/shipment\.created$/);
    await expectSeen('Strict: a publish that does not fit the schema is refused.');
    expect(await written()).toContain(`"schema":${SCHEMA},"example":${EXAMPLE},"strict":true`);
  });

  test('a name that is taken replaces nothing', async () => {
    await button('Add an event type').click();
    await field('Name').fill('shipment.created');
    await button('Add event type').click();
    await expectSeen('The catalogue has a type of this name.');
    await page.keyboard.press('Escape');
    await dialog('Leave without saving?').getByRole('button', { name: 'Discard' }).click();
    await dialog('Add an event type').waitFor({ state: 'detached' });
    expect((await inCatalogue()).strict).toBe(true);
  });

  test('what is edited changes, and the rest stays as it was written', async () => {
    await button('Edit').click();
    await dialog('Edit shipment.created').getByLabel('Description').fill('A shipment was booked by a customer');
    await page.getByRole('checkbox', { name: /^Strict/ }).uncheck();
    await button('Save').click();
    await expectSeen('Not strict: a publish is not checked.');
    await expectSeen('A shipment was booked by a customer');
    expect(await written()).toContain(`"schema":${SCHEMA},"example":${EXAMPLE},"strict":false`);
  });

  test('a deletion says what it means, and is asked for twice', async () => {
    const endpoint = { application, url: 'https://shop.example/hook', event_types: ['shipment.created'] };
    await stage.provider('POST', '/v1/endpoints', endpoint, 'production');
    await button('Delete…').click();
    await expectSeen('1 endpoint in production names it among its event types, and goes on getting it.');
    await button('Delete event type').click();
    await expectSeen('The catalogue is empty');
    await expect(inCatalogue()).rejects.toThrow('404');
  });

  test('an owner sees the page, and nothing to change it with', async () => {
    await stage.provider('PUT', '/v1/event-types/shipment.created', { description: 'A shipment was booked' });
    const owner = await visit(browser);
    await signUp(owner.context, stage.base, 'owner@example.com');
    const own = await foundBusiness(owner.context, stage.base, 'Elsewhere');
    await owner.page.goto(`${stage.base}/${own}/sandbox/catalogue/shipment.created`);
    await owner.page.getByText('The provider has given no schema.').waitFor();
    expect(await owner.page.getByRole('button', { name: /Add an event type|Edit|Delete/ }).count()).toBe(0);
    expect(owner.complaints).toEqual([]);
  });
});

describe('the cadence', () => {
  const cadence = async (environment: 'production' | 'sandbox' = 'sandbox') =>
    (await stage.provider<{ cadence: string }>('GET', '/v1/dispatch', undefined, environment)).cadence;
  const ticks = () => page.getByRole('list', { name: 'The next dispatches' }).locator('time[datetime]');
  const openForm = () => button('Change cadence…').press('Enter');

  test('is told in words, with the next dispatch and where it comes from', async () => {
    await page.goto(`${stage.base}/operator?environment=sandbox`);
    const section = page.getByRole('region', { name: 'Cadence' });
    await section.getByText('Every 12 hours').waitFor();
    await section.getByText(/^Next dispatch at/).waitFor();
    await section.getByText('Given at the start of the server, by POSTHORN_CADENCE_SANDBOX=every 12h.').waitFor();
    expect(await section.getByText('sets it back').count()).toBe(0);
  });

  test('one that never fires, or has no time zone, is refused before it is set', async () => {
    await openForm();
    await dialog('Cadence of the sandbox').waitFor();
    await expectSeen('What you set here holds until the next start of the server');
    await page.getByRole('radio', { name: 'At intervals' }).focus();
    await page.keyboard.press('ArrowRight');
    await page.locator('[role=radio]:focus', { hasText: 'By a schedule' }).press('Enter');
    await field('Cron expression').fill('0 0 30 2 *');
    await expectSeen('"0 0 30 2 *" never fires.');
    await field('Cron expression').fill('0 9 * * MON-FRI');
    await field('Time zone').fill('Europe/Nowhere');
    await expectSeen('No time zone has this name.');
    await button('Set cadence').press('Enter');
    await expectFocus(field('Time zone'));
    expect(await cadence()).toBe('every 12h');
  });

  test('a schedule shows its next five dispatches, here and in its own zone', async () => {
    await field('Time zone').fill('America/New_York');
    await expectSeen(/, 09:00 in America\/New_York$/);
    // Two for each: the reader is in Berlin.
    expect(await ticks().count()).toBe(10);
    const shown = await ticks().evaluateAll((times) => times.map((time) => time.getAttribute('datetime') ?? ''));
    const { next } = await stage.provider<{ next: string[] }>(
      'GET',
      `/v1/dispatch/preview?cadence=${encodeURIComponent('cron 0 9 * * MON-FRI America/New_York')}`,
    );
    expect([...new Set(shown)]).toEqual(next);
    await expectGoodLooks('the form of a cadence');
    await page.keyboard.press('Escape');
    await dialog('Cadence of the sandbox').waitFor({ state: 'detached' });
    await expectFocus(button('Change cadence…'));
  });

  test('set in the form, it lets go at once what waits, and tells how long it holds', async () => {
    const { url } = await stage.provider<{ url: string }>('POST', '/v1/inboxes', { application });
    await stage.provider('POST', '/v1/endpoints', { application, url });
    await stage.provider('POST', '/v1/events', { application, type: 'a.b', data: {} });
    await page.reload();
    await openForm();
    await page.getByRole('radio', { name: 'At once' }).click();
    await expectSeen('1 delivery waits now. Whatever of it waits for a dispatch leaves at once.');
    await button('Set cadence').click();
    await expectSeen('In force from now on: at once.');
    await expectSeen('The next start of the server sets it back to every 12 hours');
    expect([await cadence(), await cadence('production')]).toEqual(['immediate', 'every 12h']);
    await expectGoodLooks('the operator’s page after a change');
    await page.goto(`${stage.base}/${application}/sandbox/deliveries`);
    await page.getByRole('list').getByText('Succeeded').waitFor();
    const { data } = await stage.provider<{ data: unknown[] }>('GET', '/v1/audit-log?limit=1');
    expect(data).toMatchObject([
      {
        actor: { kind: 'person', name: 'Ada Lovelace' },
        action: 'environment.update',
        changes: { cadence: { from: 'every 12h', to: 'immediate' } },
      },
    ]);
  });
});

test('no page complained', () => {
  expect(operator.complaints).toEqual([]);
});

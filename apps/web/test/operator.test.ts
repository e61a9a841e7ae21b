/** What an operator sets in the web app, and nobody else: the event catalogue, and when each environment sends. */
import type { Browser, Page } from 'playwright-core';
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
    await page.goto(catalogue());
    await expectSeen('The catalogue is empty');
    await button('Add an event type').click();
    await dialog('Add an event type').waitFor();
    await field('Name').fill('shipment.created');
    await field('Description').fill('A shipment was booked');
    await field('JSON Schema of its data').fill(SCHEMA.replace('"object",', '"object"'));
    await button('Add event type').click();
    await expectSeen(`This is no JSON. Expected "," or "}", found '"' at line 3, column 3.`);
    expect(await field('JSON Schema of its data').evaluate((area) => area === document.activeElement)).toBe(true);
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
    await expectGoodLooks('the deletion of an event type');
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

test('no page complained', () => {
  expect(operator.complaints).toEqual([]);
});

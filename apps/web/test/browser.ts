/** A real Chromium, from the npm registry, and what of a page is true on every page. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import { type Browser, type BrowserContext, type Page, chromium as playwright } from 'playwright-core';
import { expect } from 'vitest';
import { chromium } from './chromium.ts';

export type Theme = 'light' | 'dark';

/** Long enough for a machine that does other things too; nothing waits so long when all is well. */
const PATIENCE_MS = 15_000;

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export async function openBrowser(): Promise<Browser> {
  const { executablePath, env } = await chromium();
  return playwright.launch({
    executablePath,
    env: env as Record<string, string>,
    // As root there is no sandbox to be had; the pages are our own.
    args: ['--no-sandbox', '--headless=shell', '--disable-dev-shm-usage'],
    headless: true,
  });
}

interface Visit {
  readonly width?: number;
  readonly theme?: Theme;
}

export interface Visitor {
  readonly context: BrowserContext;
  readonly page: Page;
  /** What the pages wrote to the console as errors, and exceptions that nobody caught. */
  readonly complaints: readonly string[];
}

/** Somebody at a window of their own: with cookies of their own. */
export async function visit(browser: Browser, { width = 1280, theme = 'light' }: Visit = {}): Promise<Visitor> {
  const context = await browser.newContext({
    viewport: { width, height: 860 },
    colorScheme: theme,
    reducedMotion: 'reduce',
    timezoneId: 'Europe/Berlin',
    locale: 'en-GB',
  });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    // A refused call is the browser's own line; what the page makes of it is looked at where it matters.
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) complaints.push(message.text());
  });
  return { context, page, complaints };
}

/**
 * Nothing that axe-core can see is wrong with the page as it is now.
 *
 * @param what `colours`: only what a theme can change; the rest of the page is the same in both
 */
export async function expectAccessible(page: Page, name: string, what: 'everything' | 'colours' = 'everything'): Promise<void> {
  await page.evaluate(AXE);
  const found = await page.evaluate(async (only) => {
    const { axe } = window as unknown as { axe: { run: (options: object) => Promise<AxeResults> } };
    const results = await axe.run({
      resultTypes: ['violations'],
      ...(only === 'colours' && { runOnly: { type: 'rule', values: ['color-contrast', 'link-in-text-block'] } }),
    });
    return results.violations.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html.slice(0, 160)}`));
  }, what);
  expect(found, name).toEqual([]);
}

/** The page is no wider than its window. */
export async function expectNoSidewaysScroll(page: Page, name: string): Promise<void> {
  const sticksOut = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const elements = [...document.querySelectorAll('*')].filter((element) => element.getBoundingClientRect().right > clientWidth + 1);
    return elements.slice(0, 8).map((element) => `${element.tagName} ${element.getAttribute('class')}`);
  });
  expect(sticksOut, `${name} is wider than its window`).toEqual([]);
}

/** The page ends where its content does: nobody scrolls on into emptiness. */
export async function expectNoEmptyEnd(page: Page, name: string): Promise<void> {
  const { height, end } = await page.evaluate(() => {
    const root = document.documentElement;
    const bottom = document.querySelector('main')?.getBoundingClientRect().bottom ?? 0;
    return { height: root.scrollHeight, end: Math.max(root.clientHeight, bottom + root.scrollTop) };
  });
  expect(height, `${name} goes on below its content`).toBeLessThanOrEqual(Math.ceil(end) + 1);
}

/** Shows the page in a theme, as soon as the browser has painted it so. */
export async function show(page: Page, theme: Theme): Promise<void> {
  await page.emulateMedia({ colorScheme: theme });
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
}

/** The page has come to rest: what it shows first is there, and nothing says that it loads. */
export async function settle(page: Page): Promise<void> {
  await page.locator('h1').first().waitFor();
  await page.waitForFunction(() => document.querySelector('[aria-label="Loading"]') === null);
}

// SPDX-License-Identifier: Apache-2.0
// Looks at a page with axe, in both colour schemes.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, type Page } from '@playwright/test';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Finding {
  id: string;
  impact: string | null;
  nodes: { html: string; failureSummary?: string }[];
}

/** Fails for what axe calls serious or critical. */
export async function expectAccessible(page: Page, what: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await expect(page.locator('html')).toHaveAttribute('data-mantine-color-scheme', colorScheme);
    await page.evaluate(AXE);
    const findings = await page.evaluate(async () => {
      // biome-ignore lint/suspicious/noExplicitAny: axe is there only in the page
      const { violations } = await (window as any).axe.run(document, {
        resultTypes: ['violations'],
      });
      return violations as Finding[];
    });
    const serious = findings
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join('\n    ')}`);
    expect(serious, `${what}, ${colorScheme}`).toEqual([]);
  }
}

// SPDX-License-Identifier: Apache-2.0
// Runs before everything else. It is a file of its own because the Content-Security-Policy allows no
// inline script.

// No text ever becomes markup: the component library puts style sheets into <style> by `innerHTML`,
// which is let through as long as there is no tag in it; all else is refused by the browser.
globalThis.trustedTypes?.createPolicy('default', {
  createHTML: (text) => {
    if (text.includes('<')) throw new TypeError('The console makes no markup out of text.');
    return text;
  },
});

// The colours are set before the first paint, so that a dark console does not flash. The key is the
// one under which Mantine keeps the choice.
(() => {
  let choice = 'auto';
  try {
    choice = localStorage.getItem('mantine-color-scheme-value') ?? 'auto';
  } catch {
    // Storage may be forbidden; the system's preference is taken then.
  }
  const dark =
    choice === 'dark' || (choice === 'auto' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.setAttribute('data-mantine-color-scheme', dark ? 'dark' : 'light');
})();

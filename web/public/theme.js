// SPDX-License-Identifier: Apache-2.0
// Sets the colours before the first paint, so that a dark console does not flash. It is a file of
// its own because the Content-Security-Policy allows no inline script. The key is the one under
// which Mantine keeps the choice.
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

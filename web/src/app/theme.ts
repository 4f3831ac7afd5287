// SPDX-License-Identifier: Apache-2.0
// Colours and defaults of the component library. Everything else about looks is the library's.

import { createTheme, defaultVariantColorsResolver } from '@mantine/core';

/** The console's theme. Shades are chosen so that text on them has a contrast of 4.5 or more. */
export const theme = createTheme({
  primaryColor: 'blue',
  primaryShade: { light: 8, dark: 8 },
  defaultRadius: 'sm',
  cursorType: 'pointer',
  respectReducedMotion: true,
  fontFamily:
    'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace',
  headings: { fontWeight: '600' },
  // The library's text on a light tint of its own colour is too pale for some colours.
  variantColorResolver: (input) => {
    const colors = defaultVariantColorsResolver(input);
    if (input.variant !== 'light' || !input.color) return colors;
    const [name] = input.color.split('.');
    const dark = `color-mix(in srgb, var(--mantine-color-${name}-9), black 35%)`;
    return { ...colors, color: `light-dark(${dark}, ${colors.color})` };
  },
  components: {
    Tooltip: { defaultProps: { openDelay: 150, multiline: true, maw: 420, withArrow: true } },
    CloseButton: { defaultProps: { 'aria-label': 'Close' } },
    Modal: { defaultProps: { centered: true } },
  },
});

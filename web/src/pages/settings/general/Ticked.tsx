// SPDX-License-Identifier: Apache-2.0
// A sentence of the server in which names stand between backticks.

import { Code } from '@mantine/core';

/** The names as code. */
export function Ticked({ text }: { text: string }) {
  return text.split('`').map((part, place) =>
    place % 2 === 1 ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: parts of one sentence never move
      <Code key={place} fz="inherit">
        {part}
      </Code>
    ) : (
      part
    ),
  );
}

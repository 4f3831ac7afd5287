// SPDX-License-Identifier: Apache-2.0
// A table that scrolls sideways inside its own box instead of widening the page.

import { Box, Table } from '@mantine/core';
import type { ReactNode } from 'react';

/** `label` names the table; `minWidth` in px is what its columns need to be read. */
export function TableRegion({
  label,
  minWidth,
  children,
}: {
  label: string;
  minWidth: number;
  children: ReactNode;
}) {
  return (
    <Box
      role="region"
      aria-label={label}
      tabIndex={0}
      style={{ overflowX: 'auto', position: 'relative' }}
    >
      <Table highlightOnHover verticalSpacing="xs" miw={minWidth}>
        {children}
      </Table>
    </Box>
  );
}

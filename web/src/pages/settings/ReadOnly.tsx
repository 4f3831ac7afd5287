// SPDX-License-Identifier: Apache-2.0
// What an operator may read but not change.

import { Alert, Box, Tooltip } from '@mantine/core';
import { IconLock } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { ApiProblem } from '@/api/problem';
import { useIsAdmin } from '@/api/session';
import { ADMIN_ONLY } from '@/components/Guarded';
import { Failure } from '@/components/states';

/** Says so above the controls; nothing for an administrator. */
export function ReadOnlyNotice() {
  if (useIsAdmin()) return null;
  return (
    <Alert color="gray" icon={<IconLock />} title="You can read these settings">
      Only administrators change them. Ask one of them.
    </Alert>
  );
}

/** A control that says on hover why it cannot be used. */
export function Barred({ children }: { children: ReactNode }) {
  const isAdmin = useIsAdmin();
  return (
    <Tooltip label={ADMIN_ONLY} disabled={isAdmin}>
      <Box>{children}</Box>
    </Tooltip>
  );
}

/** A section that only administrators may see; it is not even asked for. */
export function AdminSection({ what, children }: { what: string; children: ReactNode }) {
  if (useIsAdmin()) return children;
  const problem = new ApiProblem(
    'forbidden',
    403,
    `Only administrators see ${what}. Ask one of them.`,
  );
  return <Failure error={problem} />;
}

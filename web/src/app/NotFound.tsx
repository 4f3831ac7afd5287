// SPDX-License-Identifier: Apache-2.0
// An address that leads nowhere.

import { Anchor } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { Page } from '@/components/Page';
import { Empty } from '@/components/states';

/** Says so, and leads on. */
export function NotFound() {
  return (
    <Page title="Not found">
      <Empty title="There is nothing at this address">
        It may have been shortened on its way here.{' '}
        <Anchor component={Link} to="/">
          Go to the dashboard
        </Anchor>
      </Empty>
    </Page>
  );
}

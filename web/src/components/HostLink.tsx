// SPDX-License-Identifier: Apache-2.0
// A host by its name, leading to its page.

import { Anchor } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { Untrusted } from './Untrusted';

/** Opens `/hosts/<id>`. A host without a name is shown by its id. */
export function HostLink({ id, hostname }: { id: string; hostname: string }) {
  return (
    <Anchor component={Link} to="/hosts/$hostId" params={{ hostId: id } as never} inherit>
      <Untrusted text={hostname || id} max={80} />
    </Anchor>
  );
}

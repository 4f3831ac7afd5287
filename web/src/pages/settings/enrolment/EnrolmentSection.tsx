// SPDX-License-Identifier: Apache-2.0
// How hosts come in: secrets, and kits that carry them.

import { Button, Group, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconPackage, IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import type { EnrollmentSecret } from '@/api/schema';
import { Section } from '@/components/Facts';
import { Empty, Failure, Loading } from '@/components/states';
import { Untrusted } from '@/components/Untrusted';
import { notifyDone } from '@/lib/notify';
import { Confirm } from '../Confirm';
import { MoreButton } from '../MoreButton';
import { AdminSection } from '../ReadOnly';
import { CreateSecret } from './CreateSecret';
import { useRevokeSecret, useSecrets } from './data';
import { KitDialog } from './KitDialog';
import { SecretTable } from './SecretTable';

/** The section. */
export function EnrolmentSection() {
  return (
    <AdminSection what="enrolment secrets">
      <Enrolment />
    </AdminSection>
  );
}

function Enrolment() {
  const secrets = useSecrets();
  const revoke = useRevokeSecret();
  const [creating, creation] = useDisclosure(false);
  const [packing, kit] = useDisclosure(false);
  const [revoked, setRevoked] = useState<EnrollmentSecret>();
  const items = secrets.data?.pages.flatMap((page) => page.items);
  return (
    <Section
      title="Enrolment"
      actions={
        <Group gap="xs">
          <Button
            size="sm"
            variant="default"
            leftSection={<IconPackage size={18} />}
            onClick={kit.open}
          >
            Enrolment kit
          </Button>
          <Button size="sm" leftSection={<IconPlus size={18} />} onClick={creation.open}>
            Create secret
          </Button>
        </Group>
      }
    >
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          An agent enrols with a secret and gets a key of its own. Revoking a secret lets no more
          machines in; hosts that enrolled with it stay.
        </Text>
        {secrets.error && <Failure error={secrets.error} retry={() => void secrets.refetch()} />}
        {!items && !secrets.error && <Loading lines={4} />}
        {items?.length === 0 && (
          <Empty title="No secrets yet">
            Create one, and download the kit that carries it to your hosts.
          </Empty>
        )}
        {items && items.length > 0 && <SecretTable secrets={items} onRevoke={setRevoked} />}
        <MoreButton query={secrets} />
      </Stack>
      <CreateSecret opened={creating} onClose={creation.close} />
      <KitDialog opened={packing} onClose={kit.close} />
      <Confirm
        about={revoked}
        title="Revoke this secret?"
        verb="Revoke secret"
        act={revoke}
        onClose={() => setRevoked(undefined)}
        onDone={() => notifyDone('The secret is revoked.')}
      >
        No machine can enrol with <b>{revoked && <Untrusted text={revoked.name} max={100} />}</b>{' '}
        any more, and kits that carry it are worthless. Hosts that enrolled with it stay. This
        cannot be undone.
      </Confirm>
    </Section>
  );
}

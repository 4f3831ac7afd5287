// SPDX-License-Identifier: Apache-2.0
// What is known of one host, as its agent said it.

import { Group, SimpleGrid, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { Host } from '@/api/schema';
import { settingsQuery } from '@/api/settings';
import { Copy } from '@/components/Copy';
import { Facts, Section } from '@/components/Facts';
import { Moment } from '@/components/Moment';
import { HostStatusMark } from '@/components/marks';
import { platformWord } from '@/components/platform-words';
import { Untrusted } from '@/components/Untrusted';
import { duration, exact } from '@/lib/format';

function text(value: string) {
  return value && <Untrusted text={value} max={200} />;
}

function copied(value: string, label: string) {
  return (
    value && (
      <Group gap={4} wrap="nowrap">
        <span>
          <Untrusted text={value} max={200} />
        </span>
        <Copy value={value} label={`Copy ${label}`} />
      </Group>
    )
  );
}

/** Identity, health and enrolment. */
export function HostFacts({ host }: { host: Host }) {
  return (
    <SimpleGrid cols={{ base: 1, sm: 2, xl: 3 }} spacing="md">
      <Section title="Health">
        <Health host={host} />
      </Section>
      <Section title="Identity">
        <Facts
          facts={[
            ['Name', copied(host.hostname, 'the name')],
            ['Identifier', copied(host.host_identifier, 'the identifier')],
            ['Hardware UUID', copied(host.hardware_uuid, 'the UUID')],
            ['Serial number', copied(host.hardware_serial, 'the serial number')],
            ['Platform', platformWord(host.platform)],
            ['Operating system', text(`${host.os_name} ${host.os_version}`.trim())],
            ['Architecture', text(host.arch)],
          ]}
        />
      </Section>
      <Section title="Enrolment">
        <Facts
          facts={[
            ['Host id', copied(host.id, 'the id')],
            ['Enrolled', <When key="enrolled" at={host.enrolled_at} />],
            [
              'Decommissioned',
              host.decommissioned_at ? <When key="cut" at={host.decommissioned_at} /> : 'no',
            ],
          ]}
        />
      </Section>
    </SimpleGrid>
  );
}

function When({ at }: { at: string }) {
  return (
    <>
      <Moment at={at} />, {exact(Date.parse(at))}
    </>
  );
}

function Health({ host }: { host: Host }) {
  const { data: settings } = useQuery(settingsQuery);
  const within = settings && duration(settings.host_online_s * 1000);
  const beyond = settings && duration(settings.host_offline_s * 1000);
  const meaning = {
    online: within && `heard from within ${within}`,
    stale: within && `not heard from for more than ${within}`,
    offline: beyond && `not heard from for more than ${beyond}`,
    decommissioned: 'cut off; its history stays',
  }[host.status];
  return (
    <Facts
      facts={[
        [
          'Status',
          <div key="status">
            <HostStatusMark status={host.status} />
            {meaning && (
              <Text size="xs" c="dimmed">
                {meaning}
              </Text>
            )}
          </div>,
        ],
        ['Last contact', <When key="contact" at={host.last_seen_at} />],
        ['From address', copied(host.ip_address, 'the address')],
        ['Agent', text(host.agent)],
        ['Agent version', text(host.agent_version)],
      ]}
    />
  );
}

// SPDX-License-Identifier: Apache-2.0
// The flag of campaigns and every cap.

import { Stack } from '@mantine/core';
import { Section } from '@/components/Facts';
import { Loaded } from '@/components/states';
import { useDraft } from '../data';
import { ReadOnlyNotice } from '../ReadOnly';
import { LeaveGuard, SaveBar } from '../SaveBar';
import { SettingField } from './SettingField';
import { grouped } from './words';

/** The section. */
export function GeneralSection() {
  const draft = useDraft();
  return (
    <Stack gap="md">
      <ReadOnlyNotice />
      <Loaded query={draft.schema} lines={10}>
        {({ items }) => (
          <Loaded query={draft.settings} lines={10}>
            {() =>
              grouped(items).map(({ title, settings }) => (
                <Section key={title} title={title}>
                  <Stack gap="xs">
                    {settings.map(({ label, item }) => (
                      <SettingField key={item.name} label={label} item={item} draft={draft} />
                    ))}
                  </Stack>
                </Section>
              ))
            }
          </Loaded>
        )}
      </Loaded>
      <SaveBar draft={draft} />
      <LeaveGuard draft={draft} />
    </Stack>
  );
}

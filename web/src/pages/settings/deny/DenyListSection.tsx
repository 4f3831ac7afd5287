// SPDX-License-Identifier: Apache-2.0
// What may not be asked of more than one host.

import { Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { schemaQuery } from '@/components/sql/queries';
import { Loaded } from '@/components/states';
import { useDraft } from '../data';
import { ReadOnlyNotice } from '../ReadOnly';
import { LeaveGuard, SaveBar } from '../SaveBar';
import { ListEditor } from './ListEditor';
import { LISTS } from './lists';

/** The section. */
export function DenyListSection() {
  const draft = useDraft();
  // Completion only: without it names can still be typed.
  const schema = useQuery(schemaQuery).data?.schema;
  return (
    <Stack gap="md">
      <Text maw={820}>
        Applies to queries and campaigns that target more than one host; a single host may be asked
        anything. A change reaches running campaigns: what it denies is not handed out any more, and
        hosts that were not asked yet become <em>blocked</em>. Entries are plain names, without
        wildcards.
      </Text>
      <ReadOnlyNotice />
      <Loaded query={draft.schema} lines={10}>
        {({ items, default_denials: denials }) => (
          <Loaded query={draft.settings} lines={10}>
            {() =>
              LISTS.map((list) => {
                const item = items.find(({ name }) => name === list.name);
                return (
                  item && (
                    <ListEditor
                      key={list.name}
                      list={list}
                      item={item}
                      denials={denials}
                      schema={schema}
                      draft={draft}
                    />
                  )
                );
              })
            }
          </Loaded>
        )}
      </Loaded>
      <SaveBar draft={draft} />
      <LeaveGuard draft={draft} />
    </Stack>
  );
}

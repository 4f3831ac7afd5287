// SPDX-License-Identifier: Apache-2.0
// What should be known about the text in the editor: where it comes from, who changed it meanwhile.

import { Alert, Anchor, Button, Group, Text } from '@mantine/core';
import { asProblem } from '@/api/problem';
import { Moment } from '@/components/Moment';
import { sameTarget } from '@/components/target/target';
import { targetWords } from '@/components/target-words';
import { Untrusted } from '@/components/Untrusted';
import type { useSaved } from './saved/useSaved';
import type { useDraft } from './useDraft';

/** All that apply now. */
export function Notices({
  text,
  saved,
}: {
  text: ReturnType<typeof useDraft>;
  saved: ReturnType<typeof useSaved>;
}) {
  const { open } = saved;
  const { draft } = text;
  const base = draft.saved?.version;
  return (
    <>
      {text.saved?.error && (
        <Alert color="yellow" role="alert" title="The saved query cannot be shown">
          {asProblem(text.saved.error).detail}
        </Alert>
      )}
      {text.isLost && (
        <Alert color="yellow" role="alert" title="The text is not here">
          A statement this long does not fit into an address. It is known only in the tab where it
          was opened.
        </Alert>
      )}
      {open && base !== undefined && open.version > base && (
        <Alert color="yellow" role="status">
          <Group gap="sm">
            <Text size="sm">
              <Untrusted text={open.updated_by.username} max={64} /> saved version {open.version}{' '}
              <Moment at={open.updated_at} />. You see version {base}.
            </Text>
            <Button size="xs" variant="default" onClick={() => text.open(open)}>
              Show version {open.version}
            </Button>
          </Group>
        </Alert>
      )}
      {open && !sameTarget(open.target, draft.target) && (
        <Text size="sm">
          Saved for: {targetWords(open.target)}.{' '}
          <Anchor
            component="button"
            type="button"
            inherit
            underline="always"
            onClick={() => text.setTarget(open.target)}
          >
            Use it
          </Anchor>
        </Text>
      )}
    </>
  );
}

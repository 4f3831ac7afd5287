// SPDX-License-Identifier: Apache-2.0
// Small hooks of this page.

import { useHotkeys } from '@mantine/hooks';
import { useRef } from 'react';
import type { Platform } from '@/api/schema';

/** The list as it was while its members are the same. */
export function useSame(platforms: Platform[] | undefined): readonly Platform[] | undefined {
  const kept = useRef(platforms);
  if (kept.current?.join() !== platforms?.join()) kept.current = platforms;
  return kept.current;
}

/** `Ctrl/⌘-Enter` anywhere on the page; in the editor it is the editor's own key. */
export function useRunKey(submit: () => void): void {
  useHotkeys(
    [
      [
        'mod+Enter',
        (event) => {
          const isElsewhere = document.querySelector('[role="dialog"]') !== null;
          if (!event.defaultPrevented && !isElsewhere) submit();
        },
        { preventDefault: false },
      ],
    ],
    [],
    true,
  );
}

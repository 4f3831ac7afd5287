// SPDX-License-Identifier: Apache-2.0
// Text that a host sent, shown so that it can do nothing but be read.

import { excerpt } from '@/lib/untrusted';

/** At most `max` characters, on one line, isolated from the direction of the text around it. */
export function Untrusted({ text, max }: { text: string; max?: number }) {
  const shown = excerpt(text, max);
  return (
    <bdi>
      {shown.text}
      {shown.cut && '…'}
    </bdi>
  );
}

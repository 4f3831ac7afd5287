// SPDX-License-Identifier: Apache-2.0
// Controls that cannot be used now: visible, reachable by keyboard, and saying why.

import { Button, type ButtonProps, Tooltip } from '@mantine/core';
import type { MouseEventHandler, Ref } from 'react';

/** Why an operator cannot use what is an administrator's. */
export const ADMIN_ONLY = 'Only administrators can do this. Ask one of them.';

/** What a button takes besides `barred`. */
export interface GuardedButtonProps extends ButtonProps {
  /** Why it cannot be used; without it, it can. */
  barred: string | undefined;
  onClick?: MouseEventHandler<HTMLButtonElement>;
  'aria-label'?: string;
  ref?: Ref<HTMLButtonElement>;
}

/** A button that, when barred, stays focusable and tells its reason instead of acting. */
export function GuardedButton({ barred, onClick, ...props }: GuardedButtonProps) {
  const events = { hover: true, focus: true, touch: true };
  return (
    <Tooltip label={barred} disabled={!barred} events={events}>
      <Button
        {...props}
        aria-disabled={barred ? true : undefined}
        data-disabled={barred ? true : undefined}
        onClick={(event) => (barred ? event.preventDefault() : onClick?.(event))}
      />
    </Tooltip>
  );
}

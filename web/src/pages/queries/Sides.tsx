// SPDX-License-Identifier: Apache-2.0
// The two panels beside the editor: in columns on a wide screen, in drawers on a narrow one.

import { ActionIcon, Card, Drawer, Tooltip } from '@mantine/core';
import { useDisclosure, useLocalStorage, useMediaQuery } from '@mantine/hooks';
import { IconLayoutSidebarLeftCollapse, IconLayoutSidebarRightCollapse } from '@tabler/icons-react';
import { type ReactNode, useCallback, useMemo } from 'react';
import classes from './queries.module.css';

/** From this width on there is room for columns. */
const WIDE = '(min-width: 80em)';

/** One panel: whether it is there, and how it comes and goes. */
export interface Side {
  isColumn: boolean;
  isOpen: boolean;
  open: () => void;
  close: () => void;
}

/** A panel that remembers on this browser whether it is wanted beside the editor. */
export function useSide(name: string): Side {
  const isColumn = useMediaQuery(WIDE, true, { getInitialValueInEffect: false }) ?? true;
  const [column, setColumn] = useLocalStorage({
    key: `mimir.queries.${name}`,
    defaultValue: true,
    getInitialValueInEffect: false,
  });
  const [drawer, { open, close }] = useDisclosure(false);
  const openColumn = useCallback(() => setColumn(true), [setColumn]);
  const closeColumn = useCallback(() => setColumn(false), [setColumn]);
  return {
    isColumn,
    isOpen: isColumn ? column : drawer,
    open: isColumn ? openColumn : open,
    close: isColumn ? closeColumn : close,
  };
}

/** Shows it; `children` gets the button that puts it away. */
export function SidePanel({
  side,
  label,
  position,
  children,
}: {
  side: Side;
  label: string;
  position: 'left' | 'right';
  children: (corner: ReactNode) => ReactNode;
}) {
  const { close } = side;
  // The same button each time, so that a panel can tell that nothing has changed.
  const corner = useMemo(() => {
    const isLeft = position === 'left';
    const Icon = isLeft ? IconLayoutSidebarLeftCollapse : IconLayoutSidebarRightCollapse;
    return (
      <Tooltip label="Put away">
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label={`Hide ${label.toLowerCase()}`}
          onClick={close}
        >
          <Icon size={16} />
        </ActionIcon>
      </Tooltip>
    );
  }, [label, position, close]);
  if (!side.isColumn) {
    return (
      <Drawer
        opened={side.isOpen}
        onClose={side.close}
        position={position}
        title={label}
        size="sm"
        styles={{
          content: { display: 'flex', flexDirection: 'column' },
          body: { flex: 1, minHeight: 0 },
        }}
      >
        {children(null)}
      </Drawer>
    );
  }
  if (!side.isOpen) return null;
  return (
    <Card withBorder p="sm" component="aside" aria-label={label} className={classes.side}>
      <div className={classes.inner}>{children(corner)}</div>
    </Card>
  );
}

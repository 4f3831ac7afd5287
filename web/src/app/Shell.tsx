// SPDX-License-Identifier: Apache-2.0
// Navigation, header and the place of the page.

import { AppShell, Burger, Group, NavLink, ScrollArea, Text, UnstyledButton } from '@mantine/core';
import { useDisclosure, useHotkeys } from '@mantine/hooks';
import { Link, Outlet, useLocation } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useState } from 'react';
import { useUser } from '@/api/session';
import { ConnectionBadge } from './ConnectionBadge';
import { navigation } from './navigation';
import { PaletteButton } from './PaletteButton';
import { ThemeButton } from './ThemeButton';
import { UserMenu } from './UserMenu';

const Palette = lazy(() => import('./Palette'));

/** Moves the focus to the search field of the page, if it has one. */
function focusSearch(): void {
  document.querySelector<HTMLInputElement>('main [data-search]')?.focus();
}

/** What a signed-in user sees around each page. */
export function Shell() {
  const user = useUser();
  const [open, { toggle, close }] = useDisclosure(false);
  const { pathname } = useLocation();
  // How often the palette was asked for; it is loaded at the first time.
  const [asked, setAsked] = useState(0);
  const ask = () => setAsked((count) => count + 1);
  useHotkeys([['/', focusSearch]]);
  // From anywhere, also out of fields and the editor.
  useHotkeys([['mod+K', ask]], [], true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each new address closes the menu
  useEffect(close, [pathname, close]);
  return (
    <AppShell
      header={{ height: 52 }}
      navbar={{ width: 208, breakpoint: 'sm', collapsed: { mobile: !open } }}
      padding="md"
    >
      <a className="skip-link" href="#main">
        Skip to the page
      </a>
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger
              opened={open}
              onClick={toggle}
              hiddenFrom="sm"
              size="sm"
              aria-label="Navigation"
            />
            <UnstyledButton component={Link} to="/" aria-label="Mimir, to the dashboard">
              <Group gap={8} wrap="nowrap">
                <img src="/icon.svg" alt="" width={26} height={26} />
                <Text fw={700} size="lg" visibleFrom="xs">
                  Mimir
                </Text>
              </Group>
            </UnstyledButton>
          </Group>
          <Group gap="xs" wrap="nowrap">
            <ConnectionBadge />
            <PaletteButton onOpen={ask} />
            <ThemeButton />
            <UserMenu />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label="Pages">
        <AppShell.Section grow component={ScrollArea}>
          {navigation(user).map(({ to, label, icon: Icon }) => (
            <NavLink
              key={to}
              component={Link}
              to={to}
              label={label}
              leftSection={<Icon size={18} stroke={1.7} aria-hidden />}
              active={to === '/' ? pathname === '/' : pathname.startsWith(to)}
              aria-current={pathname === to ? 'page' : undefined}
            />
          ))}
        </AppShell.Section>
      </AppShell.Navbar>
      <AppShell.Main id="main" tabIndex={-1}>
        <Outlet />
      </AppShell.Main>
      <Suspense>{asked > 0 && <Palette asked={asked} />}</Suspense>
    </AppShell>
  );
}

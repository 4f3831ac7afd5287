// SPDX-License-Identifier: Apache-2.0
// Doors: every number of a campaign leads to the hosts behind it.

import type { ReactNode } from 'react';
import { AnchorLink } from '@/components/links';
import type { LedgerSearch } from './search';
import { useCampaignId } from './useCampaignSearch';

/** What of the ledger an address names: everything that it says nothing about is not filtered. */
export function ledgerDoor(filter: LedgerSearch) {
  const all = { state: undefined, outcome: undefined, late: undefined, truncated: undefined };
  return { ...all, q: undefined, ...filter, ledger: true as const };
}

/** The cards that doors lead to, with what must not be filtered there. */
const CARDS = {
  'pending-hosts': { pending: undefined },
  'late-responses': { answers: undefined, answered: undefined },
};

/** Where a door leads: a part of the ledger, or a card by its name. */
export type DoorTo = { ledger: LedgerSearch } | { card: keyof typeof CARDS };

/** The address of a door. */
export function useDoor(to: DoorTo) {
  const campaignId = useCampaignId();
  const isLedger = 'ledger' in to;
  return {
    to: '/campaigns/$campaignId' as const,
    params: { campaignId },
    search: <S,>(before: S) => ({
      ...before,
      ...(isLedger ? ledgerDoor(to.ledger) : CARDS[to.card]),
    }),
    hash: isLedger ? 'ledger' : to.card,
    resetScroll: false,
  };
}

/** A door in text. `label` is its full name where the text alone does not say it. */
export function Door({ to, label, children }: { to: DoorTo; label?: string; children: ReactNode }) {
  const door = useDoor(to);
  return (
    <AnchorLink
      {...door}
      search={door.search as never}
      inherit
      underline="always"
      aria-label={label}
    >
      {children}
    </AnchorLink>
  );
}

// SPDX-License-Identifier: Apache-2.0
// What can be done with a saved query.

import type { SavedQuery } from '@/api/schema';

/** The entries of a saved query's menu. */
export type SavedVerb = 'open' | 'run' | 'launch' | 'edit' | 'versions' | 'delete';

/** Does it. */
export type SavedAction = (verb: SavedVerb, query: SavedQuery) => void;
